"""Limits: how many calls a source's provider gets, all workers and hosts together, and whose turn it is when they are scarce.

Owns table `bucket`: one token bucket per source, refilled by machine time. An operation (the fresh reads of an effect with the call
itself; a read of several requests) takes its tokens before its first request: it waits for one, and owes what it needs beyond the
bucket. So it is never broken off in the middle, only to begin again. The lower a rank, the more tokens it must leave for the others.
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
from workers.providers.rate import Rate

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


def take(connection: Connection, source: str, rate: Rate, rank: Rank, *, machine: datetime) -> timedelta | None:
    """Take a token: None, or how long to wait where there is none."""
    found = lend(connection, source, rate, rank, machine=machine)
    return found if isinstance(found, timedelta) else None


def lend(
    connection: Connection, source: str, rate: Rate, rank: Rank, *, machine: datetime, needed: int = 1, wished: int = 1
) -> int | timedelta:
    """Take `needed` tokens, up to `wished` where so many are there: how many were taken, or how long to wait for the first."""
    tokens, booked_until = _filled(connection, source, rate, machine)
    spare = tokens - 1 - rank.value * (rate.size - 1)  # beyond the one token that is asked for, and what must be left to others
    if spare >= -1e-9:
        count = max(needed, min(wished, 1 + int(spare + 1e-9)))
        _store(connection, source, tokens=tokens - count, filled_at=machine)
        return count
    missing = -spare
    if rank is Rank.EFFECT:
        return max(LEAST, timedelta(seconds=missing / rate.per_s))
    booked = min(max(booked_until, machine) + timedelta(seconds=needed / rate.per_s), machine + QUEUE_MAX)
    _store(connection, source, booked_until=booked)
    wait: timedelta = max(LEAST, booked - machine, timedelta(seconds=missing / rate.per_s))
    return wait


def owe(connection: Connection, source: str, rate: Rate, *, machine: datetime) -> None:
    """Take a token that may not be there: for a request of an operation that has begun."""
    tokens, _ = _filled(connection, source, rate, machine)
    _store(connection, source, tokens=tokens - 1, filled_at=machine)


def _filled(connection: Connection, source: str, rate: Rate, machine: datetime) -> tuple[float, datetime]:
    """The tokens there are now, below zero where some are owed, and until when those who found none were told to wait; locked."""
    row = connection.execute(_LOCK, {"of_source": source}).first()
    if row is None:
        full = insert_of(connection, Bucket).values(source=source, tokens=rate.size, filled_at=machine, booked_until=machine)
        connection.execute(full.on_conflict_do_nothing())
        row = connection.execute(_LOCK, {"of_source": source}).one()
    filled = row.tokens + max(0.0, (machine - row.filled_at).total_seconds()) * rate.per_s
    return min(rate.size, filled), row.booked_until


def empty(connection: Connection, source: str, *, machine: datetime) -> None:
    """The provider itself said that it was too much: nobody asks until the bucket fills again. What is owed stays owed."""
    left = sa.case((_BUCKET.c.tokens < 0, _BUCKET.c.tokens), else_=0.0)
    connection.execute(sa.update(_BUCKET).where(_BUCKET.c.source == source).values(tokens=left, filled_at=machine))


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

    def take(self, source: str, rate: Rate, rank: Rank, count: int = 1) -> bool:
        """Take the tokens of one operation; whether that was written. Raises RateHeld where there is none to begin with."""
        key, now = (source, rank), self._clock.boot_s()
        with self._turn:
            lease = self._leases.get(key, Lease())
            if lease.left >= count and now < lease.until_s:
                self._leases[key] = replace(lease, left=lease.left - count)
                return False
            used = lease.taken - lease.left
            wished = 2 * lease.taken if now < lease.until_s else used
            wished = max(count, min(wished, int(rate.calls / rate.seconds * LEASED_S)))
            lent = self._db.write(lambda c: lend(c, source, rate, rank, machine=self._clock.machine(c), needed=count, wished=wished))
            if isinstance(lent, timedelta):
                self._leases[key] = Lease()
                raise RateHeld(lent)
            self._leases[key] = Lease(taken=lent, left=lent - count, until_s=now + LEASED_S)
            return True

    def owe(self, source: str, rate: Rate) -> None:
        """Take the token of a request that an operation needs beyond those it began with."""
        self._db.write(lambda c: owe(c, source, rate, machine=self._clock.machine(c)))


class Operation:
    """The tokens of one operation, taken when it is made; its requests wait for nothing any more.

    Raises RateHeld where it cannot begin. `written`: whether taking them was a commit.
    """

    def __init__(self, meter: Meter, source: str, rate: Rate, rank: Rank, requests: int) -> None:
        self.written = meter.take(source, rate, rank, requests)
        self._meter, self._source, self._rate, self._left = meter, source, rate, requests

    def take(self) -> None:
        """One request: of those taken, or owed where the operation needs more than it said."""
        if self._left > 0:
            self._left -= 1
        else:
            self._meter.owe(self._source, self._rate)


class Patient(Meter):
    """A Meter for a command that somebody watches: it waits for its token instead of coming back later."""

    def take(self, source: str, rate: Rate, rank: Rank, count: int = 1) -> bool:
        """Take the tokens of one operation, as soon as there is one to begin with."""
        while True:
            try:
                return super().take(source, rate, rank, count)
            except RateHeld as held:
                time.sleep(held.wait.total_seconds())
