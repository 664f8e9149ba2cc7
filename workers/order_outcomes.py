"""What became of an order a person gave: its delivery, its run, its effect, and what to do next. Used by the command line; reads only."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.inbox import Delivery
from workers import desk, ledger, operator
from workers.events import EventRow
from workers.ordered import TYPE, ServiceOrdered
from workers.runs import RunRow
from workers.standing import IS

WAITS = "waiting"
SAID = {
    "duplicate_intent": "it was done, or is under way, already: `billhook effects` shows it; --again does it once more",
    "number_taken": "a customer has this number at the provider: choose another with --key",
    "not_found": "the provider does not know it: `list` shows what it has",
    "x_attributes_unknown": "nobody told its X_ATTRIBUTES yet, and what a change leaves out may be lost: write them there once by hand",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`state`: "waiting", the effect's state, or how the run ended without one. `next`: what to do, in words. `over`: it stays so."""

    state: str
    reason: str = ""
    run: str | None = None
    effect: str | None = None
    reference: str | None = None
    reply: Any = None
    next: str = ""
    over: bool = False


def given(connection: Connection, source: str, order: str) -> tuple[int, ServiceOrdered] | None:
    """(delivery id, order) that was given under this key before, or None."""
    table = table_of(Delivery)
    named = sa.and_(table.c.source == source, table.c.native_type == f"operator.{TYPE}", table.c.native_id == order)
    row = connection.execute(sa.select(table).where(named).order_by(table.c.id).limit(1)).mappings().first()
    if row is None:
        return None
    said = operator.read(row)
    return (row["id"], said) if isinstance(said, ServiceOrdered) else None


def outcome(connection: Connection, delivery_id: int) -> Outcome:
    """How the order of this delivery stands."""
    deliveries, events, runs = table_of(Delivery), table_of(EventRow), table_of(RunRow)
    routed = connection.execute(sa.select(deliveries.c.routed_at, deliveries.c.reason).where(deliveries.c.id == delivery_id)).one()
    if routed.routed_at is None:
        return Outcome(state=WAITS, reason="not_routed", next="nobody routes it now: is `billhook up` or a worker running?")
    told = connection.execute(sa.select(events).where(events.c.delivery_id == delivery_id)).mappings().first()
    run = None if told is None else connection.execute(sa.select(runs).where(*_of_event(runs, told))).mappings().first()
    if run is None:
        return Outcome(state=WAITS, reason=routed.reason or "", next=f"billhook deliveries show {delivery_id}")
    table = table_of(ledger.EffectRow)
    effect = connection.execute(sa.select(table).where(table.c.run_id == run["id"], sa.not_(table.c.retired))).mappings().first()
    return _of_run(run) if effect is None else _of_effect(run, effect, asked=desk.asked_about(connection, run["id"]) is not None)


def _of_event(runs: sa.Table, told: sa.RowMapping) -> list[Any]:
    """What finds the run an event started by an index: it is about the event's own invoice or customer, or about neither."""
    named = "invoice_id" if told["invoice_id"] else "customer_id"
    same = runs.c[named].is_(None) if told[named] is None else runs.c[named] == told[named]
    return [runs.c.source == told["source"], same, runs.c.trigger_id == told["id"]]


def _of_run(run: sa.RowMapping) -> Outcome:
    reason, over = run["reason"] or "", run["status"] not in ("ready", "running", "waiting")
    state = run["status"] if over else WAITS
    return Outcome(state=state, reason=reason, run=run["id"], next=SAID.get(reason, f"billhook explain run:{run['id']}"), over=over)


def _of_effect(run: sa.RowMapping, effect: sa.RowMapping, *, asked: bool) -> Outcome:
    state = effect["state"]
    reason = effect["reason"] or (run["reason"] if state in ledger.UNCALLED else "") or ""
    said = IS.get(state, "").format(id=effect["id"], run_id=run["id"])
    if state == "unknown" and not asked:
        said = f"nobody knows yet whether it happened: it is looked up at the provider by itself, see `billhook explain {effect['id']}`"
    return Outcome(
        state=state, reason=reason, run=run["id"], effect=effect["id"], reference=effect["reference"], reply=effect["reply"],
        next="" if state == "done" else SAID.get(reason, said), over=state not in ("approved", "intended", "calling"),
    )  # fmt: skip
