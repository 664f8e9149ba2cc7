"""The sources: what came last from each, what was refused there and why, and how far it was read.

Used by the page Sources. Deliveries are looked at among the last RECENT, refusals are few by their cap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import table_of
from receiver.inbox import Delivery
from workers import breaker, control, silence

RECENT = 20_000
LATELY = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One source. `last_at` is when a push came last in four weeks, `counted` the last RECENT deliveries by origin."""

    name: str
    kind: str
    last_at: datetime | None
    counted: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    baseline_at: datetime | None = None
    synced_at: datetime | None = None
    since: datetime | None = None
    breaker_until: datetime | None = None


def rows(connection: Connection, kinds: Mapping[str, str], *, now: datetime) -> list[Row]:
    """Every source; `kinds` is the kind of each."""
    came, refused, pushed = _came(connection), _refused(connection, now), last_pushes(connection)
    found = []
    for name, kind in kinds.items():
        synced = control.get(connection, control.synced_name(name))
        own = {origin: seen for (source, origin), seen in came.items() if source == name}
        found.append(
            Row(
                name=name, kind=kind, last_at=pushed.get(name), refused=refused.get(name, {}),
                counted={origin: count for origin, (count, _) in own.items()}, baseline_at=control.baseline_at(connection, name),
                synced_at=datetime.fromisoformat(synced) if synced else None, since=control.since(connection, name, None),
                breaker_until=breaker.held_until(connection, name, now=now),
            )
        )  # fmt: skip
    return found


_DELIVERY = table_of(Delivery)
_LAST = sa.select(_DELIVERY.c.source, _DELIVERY.c.origin, _DELIVERY.c.received_at).order_by(_DELIVERY.c.id.desc()).limit(RECENT).subquery()
_CAME = sa.select(_LAST.c.source, _LAST.c.origin, sa.func.count(), sa.func.max(_LAST.c.received_at)).group_by(
    _LAST.c.source, _LAST.c.origin
)


def last_pushes(connection: Connection) -> dict[str, datetime]:
    """When a push came last from each source: among the newest deliveries, else as the watch for silence heard it."""
    fresh = {source: at for (source, origin), (_, at) in _came(connection).items() if origin == "push"}
    return {**silence.last_heard(connection), **fresh}


def _came(connection: Connection) -> dict[tuple[str, str], tuple[int, datetime]]:
    return {(source, origin): (count, at) for source, origin, count, at in connection.execute(_CAME)}


def _refused(connection: Connection, now: datetime) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for source, cause, count in inbox.refused_since(connection, now - LATELY):
        found.setdefault(source, {})[cause] = count
    return found


def strangers(connection: Connection, known: Sequence[str], *, now: datetime) -> dict[str, dict[str, int]]:
    """What was refused at sources nobody configured."""
    return {source: causes for source, causes in _refused(connection, now).items() if source not in known}
