"""The two clocks of the engine.

Business time decides what is due (wake-ups, windows, validity, back-off); machine time decides who holds a lease. Both are read
from the database in a running billhook; tests and `simulate` bind one simulated instant to both.
"""

import time
from datetime import datetime
from typing import Protocol

from sqlalchemy.engine import Connection

from receiver.db import Database


class Clock(Protocol):
    """Tells both times, aware UTC, for a transaction on `connection`."""

    def business(self, connection: Connection) -> datetime: ...

    def machine(self, connection: Connection) -> datetime: ...

    def boot_s(self) -> float:
        """Seconds since boot, suspended time included: for deadlines inside one process."""
        ...


class DatabaseClock:
    """Both clocks are the database's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def business(self, connection: Connection) -> datetime:
        return self._database.machine_now(connection)

    def machine(self, connection: Connection) -> datetime:
        return self._database.machine_now(connection)

    def boot_s(self) -> float:
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
