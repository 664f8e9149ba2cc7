"""Operators' acts: what people decide enters through the inbox like everything else, with who and why.

The CLI and the console call `submit`; the router reads the order back and carries it out in its own transaction. An order has an
id made once by the form or command, so pressing twice does it once.
"""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import canonical_json
from receiver.event import Event, Words, from_data, to_data
from workers import breaker, control, desk, engine, events, holds, journal, ledger, reconcile, runs, standing
from workers.errors import StateConflict
from workers.runtime import Runtime
from workers.views import row_number

APPROVAL_LIFE = timedelta(hours=72)
ALERT_STATES = {"acknowledge": "acknowledged", "ignore": "ignored", "reopen": "open"}


class Order(BaseModel):
    """One act on one thing.

    `subject`: an effect's id for approve, reject, resolve and resend; a run's or "delivery:7" for retry; an item's for close.
    A close takes "alert:7" and "task:3" as well; acknowledge, ignore and reopen take "alert:7" alone. For replay it is an event's id;
    `workflow` then names the only one to start. `on`: when what is resolved happened, a day of the account's zone or an instant.
    `bound`: the request and amount that were looked at before an approval (ledger.bound_to); "" where nobody was shown any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    act: Literal["approve", "reject", "resolve", "resend", "retry", "close", "replay", "acknowledge", "ignore", "reopen"]
    subject: str
    reason: Words = ""
    actor: str = "operator"
    did: bool | None = None
    on: str | None = None
    workflow: str | None = None
    bound: str = ""


def order_arrival(order: Order, *, source: str, at: datetime, id: str | None = None) -> inbox.Arrival:
    """The order as a delivery of `source`."""
    body = canonical_json({"order": order.model_dump(mode="json")}).encode()
    return inbox.Arrival(
        source=source,
        origin="operator",
        native_type=f"operator.{order.act}",
        native_id=id or uuid.uuid4().hex,
        body=body,
        received_at=at,
        actor=order.actor,
    )


def signal_arrival(event: Event, *, actor: str, at: datetime, id: str | None = None) -> inbox.Arrival:
    """An event an operator gives: a Signal, or a State such as a dispute."""
    return _event_arrival(event, "operator", f"operator.{event.type}", id or uuid.uuid4().hex, at, actor)


def tick_arrival(event: Event, *, workflow: str, at: datetime) -> inbox.Arrival:
    """A schedule's instant; its identity is source, workflow and instant."""
    return _event_arrival(event, "clock", f"clock.{workflow}", event.at.isoformat(), at, None)


def _event_arrival(event: Event, origin: str, native_type: str, native_id: str, at: datetime, actor: str | None) -> inbox.Arrival:
    body = canonical_json({"type": event.type, "data": to_data(event)}).encode()
    return inbox.Arrival(
        source=event.source, origin=origin, native_type=native_type, native_id=native_id, body=body, received_at=at, actor=actor
    )


def event_of(body: bytes) -> Event:
    """The event in a delivery of the clock or an operator. Raises KeyError or pydantic.ValidationError."""
    value = json.loads(body)
    return from_data(value["type"], value["data"])


def read(row: sa.RowMapping) -> Order | Event:
    """What an operator's delivery says."""
    value = json.loads(row["body"])
    return TypeAdapter(Order).validate_python(value["order"]) if "order" in value else from_data(value["type"], value["data"])


