"""A workflow on a Qvickly source: a callback is a hint, the payment is read back, and activated once."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from receiver.sources.qvickly_words import CALLBACK
from tests.receiver.sources.callbacks import callback
from workers.authoring import NotFound, PaymentReported, Read, Run, Slot, effect, qvickly, workflow
from workers.loading import load_folders
from workers.mirror import Mirror
from workers.testing.qvickly import KEY, QvicklyFlow


def still_created(doc: Any, payment: Any) -> str | None:
    return None if doc.status == "created" else f"is {doc.status}"


def of_the_payment(payment: Any) -> list[Slot]:
    return [Slot(payment.source, payment.id, "activate")]


activate = effect(qvickly.activate, slot=of_the_payment, fresh=Read(qvickly.payment, must=still_created))


@workflow("t-activate", on=PaymentReported)
def activating(run: Run, event: PaymentReported) -> None:
    """Send the invoice of a payment that was made."""
    if event.status != "created" or event.payment_id is None:
        run.skip(event.status)
    try:
        payment = run.read("payment", qvickly.payment, str(event.payment_id))
    except NotFound:
        run.skip("no_such_payment")
    if payment.status != "created":
        run.skip(f"is {payment.status}")
    run.effect("activate", activate, payment)


def services(flow: QvicklyFlow) -> list[str]:
    """Every call the provider acted on, the baseline's own left out."""
    return [call.service for call in flow.merchant.calls if call.acted and not call.service.startswith("customers.")]


def test_a_callback_is_read_back_and_the_payment_activated_once() -> None:
    with QvicklyFlow(activating) as flow:
        number = flow.trigger("payment.created")["payment_id"]
        (body,) = [letter.notification.body for letter in flow.merchant.outbox.letters]
        for _ in range(3):
            flow.deliver(body)
        flow.clock.move(flow.clock.now + timedelta(days=31))
        flow.deliver(body)

        assert flow.effects == [("activate", number, "done", None)]
        assert services(flow) == ["getPaymentinfo", "getPaymentinfo", "activatePayment"]
        assert [service for service, _ in flow.calls] == ["activatePayment"]
        assert flow.merchant.account.payments[number]["status"] == "Factoring"


def test_what_a_callback_says_decides_nothing() -> None:
    with QvicklyFlow(activating) as flow:
        number = flow.merchant.trigger("payment.cancelled")["payment_id"]
        flow.merchant.outbox.letters.clear()

        flow.deliver(callback({"number": number, "status": "Created", "orderid": "P1", "url": ""}, KEY))
        flow.deliver(callback({"number": "999", "status": "Created", "orderid": "P2", "url": ""}, KEY))

        assert {run[3] for run in flow.runs} == {"is cancelled", "no_such_payment"}
        assert not flow.effects
        assert "activatePayment" not in services(flow)


def test_a_payment_that_changed_since_it_was_read_is_not_activated() -> None:
    with QvicklyFlow(activating) as flow:
        flow.merchant.faults.add("unavailable", "getPaymentinfo", skip=1)
        number = flow.trigger("payment.created")["payment_id"]
        flow.merchant.account.payments[number]["status"] = "Cancelled"

        flow.advance(hours=1)

        assert [effect[2] for effect in flow.effects] == ["cancelled"]
        assert "activatePayment" not in services(flow)


@pytest.mark.parametrize("fault", ["drop", "error-after", "late", "not-json", "truncate", "error-before", "unavailable"])
def test_a_lost_reply_is_looked_up_and_the_payment_is_activated_once(fault: str) -> None:
    with QvicklyFlow(activating) as flow:
        flow.merchant.faults.add(fault, "activatePayment")
        flow.trigger("payment.created")

        flow.advance(hours=2)

        assert [effect[2] for effect in flow.effects] == ["done"]
        assert services(flow).count("activatePayment") == 1


def test_a_status_with_two_meanings_leaves_a_lost_reply_to_a_person() -> None:
    with QvicklyFlow(activating) as flow:
        flow.merchant.faults.add("drop", "activatePayment")
        flow.trigger("payment.created", method="2")

        flow.advance(days=2)

        assert [effect[2] for effect in flow.effects] == ["unknown"]
        assert services(flow).count("activatePayment") == 1
        assert [kind for kind, _ in flow.told if kind == "parked"]


def test_the_worker_may_be_lost_anywhere_and_the_payment_is_activated_once() -> None:
    with QvicklyFlow(activating, strict=False) as flow:
        explored = flow.crash_everywhere(lambda one: one.trigger("payment.created"), again=())

        assert len(explored.schedules) > 10
        assert explored.acts == {("activatePayment", "1000301"): 1}


def test_every_word_of_a_callback_can_be_said_by_the_sandbox() -> None:
    with QvicklyFlow(activating) as flow:
        for word in sorted(CALLBACK):
            flow.trigger("payment.paid", status=word)

        assert not flow.told
        assert len(flow.runs) == len(CALLBACK)


def test_no_shipped_workflow_writes_to_qvickly_even_where_it_may() -> None:
    load_folders()
    with QvicklyFlow("auto-send", "credits", "customers", "dunning", "dunning-daily", mode="auto") as flow:
        flow.merchant.trigger("customer.created", {"customerid": "C1", "name": "N"})
        flow.trigger("payment.factoring", due_date="2026-11-01")

        flow.advance(hours=24)

        assert flow.calls == [] and flow.effects == []
        assert {run[0] for run in flow.runs} <= {"dunning-daily"} and flow.told == []


def test_customers_of_the_portal_are_mirrored_when_the_source_is_connected() -> None:
    with QvicklyFlow(activating, connect=False) as flow:
        for number in range(101):
            flow.merchant.trigger("customer.created", {"customerid": f"C{number}", "name": "N"})

        flow.connect()

        rows = flow.rows(sa.select(table_of(Mirror)).where(table_of(Mirror).c.kind == "customer"))
        assert len(rows) == 101
        assert {row["fields"]["number"] for row in rows} == {f"C{number}" for number in range(101)}
        assert not flow.runs
