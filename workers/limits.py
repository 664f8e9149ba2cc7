"""Limits: how many calls a source's provider gets, all workers and hosts together, and whose turn it is when they are scarce.

Owns table `bucket`: one token bucket per source, refilled by machine time. An effect takes its token in the transaction that commits
`calling`; a read takes one before it is sent. The lower a call's rank, the more tokens it must leave for the others.
"""

import threading
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


def take(connection: Connection, source: str, per_minute: int, rank: Rank, *, machine: datetime, count: int = 1) -> timedelta | None:
    """Take `count` tokens: None, or how long to wait where there are not enough and none was taken."""
    size, per_s = max(BURST_LEAST, per_minute * BURST), per_minute * (1 - BURST) / 60
    row = connection.execute(_LOCK, {"of_source": source}).first()
    if row is None:
        full = insert_of(connection, Bucket).values(source=source, tokens=size, filled_at=machine, booked_until=machine)
        connection.execute(full.on_conflict_do_nothing())
        row = connection.execute(_LOCK, {"of_source": source}).one()
    tokens = min(size, row.tokens + max(0.0, (machine - row.filled_at).total_seconds()) * per_s)
    missing = count + rank.value * (size - count) - tokens
    if missing <= 1e-9:
        _store(connection, source, tokens=tokens - count, filled_at=machine)
        return None
    if rank is Rank.EFFECT:
        return timedelta(seconds=missing / per_s)
    booked = min(max(row.booked_until, machine) + timedelta(seconds=count / per_s), machine + QUEUE_MAX)
    _store(connection, source, booked_until=booked)
    return timedelta(seconds=max((booked - machine).total_seconds(), missing / per_s))


def empty(connection: Connection, source: str, *, machine: datetime) -> None:
    """The provider itself said that it was too much: nobody asks until the bucket fills again."""
    _store(connection, source, tokens=0.0, filled_at=machine)


def _store(connection: Connection, source: str, **values: object) -> None:
    connection.execute(sa.update(_BUCKET).where(_BUCKET.c.source == source).values(values))


class Meter:
    """Takes tokens for the reads of one process: for a fast provider a second's worth at once, so that not each read writes."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock, self._turn = db, clock, threading.Lock()
        self._leased: dict[tuple[str, Rank], tuple[int, float]] = {}

    def take(self, source: str, per_minute: int, rank: Rank) -> None:
        """Take one token; raises RateHeld where there is none."""
        key, now = (source, rank), self._clock.boot_s()
        with self._turn:
            left, until = self._leased.get(key, (0, 0.0))
            if left and now < until:
                self._leased[key] = (left - 1, until)
                return
            count = max(1, int(per_minute * LEASED_S / 60))
            wait = self._db.write(lambda c: take(c, source, per_minute, rank, machine=self._clock.machine(c), count=count))
            if wait is not None:
                raise RateHeld(wait)
            self._leased[key] = (count - 1, now + LEASED_S)
