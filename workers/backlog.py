"""What stands in line now: deliveries to route, runs to advance, and since when the oldest of each waits.

Counted by partial and status indexes, never beyond COUNTED: a longer line is told as so many and more. Used by the pulse, the console's
page Now and `billhook top`. Reads only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.inbox import Delivery
from workers.runs import RunRow

COUNTED = 10_000
OLDEST_OF = 1_000

_DELIVERY, _RUN = table_of(Delivery), table_of(RunRow)
_UNROUTED = sa.select(_DELIVERY.c.id).where(_DELIVERY.c.routed_at.is_(None))
_LATER = sa.and_(_DELIVERY.c.route_after.is_not(None), _DELIVERY.c.route_after > sa.bindparam("now"))
_OLDEST_UNROUTED = sa.select(_DELIVERY.c.received_at).where(_DELIVERY.c.routed_at.is_(None), ~_LATER).order_by(_DELIVERY.c.id).limit(1)
_READY = sa.select(_RUN.c.ready_at).where(_RUN.c.status == "ready").limit(OLDEST_OF).subquery()
_DUE = sa.and_(_RUN.c.status == "waiting", _RUN.c.wake_at <= sa.bindparam("now"))
_OLDEST_DUE = sa.select(sa.func.min(_RUN.c.wake_at)).where(_DUE)


@dataclass(frozen=True, slots=True)
class Count:
    """A number that was counted up to COUNTED; `more` where there are others."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}".replace(",", " ") + ("+" if self.more else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What stands in line. `due`: waiting runs whose instant has come. The oldest: since when it could have been taken, or None."""

    unrouted: Count
    ready: Count
    due: Count
    running: Count
    waiting: Count
    parked: Count
    oldest_unrouted: datetime | None
    oldest_run: datetime | None

    @property
    def in_line(self) -> int:
        """How much could be taken now."""
        return self.unrouted.number + self.ready.number + self.due.number

    @property
    def oldest(self) -> datetime | None:
        """Since when the longest of all waits."""
        return min((at for at in (self.oldest_unrouted, self.oldest_run) if at is not None), default=None)


def backlog(connection: Connection, *, now: datetime) -> Backlog:
    """The line at `now`. Of many ready runs the oldest is told of the first OLDEST_OF the index has."""
    of_status = {status: counted(connection, _of(status)) for status in ("ready", "running", "waiting", "parked")}
    told = {"now": now}
    ready_at = connection.execute(sa.select(sa.func.min(_READY.c.ready_at))).scalar_one()
    due_at = connection.execute(_OLDEST_DUE, told).scalar_one()
    return Backlog(
        **of_status, unrouted=counted(connection, _UNROUTED), due=counted(connection, sa.select(_RUN.c.id).where(_DUE), told),
        oldest_unrouted=connection.execute(_OLDEST_UNROUTED, told).scalar_one_or_none(),
        oldest_run=min((at for at in (ready_at, due_at) if at is not None), default=None),
    )  # fmt: skip


def counted(connection: Connection, query: sa.Select[Any], named: Mapping[str, Any] | None = None, *, most: int = COUNTED) -> Count:
    """How many rows a query has, up to `most`."""
    found = connection.execute(sa.select(sa.func.count()).select_from(query.limit(most + 1).subquery()), named or {}).scalar_one()
    return Count(min(found, most), found > most)


def together(counts: Iterable[Count]) -> Count:
    """Several counts as one."""
    said = list(counts)
    return Count(sum(one.number for one in said), any(one.more for one in said))


def _of(status: str) -> sa.Select[Any]:
    return sa.select(_RUN.c.wake_at).where(_RUN.c.status == status)