def carry_out(connection: Connection, runtime: Runtime, order: Order, row: sa.RowMapping, now: datetime) -> str:
    """Do what the order says, and keep that it was done. Raises StateConflict where things are no longer so."""
    control.audited(
        connection,
        order.act,
        at=now,
        actor=order.actor,
        subject=order.subject,
        reason=order.reason,
        detail={"did": order.did, "on": order.on, "delivery": row["id"]},
    )
    if order.act in ("retry", "close"):
        return _retry(connection, order, now) if order.act == "retry" else _close(connection, runtime, order, now)
    if order.act in ALERT_STATES:
        return _set_alert(connection, order)
    if order.act == "replay":
        return _replay(connection, runtime, order, row, now)
    effect = ledger.load(connection, order.subject)
    if effect is None or effect["source"] != row["source"]:
        raise StateConflict(f"There is no effect {order.subject} on source {row['source']}: list them with `billhook effects`")
    if refused := standing.refusal(order.act, dict(effect)):
        raise StateConflict(refused, effect=effect["id"])
    if order.act == "resend":
        return _resend(connection, runtime, order, effect, row, now)
    done = _decide(connection, order, effect, now, runtime.zone_of(row["source"]))
    desk.close_parked(connection, effect_id=effect["id"], resolution=done, actor=order.actor, at=now)
    runs.wake(connection, effect["run_id"], at=now)
    return done


def _decide(connection: Connection, order: Order, effect: sa.RowMapping, now: datetime, zone: ZoneInfo) -> str:
    id, actor = effect["id"], order.actor
    if order.act == "approve":
        if effect["valid_until"] and now >= effect["valid_until"]:
            raise StateConflict("It went out of date before it was approved, and its workflow plans anew: see `billhook runs`", effect=id)
        if order.bound and order.bound != ledger.bound_to(effect):
            raise StateConflict("It is another request or amount by now than the one that was shown: look at it again", effect=id)
        own = effect["approval_life_s"]
        life = now + (APPROVAL_LIFE if own is None else timedelta(seconds=own))
        ends = min(effect["valid_until"] or life, life)
        ledger.move(
            connection,
            id,
            "approved",
            since=["proposed"],
            at=now,
            reason=order.reason,
            actor=actor,
            approved_by=actor,
            approved_at=now,
            approved_for=ledger.bound_to(effect),
            valid_until=ends,
        )
        return "approved"
    if order.act == "reject":
        ledger.move(connection, id, "cancelled", since=["proposed", "approved"], at=now, reason="operator_rejected", actor=actor)
        return "rejected by an operator"
    if order.did is None:
        raise StateConflict("Say whether it happened: resolve takes did or did-not", effect=id)
    after, reason = ("done", "operator_did") if order.did else ("cancelled", "operator_did_not")
    settled_at = _happened_at(order.on, effect, now, zone) if order.did and order.on else now
    ledger.move(connection, id, after, since=["unknown"], at=now, reason=reason, actor=actor, settled_at=settled_at)
    return reason


def _happened_at(on: str, effect: sa.RowMapping, now: datetime, zone: ZoneInfo) -> datetime:
    """When a person says that it happened: between the call and now, on days of the account's zone."""
    said = datetime.fromisoformat(on)
    at = said.replace(tzinfo=zone) if said.tzinfo is None else said
    called_at, day = effect["calling_at"] or at, at.astimezone(zone).date()
    first, last = called_at.astimezone(zone).date(), now.astimezone(zone).date()
    if not first <= day <= last:
        raise StateConflict(
            f"It was called for on {first}: --on takes that day or a later one, up to {last}, not {day}", effect=effect["id"]
        )
    return min(max(at.astimezone(UTC), called_at), now)


