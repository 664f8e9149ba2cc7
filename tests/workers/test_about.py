"""A run about a customer: it is given what all the customer's invoices come to, each once, and their blocks forbid its effects."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from tests.workers.letters import completed, times
from workers.authoring import (
    Disputed,
    Event,
    InvoiceCompleted,
    InvoicePaid,
    Read,
    Run,
    SendStopped,
    Signal,
    Slot,
    effect,
    event,
    give_event,
    monsum,
    workflow,
)
from workers.testing.flow import START, Flow

GOT: list[Any] = []
PAID = "invoice.setpaid"
PAY = effect(
    monsum.set_paid,
    slot=lambda invoice, **said: [Slot(invoice.source, id, "pay") for id in (invoice.id, *GOT[0])],
    fresh=Read(monsum.invoice, must=completed),
    unless=(Disputed,),
)


@pytest.fixture(autouse=True)
def nothing() -> Iterator[None]:
    GOT.clear()
    yield


def by_customer(told: Any) -> str:
    return f"{told.customer_id or 'unknown'}/EUR"


@workflow("t-customer", on=InvoiceCompleted, key=by_customer, about="customer", start="one-per-key")
def of_customer(run: Run, told: InvoiceCompleted) -> None:
    for round in range(4):
        came = run.wait_for(InvoicePaid, InvoiceCompleted, until=told.at + timedelta(days=2), name=f"news {round}")
        found = (came.type, getattr(came, "invoice_id", None)) if came else None
        if found not in GOT:
            GOT.append(found)


@workflow("t-letter", on=InvoiceCompleted, key=by_customer, about="customer")
def letter(run: Run, told: InvoiceCompleted) -> None:
    run.sleep_until(told.at + timedelta(days=1))
    run.effect("pay", PAY, run.read("invoice", monsum.invoice, told.invoice_id))


def test_one_run_is_given_what_any_invoice_of_its_customer_comes_to_each_once_or_the_moment() -> None:
    with Flow(of_customer) as flow:
        first = flow.trigger("invoice.completed")
        second = flow.trigger("invoice.completed", customer_id=first["customer_id"])["invoice_id"]
        flow.trigger("invoice.completed")
        flow.trigger("invoice.paid", invoice_id=second)
        flow.trigger("invoice.paid", invoice_id=first["invoice_id"])
        flow.advance(days=3)

        of_first = [("invoice.completed", second), ("invoice.paid", second), ("invoice.paid", first["invoice_id"]), None]
        assert of_first == GOT
        assert sorted(run[2] for run in flow.runs) == ["done", "done"]


@pytest.mark.parametrize("disputed", ["own", "other", "none"])
def test_a_dispute_about_any_invoice_an_effect_takes_slots_for_forbids_it(disputed: str) -> None:
    with Flow(letter) as flow:
        own = flow.trigger("invoice.completed")
        other = flow.trigger("invoice.completed")
        GOT[:] = [[other["invoice_id"]]]
        about = {"own": own, "other": other}.get(disputed)
        if about:
            flow.signal(Disputed(source="shop", at=START, reason="wrong", **about))
        flow.advance(days=1, hours=1)

        assert ("t-letter", f"{own['customer_id']}/EUR", "skipped" if about else "done", "dispute" if about else None) in flow.runs
        assert times(flow, PAID) == (0 if about else 1)


@event("t.due")
@dataclass(frozen=True, slots=True, kw_only=True)
class Due(Event, Signal):
    """An invoice fell due, as a workflow found it."""

    invoice_id: str
    customer_id: str
    currency: str


@workflow("t-sweep", on=InvoiceCompleted, cancel_on=(SendStopped,))
def sweep(run: Run, told: InvoiceCompleted) -> None:
    due = Due(source="shop", at=told.at, invoice_id=told.invoice_id, customer_id=str(told.customer_id), currency="EUR")
    for round in range(2):
        run.step(f"tell {round}", tell, due)


def tell(connection: Connection, due: Due) -> None:
    give_event(connection, due, actor="t-sweep", at=due.at, id=f"due:{due.invoice_id}")


@workflow("t-due", on=Due, key=lambda due: f"{due.customer_id}/{due.currency}", about="customer", start="one-per-key")
def on_due(run: Run, told: Due) -> None:
    GOT.append(told.invoice_id)
    run.wait_for(InvoicePaid)


def test_an_event_a_workflow_gives_starts_one_run_per_customer_and_currency() -> None:
    with Flow(sweep, on_due) as flow:
        first = flow.trigger("invoice.completed")
        flow.notify()

        mine = [run for run in flow.runs if run[0] == "t-due"]
        assert mine == [("t-due", f"{first['customer_id']}/EUR", "waiting", "awaits invoice.paid")]
