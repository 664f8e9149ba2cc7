"""The pulse: one small row a minute that says how billhook was doing, for charts of an hour or a day.

Owns table `pulse` and its queries. `billhook sweeper` writes it, whichever of several processes comes first; a minute in which none ran
has no row. Rows older than KEPT go.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import UtcDateTime, insert_new, table_of
from workers import duties
from workers.backlog import backlog
from workers.pace import pace
from workers.runtime import Runtime

NAME = "pulse"
EVERY, KEPT = timedelta(minutes=1), timedelta(days=14)


class Pulse(SQLModel, table=True):
    """How it was in the minute before `at`: how many arrived, were routed, were answered by providers; how long it took; what waited.

    `waiting_s`: the age of the oldest thing in line. `backlog`: how much stood in line, counted up to backlog.COUNTED of each kind.
    """

    __tablename__ = "pulse"

    at: datetime = Field(sa_column=sa.Column(UtcDateTime, primary_key=True))
    arrived: int = 0
    routed: int = 0
    answered: int = 0
    routing_ms: int | None = None
    routing_p95_ms: int | None = None
    call_ms: int | None = None
    call_p95_ms: int | None = None
    waiting_s: int = 0
    backlog: int = 0


_PULSE, _DUTY = table_of(Pulse), table_of(duties.Duty)
_NEXT = sa.select(_DUTY.c.next_at).where(_DUTY.c.name == NAME)
_SINCE = sa.select(_PULSE).where(_PULSE.c.at >= sa.bindparam("first")).order_by(_PULSE.c.at)


def beat(runtime: Runtime) -> bool:
    """Keep this minute's row, unless it is kept already."""
    with runtime.db.read() as connection:
        now = runtime.clock.business(connection)
        next_at = connection.execute(_NEXT).scalar_one_or_none()
    if next_at is not None and now < next_at:
        return False
    return runtime.db.write(lambda c: _keep(c, runtime.clock.business(c)))


def _keep(connection: Connection, now: datetime) -> bool:
    if not duties.due(connection, NAME, now=now, every=EVERY):
        return False
    going, line = pace(connection, now=now), backlog(connection, now=now)
    insert_new(connection, Pulse, {
        "at": now.replace(second=0, microsecond=0), "arrived": round(going.arrived), "routed": round(going.routed),
        "answered": round(going.answered),
        "routing_ms": _ms(going.routing.median_s), "routing_p95_ms": _ms(going.routing.p95_s),
        "call_ms": _ms(going.calls.median_s), "call_p95_ms": _ms(going.calls.p95_s),
        "waiting_s": 0 if line.oldest is None else max(0, round((now - line.oldest).total_seconds())), "backlog": line.in_line,
    })  # fmt: skip
    connection.execute(sa.delete(_PULSE).where(_PULSE.c.at < now - KEPT))
    return True


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def since(connection: Connection, first: datetime) -> Sequence[sa.RowMapping]:
    """The rows from `first` on, the oldest first."""
    return connection.execute(_SINCE, {"first": first}).mappings().all()