def _resend(connection: Connection, runtime: Runtime, order: Order, effect: sa.RowMapping, row: sa.RowMapping, now: datetime) -> str:
    """A new run of the same workflow that may open the next generation of this one slot."""
    if not order.reason:
        raise StateConflict("Say why it is to be done again: resend takes --reason", effect=effect["id"])
    run, workflow = runs.load(connection, effect["run_id"]), runtime.registry.get(effect["workflow"])
    if run is None or workflow is None:
        raise StateConflict("The workflow of this effect is not known here", effect=effect["id"], workflow=effect["workflow"])
    key = f"{run['key']}#resend-{effect['id']}"
    if runs.is_live(connection, run["source"], workflow.name, key):
        raise StateConflict("It is being done again already: see `billhook runs`", effect=effect["id"])
    newer = ledger.newer_than(connection, effect["id"])
    if newer is not None:
        raise StateConflict(f"It was done again already: resend that one, {newer}, if it is wanted once more", effect=effect["id"])
    trigger = events.load(connection, run["trigger_id"])
    reissue = {
        "kind": "resend",
        "purpose": effect["purpose"],
        "object_id": effect["object_id"],
        "versions": [slot.version for slot in ledger.slots_of(connection, effect["id"])],
        "effect": effect["id"],
        "actor": order.actor,
        "reason": order.reason,
        "event_id": events.newest(connection),
    }
    started, said = engine.begin(connection, runtime, workflow, trigger, at=now, key=key, reissue=reissue)
    if started is None:
        raise StateConflict(f"The workflow did not start: {said}", workflow=workflow.name)
    return f"resend: {said}"


def _replay(connection: Connection, runtime: Runtime, order: Order, row: sa.RowMapping, now: datetime) -> str:
    """Start what starts on a stored event, once more under today's code: all its workflows, or the one named."""
    number = row_number(order.subject)
    if number is None:
        raise StateConflict(f"An event's id is a number, not {order.subject}: list them with `billhook events`")
    try:
        recorded = events.load(connection, number)
    except sa.exc.NoResultFound:
        raise StateConflict(f"There is no event {order.subject}: list them with `billhook events`") from None
    if recorded.event.source != row["source"]:
        raise StateConflict(f"Event {order.subject} is not of source {row['source']}: list them with `billhook events`")
    chosen = [w for w in runtime.registry.started_by(recorded.event) if order.workflow in (None, w.name)]
    said = [f"{w.name}: {engine.begin(connection, runtime, w, recorded, at=now)[1]}" for w in chosen]
    return "; ".join(said) or "no workflow starts on this event"


def _retry(connection: Connection, order: Order, now: datetime) -> str:
    """Let a parked run, or a parked delivery ("delivery:7"), try again."""
    kind, _, id = order.subject.partition(":")
    if kind == "delivery" and (number := row_number(id)) is not None:
        if not inbox.unroute(connection, number):
            raise StateConflict(f"There is no parked delivery {number}: list them with `billhook parked`")
        desk.close_parked(connection, delivery_id=number, resolution="retried", actor=order.actor, at=now)
        return "routed again"
    run = runs.load(connection, order.subject)
    asked = desk.asked_about(connection, order.subject)
    if asked is not None and run is not None and run["status"] != "parked":
        raise StateConflict(standing.asks(asked))
    if run is not None and run["status"] == "waiting":
        return _look_now(connection, run, now)
    if not runs.unpark(connection, order.subject, at=now):
        raise StateConflict(f"There is no parked run {order.subject}: list them with `billhook parked`")
    for item in desk.items_of(connection, f"run:{order.subject}"):
        if item["kind"] == "rejected":
            _plan_anew(connection, order.subject, item)
        desk.close_parked(connection, parked_id=item["id"], resolution="retried", actor=order.actor, at=now)
    return "retried"


def _look_now(connection: Connection, run: sa.RowMapping, now: datetime) -> str:
    """Have what a waiting run was put off with tried now: its effect, or a read that failed.

    At an open breaker it is the next call that tries whether the provider is back. A freeze or a pause is refused: it would hold it again.
    """
    source, waits_to_call = run["source"], run["reason"] in holds.REASONS or _has_uncalled(connection, run["id"])
    if waits_to_call and (held := holds.refusal(connection, source, run["workflow"])):
        raise StateConflict(held, run=run["id"])
    if not ledger.look_now(connection, run["id"]) and not run["reason"]:
        about = f"invoice_id={run['invoice_id']}" if run["invoice_id"] else f"customer_id={run['customer_id']}"
        raise StateConflict(
            f"It waits for an event or an instant, not for a retry: `billhook signal look.again --set {about}` makes a held run look again",
            run=run["id"],
        )
    runs.wake(connection, run["id"], at=now)
    if waits_to_call and breaker.probe(connection, source, at=now):
        return f"the breaker of {source} is open; this run is let through now to try: `billhook breaker` shows what comes of it"
    return "tried again now"


