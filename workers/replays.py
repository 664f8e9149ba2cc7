"""Replaying many events: which, what would happen, and one order each, spread over time.

Called by the CLI and the console. An order goes through the inbox like every other act; what is done already keeps its slot, so a
replay never does it again. The orders of one replay share its id; those not carried out yet can be called off.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import table_of
from receiver.inbox import Delivery
from workers import control, engine, events, ledger, mirror, operator, runs
from workers.operator import Order
from workers.registry import Registry, concerns

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


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What replaying these events would do for one workflow of one source.

    `start`: runs that would begin. `live`: a run of the key is under way and would look again. `done`: of those that start, how many
    objects already have an effect of the workflow that is done, whose slot stays taken. `totals`: printed totals per currency of the
    invoices of the others.
    """

    source: str
    workflow: str
    mode: str
    start: int = 0
    live: int = 0
    done: int = 0
    totals: dict[str, Decimal] = field(default_factory=dict)


def find(connection: Connection, wanted: Wanted) -> list[int]:
    """Ids of the events, the oldest first, at most FOUND_MAX and one more."""
    event, run = table_of(events.EventRow), table_of(runs.RunRow)
    fits = [
        event.c[name] == value
        for name, value in (
            ("source", wanted.source), ("type", wanted.type), ("customer_id", wanted.customer), ("invoice_id", wanted.invoice),
        )
        if value is not None
    ]  # fmt: skip
    fits += [event.c.recorded_at >= wanted.since] if wanted.since else []
    fits += [event.c.recorded_at < wanted.until] if wanted.until else []
    query = sa.select(event.c.id).where(*fits)
    if wanted.workflow or wanted.status or wanted.reason:
        named = (("workflow", wanted.workflow), ("status", wanted.status), ("reason", wanted.reason))
        started = sa.select(run.c.trigger_id).where(*(run.c[name] == value for name, value in named if value is not None))
        query = query.where(event.c.id.in_(started))
    return list(connection.execute(query.order_by(event.c.id).limit(FOUND_MAX + 1)).scalars())


def unknown(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Those of the ids no event has."""
    table = table_of(events.EventRow)
    known = set(connection.execute(sa.select(table.c.id).where(table.c.id.in_(ids))).scalars())
    return [id for id in ids if id not in known]


def preview(connection: Connection, registry: Registry, firsts: dict[str, str], ids: Iterable[int], only: str | None) -> list[Preview]:
    """What a replay of these events would do, by source and workflow; `firsts` are billhook.toml's modes."""
    counts: Counter[tuple[str, str, str]] = Counter()
    totals: dict[tuple[str, str], Counter[str]] = {}
    for event_id in ids:
        recorded = events.load(connection, event_id)
        source = recorded.event.source
        for workflow in registry.started_by(recorded.event):
            if only not in (None, workflow.name):
                continue
            key = engine.key_of(workflow, recorded)
            if key is None:
                continue
            what = "live" if runs.is_live(connection, source, workflow.name, key) else "start"
            counts[source, workflow.name, what] += 1
            _, invoice_id = concerns(recorded.event)
            if what == "start" and invoice_id and _is_done(connection, source, workflow.name, invoice_id):
                counts[source, workflow.name, "done"] += 1
            elif what == "start" and invoice_id:
                totals.setdefault((source, workflow.name), Counter()).update(_total(connection, source, invoice_id))
    found = sorted({(source, workflow) for source, workflow, _ in counts})
    return [
        Preview(
            source=source, workflow=workflow, mode=control.mode_of(connection, source, workflow, firsts.get(workflow, "observe")),
            start=counts[source, workflow, "start"], live=counts[source, workflow, "live"], done=counts[source, workflow, "done"],
            totals={currency: Decimal(total) for currency, total in totals.get((source, workflow), Counter()).items()},
        )
        for source, workflow in found
    ]  # fmt: skip


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
    """Put an order for each event into the inbox, `per_minute` of them due each minute; how many are new."""
    event, new = table_of(events.EventRow), 0
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
    control.audited(connection, "replay-many", at=at, actor=actor, subject=replay_id, reason=reason, detail={"events": len(ids)})
    return new


def call_off(connection: Connection, replay_id: str, *, actor: str, at: datetime) -> int:
    """Refuse the orders of a replay that are not carried out yet; how many."""
    table = table_of(Delivery)
    of_it = table.c.native_id.startswith(f"{replay_id}:", autoescape=True)
    waiting = sa.and_(table.c.origin == "operator", table.c.native_type == "operator.replay", of_it, table.c.routed_at.is_(None))
    ids = connection.execute(sa.select(table.c.id).where(waiting).with_for_update()).scalars().all()  # one being routed is waited for
    inbox.mark_routed(connection, dict.fromkeys(ids, ("refused", CALLED_OFF)), at=at)
    control.audited(connection, "replay-off", at=at, actor=actor, subject=replay_id, detail={"orders": len(ids)})
    return len(ids)


def _is_done(connection: Connection, source: str, workflow: str, object_id: str) -> bool:
    table = table_of(ledger.EffectRow)
    done = sa.and_(table.c.source == source, table.c.object_id == object_id, table.c.workflow == workflow, table.c.state == "done")
    return connection.execute(sa.select(table.c.id).where(done).limit(1)).first() is not None


def _total(connection: Connection, source: str, invoice_id: str) -> dict[str, Decimal]:
    held = mirror.load(connection, source, "invoice", invoice_id)
    fields = held.state.fields if held else {}
    try:
        return {str(fields.get("currency") or "?"): Decimal(fields["total"])}
    except (KeyError, TypeError, InvalidOperation):
        return {}
