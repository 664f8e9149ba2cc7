"""Run: what an author's function works with is journaled, typed, and asked once."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from receiver.db import table_of
from receiver.money import Money
from workers.authoring import (
    CustomerCreated,
    Disputed,
    InvoiceCanceled,
    InvoiceCompleted,
    InvoicePaid,
    PaymentFailed,
    Run,
    SendStopped,
    monsum,
    workflow,
)
from workers.desk import Alert, Parked, Task
from workers.journal import JournalRow
from workers.runs import RunRow
from workers.story import story
from workers.testing.flow import Flow

GOT: dict[str, Any] = {}


class Letter(BaseModel, frozen=True):
    """A typed result."""

    to: str
    due: date
    amount: Decimal


def a_letter() -> Letter:
    return Letter(to="max@example.com", due=date(2026, 12, 24), amount=Decimal("12.50"))


def a_money() -> Money:
    return Money(Decimal("12.50"), "EUR")


def an_instant() -> datetime:
    return datetime.fromisoformat("2026-11-20T09:00:00+01:00")


def wrong() -> int:
    return "many"  # type: ignore[return-value]


def unknowable() -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821
    return None


def number_of_runs(connection: sa.Connection) -> int:
    return int(connection.execute(sa.text("SELECT count(*) FROM run")).scalar_one())


@workflow("t-typed", on=InvoiceCompleted)
def typed(run: Run, event: InvoiceCompleted) -> None:
    found = {"letter": run.step("letter", a_letter), "money": run.step("money", a_money), "at": run.step("at", an_instant)}
    found["runs"] = run.step("runs", number_of_runs)
    run.wait_for(SendStopped, name="stop")
    GOT["typed"] = found


def stop(flow: Flow, ids: dict[str, str]) -> None:
    flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))


def parked(flow: Flow) -> list[sa.RowMapping]:
    return flow.rows(sa.select(table_of(Parked)))


def test_the_result_of_a_step_comes_back_from_the_journal_as_what_it_was() -> None:
    with Flow(typed) as flow:
        stop(flow, flow.trigger("invoice.completed"))

        assert GOT["typed"] == {"letter": a_letter(), "money": a_money(), "at": an_instant(), "runs": 1}


@workflow("t-twice", on=InvoiceCompleted)
def twice(run: Run, event: InvoiceCompleted) -> None:
    run.step("same", a_letter)
    run.step("same", a_letter)


@workflow("t-wrong", on=InvoiceCompleted)
def wrongly(run: Run, event: InvoiceCompleted) -> None:
    run.step("number", wrong)


@workflow("t-nowhere", on=InvoiceCompleted)
def nowhere(run: Run, event: InvoiceCompleted) -> None:
    run.step("nowhere", unknowable)


@pytest.mark.parametrize(("fn", "name"), [(twice, "same"), (wrongly, "number"), (nowhere, "nowhere")])
def test_a_step_that_could_not_be_replayed_parks_the_run_and_names_itself(fn: Any, name: str) -> None:
    with Flow(fn) as flow:
        flow.trigger("invoice.completed")

        assert flow.runs[0][2] == "parked"
        (item,) = parked(flow)
        assert (item["kind"], name in item["reason"]) == ("failed", True)


@workflow("t-facts", on=InvoiceCompleted)
def facts(run: Run, event: InvoiceCompleted) -> None:
    run.sleep_until(event.at + timedelta(minutes=5))
    GOT["fact"] = run.wait_for(CustomerCreated)
    GOT["signal"] = run.wait_for(PaymentFailed, until=event.at + timedelta(minutes=20), name="first")
    GOT["again"] = run.wait_for(PaymentFailed, until=event.at + timedelta(minutes=30), name="second")


def test_a_fact_is_found_though_it_came_before_the_trigger_and_a_signal_once_after_it() -> None:
    with Flow(facts) as flow:
        customer = flow.trigger("customer.created")["customer_id"]
        flow.advance(minutes=1)
        ids = flow.trigger("invoice.completed", customer_id=customer)
        flow.advance(minutes=10)
        flow.trigger("payment.failed", invoice_id=ids["invoice_id"])
        flow.advance(minutes=40)

        assert GOT["fact"].customer_id == customer
        assert GOT["signal"].invoice_id == ids["invoice_id"]
        assert GOT["again"] is None


def test_a_signal_from_before_the_trigger_is_not_for_this_run() -> None:
    with Flow(facts) as flow:
        ids = flow.sandbox.trigger("invoice.completed", {})
        notices = [notification.body for notification in flow.sandbox.drain()]
        flow.trigger("payment.failed", invoice_id=ids["invoice_id"])
        for body in notices:
            flow.deliver(body)
        flow.advance(minutes=40)

        assert GOT["signal"] is None


@workflow("t-holds", on=InvoiceCompleted)
def holding(run: Run, event: InvoiceCompleted) -> None:
    run.sleep_until(event.at + timedelta(minutes=5))
    GOT["disputed"] = run.holds(Disputed, "disputed")
    GOT["paid"] = run.holds(InvoicePaid, "paid")
    run.alert("look", "odd", invoice=event.invoice_id)
    run.task("call them", "no_phone")
    run.wait_for(SendStopped, name="stop")


def test_a_state_set_before_the_run_holds_in_it() -> None:
    with Flow(holding) as flow:
        customer = flow.trigger("customer.created")["customer_id"]
        flow.signal(Disputed(source="shop", at=flow.clock.now, customer_id=customer, reason="wrong"))
        ids = flow.trigger("invoice.completed", customer_id=customer)
        flow.advance(minutes=6)
        stop(flow, ids)

        assert (GOT["disputed"], GOT["paid"]) == (True, False)


def test_alerts_and_tasks_are_made_once_however_often_the_run_is_replayed() -> None:
    with Flow(holding) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        stop(flow, ids)

        assert [row["count"] for row in flow.rows(sa.select(table_of(Alert)))] == [1]
        assert [row["reason"] for row in flow.rows(sa.select(table_of(Task)))] == ["no_phone"]


@workflow("t-now", on=InvoiceCompleted)
def clocked(run: Run, event: InvoiceCompleted) -> None:
    GOT.setdefault("now", []).append(run.now())
    run.sleep_until(event.at + timedelta(minutes=5))
    GOT["now"].append(run.now())
    run.sleep_until(event.at + timedelta(minutes=9))


def test_now_is_the_time_of_the_last_step_at_every_replay() -> None:
    GOT.pop("now", None)
    with Flow(clocked, strict=False) as flow:
        begun = flow.clock.now
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert GOT["now"] == [begun, begun, begun + timedelta(minutes=5), begun, begun + timedelta(minutes=5)]


@workflow("t-cancelled", on=InvoiceCompleted, cancel_on=(InvoiceCanceled, SendStopped, Disputed))
def cancelled(run: Run, event: InvoiceCompleted) -> None:
    run.sleep_until(event.at + timedelta(minutes=5))
    run.step("acted", a_letter)


@pytest.mark.parametrize("how", ["fact", "signal", "state"])
def test_an_event_of_cancel_on_ends_the_run_before_its_next_step(how: str) -> None:
    with Flow(cancelled) as flow:
        ids = flow.trigger("invoice.completed")
        if how == "fact":
            flow.trigger("invoice.canceled", invoice_id=ids["invoice_id"])
        elif how == "signal":
            stop(flow, ids)
        else:
            flow.signal(Disputed(source="shop", at=flow.clock.now, **ids, reason="wrong"))
        flow.advance(minutes=10)

        assert flow.runs[0][2] == "cancelled"
        assert [row["name"] for row in flow.rows(sa.select(table_of(JournalRow)))] == []


@workflow("t-reading", on=InvoiceCompleted)
def reading(run: Run, event: InvoiceCompleted) -> None:
    GOT["doc"] = run.read("invoice", monsum.invoice, event.invoice_id)


def test_a_read_that_cannot_be_made_is_made_later_with_growing_pauses() -> None:
    with Flow(reading) as flow:
        flow.sandbox.faults.add("unavailable", "invoice.get", times=6)
        flow.trigger("invoice.completed")
        assert flow.runs[0][2] == "waiting"
        flow.advance(minutes=3)

        assert flow.runs[0][2] == "done"
        assert GOT["doc"].type == "outgoing"


def test_the_alert_of_reads_that_failed_ends_once_the_run_could_read_again() -> None:
    with Flow(reading, scans=False) as flow:
        flow.sandbox.faults.add("unavailable", "invoice.get", times=6)
        flow.trigger("invoice.completed")
        while ("alert", "provider_unreadable") not in flow.told:
            flow.advance(seconds=10)
        during = flow.runs[0][2]
        flow.advance(hours=2)

        assert (during, flow.runs[0][2], flow.told) == ("waiting", "done", [])


def hidden(flow: Flow) -> dict[str, Any]:
    """A webhook tells of an invoice that the API does not show yet; what it will show."""
    flow.sandbox.trigger("invoice.completed", {})
    (notices, shown) = [notice.body for notice in flow.sandbox.drain()], dict(flow.sandbox.account.invoices)
    flow.sandbox.account.invoices.clear()
    for body in notices:
        flow.deliver(body)
    return shown


def test_a_read_that_lags_behind_its_webhook_is_made_again() -> None:
    with Flow(reading) as flow:
        shown = hidden(flow)
        sooner = flow.runs[0][2:]
        flow.advance(minutes=5)
        flow.sandbox.account.invoices.update(shown)
        flow.advance(minutes=1)

        assert (sooner, flow.runs[0][2]) == (("waiting", "read_failed: not_there"), "done")
        assert flow.rows(sa.select(table_of(Alert))) == []


def test_what_is_not_shown_ten_minutes_after_it_was_told_is_not_found() -> None:
    with Flow(reading) as flow:
        hidden(flow)
        flow.advance(minutes=9)
        sooner = flow.runs[0][2]
        flow.advance(minutes=5)

        assert sooner == "waiting"
        assert flow.runs[0][2] == "parked" and "NotFound" in flow.runs[0][3]  # this workflow does not expect it


def test_a_read_that_keeps_failing_says_why_and_raises_one_alert_until_it_is_made() -> None:
    with Flow(reading) as flow:
        wrong_key = flow.sandbox.faults.add("login", "invoice.get", times=1000)
        flow.trigger("invoice.completed")
        assert flow.runs[0][2:] == ("waiting", "read_failed: credentials")
        assert flow.rows(sa.select(table_of(Alert))) == []

        flow.advance(hours=1)
        alerts = [(row["subject"], row["reason"]) for row in flow.rows(sa.select(table_of(Alert)))]
        said = flow.rows(sa.select(table_of(RunRow).c.id))[0]["id"]
        with flow.db.read() as connection:
            told = [line.reason for line in story(connection, said) if line.what == "run"]
        wrong_key.times = 1
        flow.advance(hours=1)

        assert alerts == [("shop", "provider_unreadable")]
        assert "(read_failed: credentials)" in told[0]
        assert flow.runs[0][2:] == ("done", None)
