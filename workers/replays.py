"""Replaying many events: which, one order each, spread over time, and how far that is. workers/previews.py says what would happen.

Called by the CLI and the console. An order goes through the inbox like every other act; what is done already keeps its slot, so a
replay never does it again. The orders of one replay share its id; those not carried out yet can be called off.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import table_of
from receiver.inbox import Delivery
from workers import control, events, operator, runs
from workers.operator import Order
from workers.views import SLACK, newest_before

FOUND_MAX = 10_000
CALLED_OFF = "called off"
_BY_KEY = 500


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which stored events: all that are given must fit. `status` and `reason` are those of a run the event started."""

    source: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    customer: str | None = None
    invoice: str | None = None
    workflow: str | None = None
    status: str | None = None
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing but a source narrows it."""
        return not any((self.type, self.since, self.until, self.customer, self.invoice, self.workflow, self.status, self.reason))

    @property
    def is_of_runs(self) -> bool:
        """Whether only what came of the events narrows it, and at most a source."""
        return not any((self.type, self.since, self.until, self.customer, self.invoice))


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a replay is. Of its `ordered` orders `done` were carried out or refused, `due` may begin, `later` wait for their minute.

    `ends_at`: when the last of them may begin.
    """

    replay: str
    ordered_at: datetime
    actor: str
    ordered: int
    done: int
    due: int
    later: int
    per_minute: int | None
    ends_at: datetime


_DELIVERY, _AUDIT = table_of(Delivery), table_of(control.Audit)
_WAITING = sa.and_(
    _DELIVERY.c.routed_at.is_(None), _DELIVERY.c.origin == "operator", _DELIVERY.c.native_type == "operator.replay",
)  # fmt: skip


def find(connection: Connection, wanted: Wanted, *, at_most: int = FOUND_MAX) -> list[int]:
    """Ids of the events, the oldest first, at most `at_most` and one more: which those are does not matter where there are too many."""
    event = table_of(events.EventRow)
    named = (("type", wanted.type), ("customer_id", wanted.customer), ("invoice_id", wanted.invoice))
    fits = [event.c[name] == value for name, value in named if value is not None]
    fits += [event.c.recorded_at >= wanted.since] if wanted.since else []
    fits += [event.c.recorded_at < wanted.until] if wanted.until else []
    bounds = _bounds(connection, event, wanted)
    fits += [test(event.c.id) for test in bounds]
    if wanted.workflow or wanted.status or wanted.reason:
        started = _started(wanted, bounds)
        triggers = connection.execute(started.limit(FOUND_MAX + 1)).scalars().all()
        some = sorted(set(triggers))
        if len(some) > at_most and wanted.is_of_runs:
            return some[: at_most + 1]
        if len(triggers) <= FOUND_MAX:  # all of them: found by their ids, whatever the source
            return _ids(connection, event, [*fits, event.c.id.in_(some)], at_most)
        fits.append(event.c.id.in_(started))
    sources = [wanted.source] if wanted.source else events.sources_of(connection)
    found = (_ids(connection, event, [event.c.source == source, *fits], at_most) for source in sources)
    return sorted(id for ids in found for id in ids)[: at_most + 1]


def _ids(connection: Connection, event: sa.Table, fits: Sequence[sa.ColumnElement[bool]], at_most: int) -> list[int]:
    """The ids of one source's events: the indexes begin with the source, and of several sources SQLite would rather read every event."""
    return list(connection.execute(sa.select(event.c.id).where(*fits).order_by(event.c.id).limit(at_most + 1)).scalars())


def _bounds(connection: Connection, event: sa.Table, wanted: Wanted) -> list[Callable[[sa.Column[Any]], sa.ColumnElement[bool]]]:
    """Between which ids the events of the wanted time are: no index is on the time, and ids follow it."""
    bounds: list[Callable[[sa.Column[Any]], sa.ColumnElement[bool]]] = []
    if wanted.since and (first := newest_before(connection, event, "recorded_at", wanted.since - SLACK)) is not None:
        bounds.append(lambda id: id >= first)
    if wanted.until and (last := newest_before(connection, event, "recorded_at", wanted.until + SLACK)) is not None:
        bounds.append(lambda id: id <= last)
    return bounds


def _started(wanted: Wanted, bounds: Sequence[Callable[[sa.Column[Any]], sa.ColumnElement[bool]]]) -> sa.Select[Any]:
    """The events that started the wanted runs."""
    run = table_of(runs.RunRow)
    named = (("source", wanted.source), ("workflow", wanted.workflow), ("status", wanted.status), ("reason", wanted.reason))
    fits = [run.c[name] == value for name, value in named if value is not None]
    return sa.select(run.c.trigger_id).where(*fits, *(test(run.c.trigger_id) for test in bounds))


