"""A small workflow with an effect that can only be asked once, one that can be read back, and a wait; and all that may come between."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from receiver.db import table_of
from receiver.event import BlockReleased, InvoiceChanged, Paused, SendStopped
from tests.workers.letters import PAY, completed, slots
from workers import control
from workers.authoring import InvoiceCanceled, InvoiceCompleted, Read, Run, effect, monsum, workflow
from workers.events import EventRow
from workers.ledger import EffectRow
from workers.testing.flow import Flow
from workers.testing.interleaving import Act

MAILED, PAID = "invoice.sendbyemail", "invoice.setpaid"
NAME = "t-tale"
MAIL = effect(monsum.send_by_email, slot=slots("send"), fresh=Read(monsum.invoice, must=completed), unless=(Paused,))


@workflow(NAME, on=InvoiceCompleted, cancel_on=(InvoiceCanceled, SendStopped))
def told(run: Run, event: InvoiceCompleted) -> None:
    """Read, mail, pay, wait until the invoice changes."""
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("mail", MAIL, invoice, recipient="max@example.com", subject="Ihre Rechnung", message="Anbei.")
    run.effect("pay", PAY, invoice)
    run.wait_for(InvoiceChanged, name="change")


@workflow("t-wait", on=InvoiceCompleted)
def waiting(run: Run, event: InvoiceCompleted) -> None:
    """Wait for one thing that comes once: nothing else wakes the run."""
    run.wait_for(SendStopped, name="stop")


def begun(flow: Flow) -> Flow:
    """There is a draft."""
    flow.trigger("invoice.created")
    return flow


def tale(flow: Flow) -> None:
    """The draft is completed, and three minutes pass: long enough for a look to count."""
    flow.trigger("invoice.completed", invoice_id=invoice(flow))
    flow.advance(seconds=180)


def whole_tale(flow: Flow) -> None:
    """And then the invoice changes, which ends the run."""
    tale(flow)
    change(flow)
    flow.advance(seconds=120)


def invoice(flow: Flow) -> str:
    return next(iter(flow.sandbox.account.invoices))


def customer(flow: Flow) -> str:
    return next(iter(flow.sandbox.account.customers))


def change(flow: Flow) -> None:
    flow.trigger("invoice.changed", invoice_id=invoice(flow), total="150.00")


def stop(flow: Flow) -> None:
    flow.signal(SendStopped(source="shop", at=flow.clock.now, invoice_id=invoice(flow), customer_id=customer(flow)))


def pause(flow: Flow) -> None:
    flow.signal(
        Paused(
            source="shop", at=flow.clock.now, customer_id=customer(flow), reason="asked", until=(flow.clock.now + timedelta(days=9)).date()
        )
    )


def release(flow: Flow) -> None:
    flow.signal(BlockReleased(source="shop", at=flow.clock.now, customer_id=customer(flow), kind="pause"))


def freeze(flow: Flow) -> None:
    flow.db.write(lambda c: control.put(c, "freeze", {"reason": "operator"}, at=flow.clock.now))


def unfreeze(flow: Flow) -> None:
    flow.db.write(lambda c: control.put(c, "freeze", None, at=flow.clock.now))


def decide(flow: Flow, state: str, act: str, **said: Any) -> None:
    """Give an order about every effect in this state."""
    table = table_of(EffectRow)
    for row in flow.rows(sa.select(table).where(table.c.state == state).order_by(table.c.id)):
        flow.order(act, row["id"], **said)


def replay(flow: Flow) -> None:
    """An operator has the completion routed again."""
    table = table_of(EventRow)
    for row in flow.rows(sa.select(table.c.id).where(table.c.type == "invoice.completed")):
        flow.order("replay", str(row["id"]))


def loosen(flow: Flow) -> None:
    """Nothing holds anything back any more."""
    unfreeze(flow)
    flow.set_mode(NAME, "auto")
    flow.sandbox.faults.clear()
    flow.advance(seconds=1)
    decide(flow, "proposed", "approve")


def as_read(flow: Flow) -> Iterator[str]:
    """What was called although the read before the call said that the invoice is cancelled."""
    table = table_of(EffectRow)
    for row in flow.rows(sa.select(table.c.service, table.c.before).where(table.c.before.is_not(None))):
        if row["before"]["is_canceled"]:
            yield f"{row['service']} was called though the invoice was read as cancelled"


def fault(kind: str, service: str, **said: Any) -> Act:
    return Act(f"{kind} {service}", "provider", lambda flow: flow.sandbox.faults.add(kind, service, **said))


MEANWHILE = (
    Act("change", "provider", change),
    Act("stop", "operator", stop),
    Act("pause", "operator", pause),
    Act("release", "operator", release),
    Act("freeze", "operator", freeze),
    Act("unfreeze", "operator", unfreeze),
    Act("approve", "operator", lambda flow: decide(flow, "proposed", "approve")),
    Act("replay", "operator", replay),
    Act("mode propose", "operator", lambda flow: flow.set_mode(NAME, "propose")),
    Act("mode auto", "operator", lambda flow: flow.set_mode(NAME, "auto")),
    Act("cancel", "provider", lambda flow: flow.trigger("invoice.canceled", invoice_id=invoice(flow))),
    fault("drop", MAILED),
    fault("drop", PAID),
    fault("late", PAID, seconds=70.0),
    fault("gateway-after", PAID),
    fault("error-before", PAID),
    fault("refuse", MAILED),
)  # fmt: skip