def _has_uncalled(connection: Connection, run_id: str) -> bool:
    return any(effect["state"] in ("approved", "intended") for effect in ledger.open_of_run(connection, run_id))


def _plan_anew(connection: Connection, run_id: str, item: sa.RowMapping) -> None:
    """Let the step whose request the provider rejected plan its effect once more: nothing was done, and its slot is free."""
    effect = ledger.load(connection, str((item["detail"] or {}).get("effect")))
    if effect is None:
        return  # a read was rejected: the run asks again by itself
    if effect["run_id"] != run_id or not journal.retract(connection, run_id, effect["step"]):
        raise StateConflict("The run went on after what was rejected: close the item and replay its event", run=run_id)
    ledger.retire(connection, effect["id"])


def _close(connection: Connection, runtime: Runtime, order: Order, now: datetime) -> str:
    """Close a parked item that needs nothing more; a run parked with it ends. "alert:7" and "task:3" are closed too."""
    kind, _, id = order.subject.partition(":")
    if kind in ("alert", "task"):
        if kind == "alert" and (told := desk.open_alert(connection, row_number(id))) is not None:
            _refuse_open_breaker(connection, told)
        if (number := row_number(id)) is None or not desk.close_told(connection, kind, number, at=now, actor=order.actor):
            raise StateConflict(f"There is no open {kind} {id}: list them with `billhook {kind}s`")
        return "closed"
    number = row_number(order.subject)
    item = desk.open_item(connection, number) if number is not None else None
    if item is None:
        raise StateConflict(f"There is no open parked item {order.subject}: list them with `billhook parked`")
    if item["kind"] == "unknown":
        raise StateConflict(standing.asks(item["effect_id"]))
    desk.close_parked(connection, parked_id=item["id"], resolution=order.reason or "closed", actor=order.actor, at=now)
    run = runs.load(connection, item["run_id"]) if item["run_id"] else None
    if run is not None and run["status"] == "parked":
        _give_up(connection, runtime, run, order, now)
    return "closed"


def _set_alert(connection: Connection, order: Order) -> str:
    """What becomes of an open alert that a person saw: somebody sees to it, or nobody wants to hear of it while it lasts."""
    kind, _, id = order.subject.partition(":")
    number, state = row_number(id), ALERT_STATES[order.act]
    if kind != "alert" or number is None or not desk.set_alert(connection, number, state, actor=order.actor):
        raise StateConflict(f"There is no open alert {id or kind}: list them with `billhook alerts`")
    return state


def _refuse_open_breaker(connection: Connection, alert: sa.RowMapping) -> None:
    """Raise StateConflict where the alert tells of a breaker that is open: it is closed with it, not before."""
    source = alert["source"]
    if alert["reason"] == breaker.OPEN and breaker.is_open(connection, source):
        raise StateConflict(f"The breaker of {source} is open, and the alert ends with it: `billhook breaker {source} --probe` tries now")


def _give_up(connection: Connection, runtime: Runtime, run: sa.RowMapping, order: Order, now: datetime) -> None:
    """End a parked run and what it had not called yet; a trigger that came meanwhile starts a run of its own."""
    for effect in ledger.open_of_run(connection, run["id"]):
        if effect["state"] in ledger.UNCALLED:
            ledger.move(connection, effect["id"], "cancelled", since=ledger.UNCALLED, at=now, reason="run_closed", actor=order.actor)
        else:
            reconcile.leave_open(connection, effect, why="its run was closed while nobody knows whether it happened", at=now)
    successor = runs.give_up(connection, run["id"], reason=order.reason or "closed by an operator", at=now)
    engine.follow(connection, runtime, run, successor, at=now)
