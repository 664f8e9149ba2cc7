"""A clock that only tests move: both the business and the machine time of an engine under test."""

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection


class ManualClock:
    """Stands still until moved. `now` is aware, UTC."""

    def __init__(self, now: datetime) -> None:
        if now.tzinfo is None:
            raise ValueError("a test clock takes an aware datetime")
        self.now = now
        self.boot = 0.0

    def business(self, connection: Connection) -> datetime:
        return self.now

    def machine(self, connection: Connection) -> datetime:
        return self.now

    def boot_s(self) -> float:
        return self.boot

    def move(self, to: datetime) -> None:
        """Forward only."""
        if to < self.now:
            raise ValueError("a test clock moves forward only")
        self.boot += (to - self.now).total_seconds()
        self.now = to

    def pass_(self, span: timedelta) -> None:
        self.move(self.now + span)