def unknown(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Those of the ids no event has."""
    table = table_of(events.EventRow)
    known = set(connection.execute(sa.select(table.c.id).where(table.c.id.in_(ids))).scalars())
    return [id for id in ids if id not in known]


def order(
    connection: Connection,
    ids: Sequence[int],
    *,
    replay_id: str,
    workflow: str | None,
    actor: str,
    reason: str,
    at: datetime,
    per_minute: int,
) -> int:
    """Put an order for each event into the inbox, `per_minute` of them due each minute; how many are new.

    What another replay still under way has ordered for the same workflow is not ordered again.
    """
    event, new = table_of(events.EventRow), 0
    already = waiting_for(connection, workflow)
    ids = [id for id in ids if id not in already]
    for start in range(0, len(ids), _BY_KEY):
        some = ids[start : start + _BY_KEY]
        sources = {row.id: row.source for row in connection.execute(sa.select(event.c.id, event.c.source).where(event.c.id.in_(some)))}
        for place, event_id in enumerate(some, start=start):
            said = Order(act="replay", subject=str(event_id), workflow=workflow, actor=actor, reason=reason)
            arrival = operator.order_arrival(said, source=sources[event_id], at=at, id=f"{replay_id}:{event_id}")
            kept = inbox.append(connection, arrival)
            due_at = at + timedelta(minutes=place // per_minute)
            if kept.new and due_at > at:
                inbox.put_back(connection, kept.delivery_id, route_after=due_at)
            new += kept.new
    control.audited(
        connection,
        "replay-many",
        at=at,
        actor=actor,
        subject=replay_id,
        reason=reason,
        detail={"events": len(ids), "per_minute": per_minute},
    )
    return new


def is_ordered(connection: Connection, replay_id: str) -> bool:
    """Whether a replay of this id was ordered, however far it is by now."""
    same = sa.and_(_AUDIT.c.act == "replay-many", _AUDIT.c.subject == replay_id)
    return connection.execute(sa.select(_AUDIT.c.id).where(same).limit(1)).first() is not None


def minutes_of(orders: int, per_minute: int) -> int:
    """In how many minutes the last of so many orders begins."""
    return max(0, orders - 1) // per_minute


def waiting_for(connection: Connection, workflow: str | None) -> set[int]:
    """The events whose replay is ordered and not begun: for this workflow, or, where that is None, for all of theirs."""
    orders = (json.loads(body)["order"] for body in connection.execute(sa.select(_DELIVERY.c.body).where(_WAITING)).scalars())
    return {int(order["subject"]) for order in orders if order.get("workflow") in (None, workflow)}


def under_way(connection: Connection, *, now: datetime) -> list[Progress]:
    """The replays of which orders wait, the oldest first."""
    waiting: dict[str, list[sa.RowMapping]] = {}
    columns = (_DELIVERY.c.native_id, _DELIVERY.c.source, _DELIVERY.c.route_after)
    for row in connection.execute(sa.select(*columns).where(_WAITING).order_by(_DELIVERY.c.id)).mappings():
        waiting.setdefault(row["native_id"].partition(":")[0], []).append(row)
    acts = sa.select(_AUDIT).where(_AUDIT.c.act == "replay-many", _AUDIT.c.subject.in_(list(waiting)))
    said = {row["subject"]: row for row in connection.execute(acts.order_by(_AUDIT.c.id.desc())).mappings()}
    return [_progress(id, rows, said[id], now) for id, rows in waiting.items() if id in said]


def _progress(replay_id: str, waiting: Sequence[sa.RowMapping], said: sa.RowMapping, now: datetime) -> Progress:
    later = [row["route_after"] for row in waiting if row["route_after"] is not None and row["route_after"] > now]
    return Progress(
        replay=replay_id, ordered_at=said["at"], actor=said["actor"], ordered=said["detail"]["events"],
        done=max(0, said["detail"]["events"] - len(waiting)), due=len(waiting) - len(later), later=len(later),
        per_minute=said["detail"].get("per_minute"), ends_at=max(later, default=now),
    )  # fmt: skip


def call_off(connection: Connection, replay_id: str, *, actor: str, at: datetime) -> int:
    """Refuse the orders of a replay that are not carried out yet; how many."""
    of_it = _DELIVERY.c.native_id.startswith(f"{replay_id}:", autoescape=True)
    ids = (
        connection.execute(sa.select(_DELIVERY.c.id).where(_WAITING, of_it).with_for_update()).scalars().all()
    )  # one being routed is waited for
    inbox.mark_routed(connection, dict.fromkeys(ids, ("refused", CALLED_OFF)), at=at)
    control.audited(connection, "replay-off", at=at, actor=actor, subject=replay_id, detail={"orders": len(ids)})
    return len(ids)
