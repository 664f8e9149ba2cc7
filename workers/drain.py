"""Draining after a freeze: what was held back leaves at a chosen rate, so that a backlog does not go out in one burst.

Kept in `control` as `drain`, with the instant of the release. Only effects planned before it are held to the rate; it ends when none of
them is left.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers import control, ledger, limits
from workers.limits import Rank
from workers.providers.rate import Steady

NAME, BUCKET = "drain", "drain:"  # no source's name has a colon
HELD = "draining"


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What a freeze held back: effects, and how many minutes they take at a rate; None without one."""

    effects: int
    minutes: float | None


def backlog(connection: Connection, *, before: datetime, per_minute: int | None) -> Backlog:
    """What was planned before an instant and is not called yet."""
    count = _left(connection, before)
    return Backlog(effects=count, minutes=None if per_minute is None else round(count / per_minute, 1))


def begin(connection: Connection, *, per_minute: int, at: datetime) -> None:
    """Let what was planned until now leave at `per_minute`."""
    control.put(connection, NAME, {"since": at.isoformat(), "per_minute": per_minute}, at=at)


def holds(connection: Connection, planned_at: datetime) -> bool:
    """Whether an effect planned at `planned_at` leaves at a rate."""
    return _of_backlog(control.get(connection, NAME), planned_at)


def wait_for(connection: Connection, planned_at: datetime, *, machine: datetime) -> timedelta | None:
    """How long an effect planned at `planned_at` has to wait, its place kept, or None: it took its turn. To be committed either way."""
    value = control.get(connection, NAME)
    if not _of_backlog(value, planned_at):
        return None
    return limits.take(connection, BUCKET, Steady(value["per_minute"]), Rank.OPERATOR, machine=machine)


def end_where_empty(connection: Connection, *, at: datetime) -> None:
    """Forget the rate once nothing of the backlog is left."""
    value = control.get(connection, NAME)
    if value is not None and not _left(connection, datetime.fromisoformat(value["since"])):
        control.put(connection, NAME, None, at=at)


def _of_backlog(value: Any, planned_at: datetime) -> bool:
    return value is not None and planned_at < datetime.fromisoformat(value["since"])


def _left(connection: Connection, before: datetime) -> int:
    table = table_of(ledger.EffectRow)
    waiting = sa.and_(table.c.state.in_(("approved", "intended")), table.c.intended_at < before)
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(waiting)).scalar_one())
