"""What can happen in a scenario: one function per `what` of `[[happens]]`, and which fields each takes.

Three rooms: at the provider, by an operator's hand, and to the machinery. A workflow adds its own through `@happening`
(workers/simulate/plugs.py). Each function is called at its instant; what follows is the engine's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from pydantic import ValidationError

from receiver.event import (
    BlockReleased,
    Disputed,
    EmailBounced,
    Event,
    Excluded,
    Fact,
    Insolvent,
    Paused,
    Promised,
    event_class,
    event_types,
    from_data,
    kind_of,
)
from receiver.mistakes import unknown
from receiver.money import Money
from workers import control
from workers.gates import InvoicePartCancelled
from workers.operator import Order
from workers.sandbox.account import Record
from workers.simulate import account, plugs
from workers.simulate.scenario import Happening
from workers.simulate.stage import Stage
from workers.simulate.timeline import Draft

Said = Mapping[str, Any]
BLOCKS = ("dispute", "promise", "pause", "exclude", "insolvency")
POINTS = (
    "claimed", "before-journal", "journaled", "intended", "read", "calling", "asking", "called", "settled", "suspending", "suspended",
    "finishing", "finished", "routed", "ticked",
)  # fmt: skip
FAULTS = {"timeout_after_write": "drop", "down": "refuse", "500": "error-before"}
WITHOUT_END = 1_000_000
TOP_UP = "billhook-topup-"  # INVOICE_EXT_UID of our own top-ups


@dataclass(frozen=True, kw_only=True)
class What:
    """One kind of happening. One of `either` is needed, where there are any."""

    act: Callable[[Stage, Said], None]
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    either: tuple[str, ...] = ()


def perform(stage: Stage, one: Happening) -> None:
    """Have it happen now."""
    told = plugs.HAPPENINGS.get(one.what)
    if told is None:
        SHIPPED[one.what].act(stage, one.said)
        return
    said = one.said | ({"customer": _customer_of(stage, one.said)} if one.invoice or one.customer else {})
    events = told.tells(said, stage.scenario.source, stage.now)
    stage.give(*([events] if isinstance(events, Event) else events))


def mistakes(one: Happening) -> list[tuple[str, str]]:
    """(field, why) of what is wrong with a happening."""
    told, shipped = plugs.HAPPENINGS.get(one.what), SHIPPED.get(one.what)
    if told is None and shipped is None:
        return [("what", unknown(one.what, sorted({*SHIPPED, *plugs.HAPPENINGS}), "happening"))]
    needs, may, either = (told.needs, told.may, ()) if told else (shipped.needs, shipped.may, shipped.either)  # type: ignore[union-attr]
    fields = (*needs, *either, *may)
    found = [(name, f"{one.what} needs it") for name in needs if name not in one.said]
    if either and not any(name in one.said for name in either):
        found.append(("what", f"{one.what} needs {' or '.join(either)}"))
    for name in one.said:
        if name not in fields:
            found.append((name, f"{one.what} has no such field; it takes {', '.join(fields) or 'none'}"))
    return found or _values(one)


def _values(one: Happening) -> list[tuple[str, str]]:
    """What is wrong with the values of fields that are there."""
    if one.what == "crash" and one.point not in POINTS:
        return [("point", unknown(str(one.point), POINTS, "point"))]
    if one.what == "release" and one.kind is not None and one.kind not in BLOCKS:
        return [("kind", f"write one of {', '.join(BLOCKS)}")]
    if one.what == "bounce" and one.kind not in (None, "hard", "soft"):
        return [("kind", "write hard or soft")]
    if one.what == "worker_down" and not (isinstance(one.until, datetime) and one.until > one.at):
        return [("until", "a local time after `at` is wanted, such as 2026-03-23T11:00:00")]
    if one.what == "provider" and one.mode == "slow" and one.seconds is None:
        return [("seconds", "slow needs it: how long a call takes")]
    if one.what == "signal":
        return _signal_mistakes(str(one.event), one.fields or {})
    return []


def _signal_mistakes(type: str, fields: Said) -> list[tuple[str, str]]:
    cls = event_class(type)
    if cls is None or issubclass(cls, Fact):
        known = sorted(name for name, other in event_types().items() if kind_of(other) != "fact" and name != "clock.tick")
        return [("event", f"it is nothing a person can say; possible are {', '.join(known)}")]
    try:
        _event(type, fields, "source", datetime.now(UTC))
    except ValidationError as error:
        return [("fields", "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)))]
    return []


def _event(type: str, fields: Said, source: str, at: datetime) -> Event:
    return from_data(type, {**fields, "source": source, "at": at.isoformat()})


def _complete(stage: Stage, said: Said) -> None:
    stage.sandbox.trigger("invoice.completed", {"invoice_id": said["invoice"]})


def _payment(stage: Stage, said: Said) -> None:
    amount = {"amount": str(said["amount"])} if "amount" in said else {}
    stage.sandbox.trigger("invoice.paid", {"invoice_id": said["invoice"], **amount})
    _note_rest(stage, said, "payment")


def _note_rest(stage: Stage, said: Said, name: str) -> None:
    """What is left of an invoice after a part came off: no event tells of it."""
    left: Decimal = _invoice(stage, said)["OUTSTANDING_AMOUNT"]
    if left > 0:
        figures = {"amount": said["amount"], "balance": left, "currency": _currency(stage, said)}
        stage.noted.append(Draft(at=stage.now, workflow="", key=said["invoice"], kind="state", name=name, figures=figures))


def _payment_returned(stage: Stage, said: Said) -> None:
    stage.sandbox.trigger("payment.chargeback", {"invoice_id": said["invoice"]})


def _payment_failed(stage: Stage, said: Said) -> None:
    stage.sandbox.trigger("payment.failed", {"invoice_id": said["invoice"]})


def _cancel(stage: Stage, said: Said) -> None:
    """The whole invoice; with an amount, that part of it: then the provider tells a change, and a person what it was."""
    if "amount" not in said:
        stage.sandbox.trigger("invoice.canceled", {"invoice_id": said["invoice"]})
        return
    part = min(said["amount"], _invoice(stage, said)["OUTSTANDING_AMOUNT"])
    stage.sandbox.trigger("invoice.canceled", {"invoice_id": said["invoice"], "amount": str(part)})
    _note_rest(stage, said, "cancel")
    money, customer = Money(part, _currency(stage, said)), _customer_of(stage, said)
    stage.give(
        InvoicePartCancelled(source=stage.scenario.source, at=stage.now, invoice_id=said["invoice"], customer_id=customer, amount=money)
    )


def _change(stage: Stage, said: Said) -> None:
    kind = "invoice" if "invoice" in said else "customer"
    fields: dict[str, str] = {}
    for name, value in said["fields"].items():
        attributes = value if isinstance(value, dict) else None
        fields |= {f"{name}.{key}": str(inner) for key, inner in attributes.items()} if attributes else {name: str(value)}
    stage.sandbox.trigger({"invoice": "invoice.changed", "customer": "customer.updated"}[kind], {f"{kind}_id": said[kind], **fields})


def _delete(stage: Stage, said: Said) -> None:
    stage.sandbox.trigger("customer.deleted", {"customer_id": said["customer"]})


def _usage(stage: Stage, said: Said) -> None:
    left = stage.sandbox.account.customers[said["customer"]]["CREDIT_BALANCE"] - said["amount"]
    stage.sandbox.trigger("customer.updated", {"customer_id": said["customer"], "credit_balance": str(left)})


def _topup_done(stage: Stage, said: Said) -> None:
    """The invoices of top-ups that are not paid yet are paid now: of one customer, or all."""
    mine = [one for one in stage.sandbox.account.invoices.values() if str(one.get("INVOICE_EXT_UID", "")).startswith(TOP_UP)]
    for one in mine:
        if said.get("customer") in (None, one["CUSTOMER_ID"]) and one["TYPE"] == "outgoing" and one["OUTSTANDING_AMOUNT"] > 0:
            stage.sandbox.trigger("invoice.paid", {"invoice_id": one["INVOICE_ID"]})


def _foreign_reminder(stage: Stage, said: Said) -> None:
    level = {"level": str(said["level"])} if "level" in said else {}
    stage.sandbox.trigger("payment.reminded", {"invoice_id": said["invoice"], **level})


def _block(cls: type[Any], stage: Stage, said: Said) -> None:
    until = said.get("until") or said.get("date")
    until = until.date() if isinstance(until, datetime) else until
    money = {"amount": Money(said["amount"], _currency(stage, said))} if "amount" in said else {}
    stage.give(
        cls(
            source=stage.scenario.source, at=stage.now, customer_id=_customer_of(stage, said), invoice_id=said.get("invoice"),
            reason=said.get("reason", "as the scenario has it"), until=until, **money,
        )
    )  # fmt: skip


def _release(stage: Stage, said: Said) -> None:
    stage.give(
        BlockReleased(
            source=stage.scenario.source, at=stage.now, customer_id=_customer_of(stage, said), invoice_id=said.get("invoice"),
            kind=said.get("kind", "dispute"), reason=said.get("reason", ""),
        )
    )  # fmt: skip


def _bounce(stage: Stage, said: Said) -> None:
    customer, bounce = _customer_of(stage, said), said.get("kind", "hard")
    stage.give(EmailBounced(source=stage.scenario.source, at=stage.now, invoice_id=said["invoice"], customer_id=customer, bounce=bounce))


def _mark_sent(stage: Stage, said: Said) -> None:
    day = said.get("on") or stage.now.astimezone(stage.scenario.tz).date()
    account.was_sent(stage, said["invoice"], day)


def _signal(stage: Stage, said: Said) -> None:
    stage.give(_event(said["event"], said.get("fields", {}), stage.scenario.source, stage.now))


def _decide(act: str, states: tuple[str, ...], stage: Stage, said: Said) -> None:
    """Approve, reject or resolve everything in these states about the objects named; for resend, the last one that is done."""
    chosen = stage.ids(*states, invoice=said.get("invoice"), customer=said.get("customer"), workflow=said.get("workflow"))
    for id in chosen[-1:] if act == "resend" else chosen:
        stage.order(_order(act, id, stage, said))


def _order(act: str, id: str, stage: Stage, said: Said) -> Order:
    reason = said.get("reason", "as the scenario has it")
    if act != "resolve":
        return Order(act=act, subject=id, reason=reason)  # type: ignore[arg-type]
    on = said.get("on")
    day = on.isoformat() if isinstance(on, date) else None
    return Order(act="resolve", subject=id, reason=reason, did=said["as"] == "did", on=day)


def _mode(stage: Stage, said: Said) -> None:
    flow, source, workflow = stage.flow, stage.scenario.source, said["workflow"]
    first, existing = flow.runtime.first_mode(workflow), bool(said.get("include_existing"))
    flow.db.write(
        lambda c: control.set_mode(
            c, source, workflow, said["to"], was=control.mode_of(c, source, workflow, first), at=stage.now, actor="operator",
            include_existing=existing,
        )
    )  # fmt: skip


def _worker_down(stage: Stage, said: Said) -> None:
    stage.down_until = stage.scenario.instant(said["until"])


def _crash(stage: Stage, said: Said) -> None:
    stage.crash_at = said["point"]


def _webhook(stage: Stage, said: Said) -> None:
    stage.repeat(said.get("repeat", 1), said.get("invoice") or said.get("customer"))


def _provider(stage: Stage, said: Said) -> None:
    """Slow: the next calls take `seconds`. Else the next `times` calls fail, or all of them for `seconds`."""
    service, seconds = said.get("service"), said.get("seconds")
    if said["mode"] == "slow":
        stage.wire.slow += [(service, int(seconds or 0))] * said.get("times", 1)
        return
    lasting = seconds is not None and said["mode"] != "timeout_after_write"
    times = said.get("times", WITHOUT_END if lasting else 1)
    fault = stage.sandbox.faults.add(FAULTS[said["mode"]], service, times=times)
    if lasting:
        planned = stage.sandbox.faults.planned
        stage.at(stage.now + timedelta(seconds=int(seconds or 0)), lambda: planned.remove(fault) if fault in planned else None)


def _invoice(stage: Stage, said: Said) -> Record:
    return stage.sandbox.account.invoices[said["invoice"]]


def _customer_of(stage: Stage, said: Said) -> str:
    """The customer named, else the one of the invoice."""
    return str(said.get("customer") or next(one.customer for one in stage.scenario.invoice if one.id == said["invoice"]))


def _currency(stage: Stage, said: Said) -> str:
    """That of the invoice, else of the customer."""
    if "invoice" in said:
        return next(one.currency for one in stage.scenario.invoice if one.id == said["invoice"])
    return next(one.currency for one in stage.scenario.customer if one.id == said["customer"])


def _decision(act: str, *states: str, needs: Sequence[str] = (), may: Sequence[str] = ()) -> What:
    return What(act=partial(_decide, act, states), needs=tuple(needs), may=("invoice", "customer", "workflow", "reason", *may))


_OBJECT = ("invoice", "customer")
SHIPPED: dict[str, What] = {
    "complete": What(act=_complete, needs=("invoice",)),
    "payment": What(act=_payment, needs=("invoice",), may=("amount",)),
    "payment_returned": What(act=_payment_returned, needs=("invoice",)),
    "payment_failed": What(act=_payment_failed, needs=("invoice",)),
    "cancel": What(act=_cancel, needs=("invoice",), may=("amount",)),
    "change": What(act=_change, needs=("fields",), either=_OBJECT),
    "delete": What(act=_delete, needs=("customer",)),
    "usage": What(act=_usage, needs=("customer", "amount")),
    "topup_done": What(act=_topup_done, may=("customer",)),
    "foreign_reminder": What(act=_foreign_reminder, needs=("invoice",), may=("level",)),
    "bounce": What(act=_bounce, needs=("invoice",), may=("kind",)),
    "dispute": What(act=partial(_block, Disputed), either=_OBJECT, may=("amount", "reason")),
    "promise": What(act=partial(_block, Promised), needs=("date",), either=_OBJECT, may=("amount", "reason")),
    "pause": What(act=partial(_block, Paused), needs=("until",), either=_OBJECT, may=("reason",)),
    "exclude": What(act=partial(_block, Excluded), either=_OBJECT, may=("reason",)),
    "insolvency": What(act=partial(_block, Insolvent), needs=("customer",), may=("reason",)),
    "release": What(act=_release, either=_OBJECT, may=("kind", "reason")),
    "mark_sent": What(act=_mark_sent, needs=("invoice",), may=("on",)),
    "signal": What(act=_signal, needs=("event",), may=("fields",)),
    "approve": _decision("approve", "proposed"),
    "reject": _decision("reject", "proposed"),
    "resend": _decision("resend", "done"),
    "resolve": _decision("resolve", "unknown", needs=("as",), may=("on",)),
    "mode": What(act=_mode, needs=("workflow", "to"), may=("include_existing",)),
    "worker_down": What(act=_worker_down, needs=("until",)),
    "crash": What(act=_crash, needs=("point",)),
    "provider": What(act=_provider, needs=("mode",), may=("service", "times", "seconds")),
    "webhook": What(act=_webhook, may=("repeat", "invoice", "customer")),
}
