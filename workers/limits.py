"""Limits: how many calls a source's provider gets, all workers and hosts together, and whose turn it is when they are scarce.

Owns table `bucket`: one token bucket per source, refilled by machine time. An effect takes its token in the transaction that commits
`calling`; a read takes one before it is sent. The lower a call's rank, the more tokens it must leave for the others.
"""

import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import Database, UtcDateTime, insert_of, table_of
from workers.clock import Clock
from workers.errors import RateHeld

BURST, BURST_LEAST = 0.2, 2.0  # of a minute's calls at once; what refills makes up the rest of the minute
LEASED_S = 1.0
QUEUE_MAX = timedelta(minutes=10)
LEAST = timedelta(milliseconds=1)  # what is missing may fill in less than a clock can tell, and nobody may come back at once for ever


class Rank(Enum):
    """Who asks: the share of the bucket that a call of this rank leaves untouched."""

    EFFECT = 0.0
    PREFLIGHT = 0.1
    OPERATOR = 0.2
    GAPS = 0.4
    SWEEP = 0.6


class Bucket(SQLModel, table=True):
    """The calls one source's provider takes now. `booked_until`: until when those who found it empty were told to wait."""

    __tablename__ = "bucket"

    source: str = Field(primary_key=True, max_length=64)
    tokens: float
    filled_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    booked_until: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


_BUCKET = table_of(Bucket)
_LOCK = sa.select(_BUCKET).where(_BUCKET.c.source == sa.bindparam("of_source")).with_for_update()


def take(connection: Connection, source: str, per_minute: int, rank: Rank, *, machine: datetime) -> timedelta | None:
    """Take a token: None, or how long to wait where there is none."""
    found = lend(connection, source, per_minute, rank, machine=machine, wished=1)
    return found if isinstance(found, timedelta) else None


def lend(connection: Connection, source: str, per_minute: int, rank: Rank, *, machine: datetime, wished: int) -> int | timedelta:
    """Take up to `wished` tokens: how many there were, or how long to wait for one."""
    size, per_s = max(BURST_LEAST, per_minute * BURST), per_minute * (1 - BURST) / 60
    row = connection.execute(_LOCK, {"of_source": source}).first()
    if row is None:
        full = insert_of(connection, Bucket).values(source=source, tokens=size, filled_at=machine, booked_until=machine)
        connection.execute(full.on_conflict_do_nothing())
        row = connection.execute(_LOCK, {"of_source": source}).one()
    tokens = min(size, row.tokens + max(0.0, (machine - row.filled_at).total_seconds()) * per_s)
    spare = tokens - 1 - rank.value * (size - 1)  # beyond the one token that is asked for, and what must be left to others
    if spare >= -1e-9:
        count = min(wished, 1 + int(spare + 1e-9))
        _store(connection, source, tokens=tokens - count, filled_at=machine)
        return count
    missing = -spare
    if rank is Rank.EFFECT:
        return max(LEAST, timedelta(seconds=missing / per_s))
    booked = min(max(row.booked_until, machine) + timedelta(seconds=1 / per_s), machine + QUEUE_MAX)
    _store(connection, source, booked_until=booked)
    wait: timedelta = max(LEAST, booked - machine, timedelta(seconds=missing / per_s))
    return wait


def empty(connection: Connection, source: str, *, machine: datetime) -> None:
    """The provider itself said that it was too much: nobody asks until the bucket fills again."""
    _store(connection, source, tokens=0.0, filled_at=machine)


def _store(connection: Connection, source: str, **values: object) -> None:
    connection.execute(sa.update(_BUCKET).where(_BUCKET.c.source == source).values(values))


@dataclass(frozen=True, slots=True)
class Lease:
    """Tokens of one process for one rank: how many were taken at once, how many are left, until when by its boot-time clock."""

    taken: int = 0
    left: int = 0
    until_s: float = 0.0


class Meter:
    """Takes tokens for the reads of one process: for a fast provider several at once, so that not each read writes.

    The first lease is one token; a lease used up within its second doubles the next, and the next after one that was not used up is
    what was used. So what idle processes hold and throw away stays less than what the busy ones use.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock, self._turn = db, clock, threading.Lock()
        self._leases: dict[tuple[str, Rank], Lease] = {}

    def take(self, source: str, per_minute: int, rank: Rank) -> bool:
        """Take one token; whether that was written. Raises RateHeld where there is none."""
        key, now = (source, rank), self._clock.boot_s()
        with self._turn:
            lease = self._leases.get(key, Lease())
            if lease.left and now < lease.until_s:
                self._leases[key] = replace(lease, left=lease.left - 1)
                return False
            used = lease.taken - lease.left
            wished = 2 * lease.taken if now < lease.until_s else used
            wished = max(1, min(wished, int(per_minute * LEASED_S / 60)))
            lent = self._db.write(lambda c: lend(c, source, per_minute, rank, machine=self._clock.machine(c), wished=wished))
            if isinstance(lent, timedelta):
                self._leases[key] = Lease()
                raise RateHeld(lent)
            self._leases[key] = Lease(taken=lent, left=lent - 1, until_s=now + LEASED_S)
            return True


class Patient(Meter):
    """A Meter for a command that somebody watches: it waits for its token instead of coming back later."""

    def take(self, source: str, per_minute: int, rank: Rank) -> bool:
        """Take one token, as soon as there is one."""
        while True:
            try:
                return super().take(source, per_minute, rank)
            except RateHeld as held:
                time.sleep(held.wait.total_seconds())
