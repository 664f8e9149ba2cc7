"""Re-reads: asked once, made when due, and silent where nothing differs."""

from datetime import timedelta

import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.event import InvoiceCreated
from receiver.inbox import Delivery
from tests.workers.routed import customer_notice, events, fields, noting
from workers import baseline, gaps, rereads
from workers.authoring import Read, Run, Slot, effect, monsum, workflow
from workers.desk import Parked
from workers.rereads import Reread
from workers.testing.flow import START, Flow


def ask(flow: Flow, kind: str, object_id: str) -> None:
    flow.db.write(lambda c: rereads.ask(c, "shop", kind, object_id, reason="test", at=flow.clock.now))
    flow.settle()


def polls(flow: Flow) -> int:
    return len(flow.rows(sa.select(table_of(Delivery).c.id).where(table_of(Delivery).c.origin == "poll")))


def test_asking_twice_asks_once(database: Database) -> None:
    for _ in range(2):
        database.write(lambda c: rereads.ask(c, "shop", "invoice", "9", reason="x", at=START))

    with database.read() as connection:
        assert [row["asked"] for row in rereads.due(connection, now=START, limit=9)] == [2]
        assert rereads.next_due(connection) == START


def test_a_read_that_changes_nothing_writes_nothing() -> None:
    with Flow(noting) as flow:
        ids = flow.trigger("invoice.completed")
        ask(flow, "invoice", ids["invoice_id"])
        before = polls(flow)

        for _ in range(3):
            flow.clock.pass_(timedelta(minutes=5))
            ask(flow, "invoice", ids["invoice_id"])

        assert polls(flow) == before
        assert flow.rows(sa.select(table_of(Reread))) == []


def test_a_read_of_something_gone_for_an_hour_is_its_deletion() -> None:
    with Flow(noting) as flow:
        customer = flow.trigger("customer.created")["customer_id"]
        flow.sandbox.account.customers.pop(customer)
        ask(flow, "customer", customer)
        flow.advance(minutes=59)
        sooner = [row["type"] for row in events(flow)]
        flow.advance(minutes=1)

        assert sooner == ["customer.created"]
        assert [row["type"] for row in events(flow)] == ["customer.created", "customer.deleted"]


def test_a_read_of_something_never_seen_and_not_there_means_nothing() -> None:
    with Flow(noting) as flow:
        ask(flow, "invoice", "404")

        assert events(flow) == []


def test_a_read_that_cannot_be_made_waits_and_is_made() -> None:
    with Flow(noting) as flow:
        ids = flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        flow.sandbox.faults.add("unavailable", "invoice.get", times=3)
        ask(flow, "invoice", ids["invoice_id"])
        assert events(flow, "invoice.completed") == []

        flow.advance(minutes=1)

        assert len(events(flow, "invoice.completed")) == 1


def test_an_old_customer_notice_that_arrives_after_a_read_is_put_right_by_another_read() -> None:
    with Flow(noting) as flow:
        customer = flow.sandbox.trigger("customer.created", {"city": "Köln"})["customer_id"]
        flow.sandbox.drain()
        ask(flow, "customer", customer)
        flow.clock.pass_(timedelta(minutes=10))

        flow.deliver(customer_notice(1, "customer.created", customer_id=customer, city="Bonn"))

        assert fields(flow, "customer")["city"] == "Köln"


def test_an_account_without_an_api_forgets_what_it_cannot_read() -> None:
    with Flow(noting) as flow:
        flow.db.write(lambda c: rereads.ask(c, "elsewhere", "invoice", "9", reason="x", at=START))
        flow.settle()

        assert flow.rows(sa.select(table_of(Reread))) == []


def spoil(flow: Flow) -> str:
    """An invoice at the provider whose record cannot be read; nobody was told of it."""
    id = flow.sandbox.trigger("invoice.completed", {})["invoice_id"]
    flow.sandbox.drain()
    flow.sandbox.account.invoices[id]["TOTAL"] = "a lot"
    return id


def parked(flow: Flow) -> list[str]:
    return [row["kind"] for row in flow.rows(sa.select(table_of(Parked)))]


def test_a_record_that_cannot_be_read_is_put_before_a_person_once_and_forgotten() -> None:
    with Flow(noting) as flow:
        id = spoil(flow)
        for _ in range(3):
            flow.clock.pass_(timedelta(minutes=5))
            ask(flow, "invoice", id)

        assert parked(flow) == ["invalid"]
        assert flow.rows(sa.select(table_of(Reread))) == []


def test_a_record_that_cannot_be_read_stops_no_other_of_its_scan() -> None:
    with Flow(noting) as flow:
        spoil(flow)
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()

        for _ in range(2):
            flow.clock.pass_(timedelta(minutes=15))
            gaps.find(flow.runtime, "shop")
            flow.settle()

        assert len(events(flow, "invoice.completed")) == 1
        assert parked(flow) == ["invalid"]


def test_a_record_that_cannot_be_read_stops_no_baseline() -> None:
    with Flow(noting, connect=False) as flow:
        spoil(flow)
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()

        assert baseline.read(flow.runtime, "shop")
        flow.settle()

        assert len(events(flow, "invoice.completed")) == 1
        assert parked(flow) == ["invalid"]


def test_a_re_read_that_meets_a_surprise_is_put_off_and_stops_no_other() -> None:
    with Flow(noting) as flow:
        id = flow.sandbox.trigger("invoice.completed", {})["invoice_id"]
        flow.sandbox.drain()
        flow.db.write(lambda c: rereads.ask(c, "shop", "surprise", "9", reason="test", at=flow.clock.now - timedelta(hours=1)))
        ask(flow, "invoice", id)

        assert len(events(flow, "invoice.completed")) == 1
        assert [(row["kind"], row["attempts"]) for row in flow.rows(sa.select(table_of(Reread)))] == [("surprise", 1)]


COMPLETE = effect(monsum.complete, slot=lambda i: [Slot(i.source, i.id, "complete")], fresh=Read(monsum.invoice, must=lambda i, _: None))


@workflow("t-completing", on=InvoiceCreated)
def completing(run: Run, event: InvoiceCreated) -> None:
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("complete", COMPLETE, invoice)


def test_what_our_own_write_made_true_is_told_where_its_webhook_is_lost() -> None:
    with Flow(completing, noting) as flow:
        ids = flow.sandbox.trigger("invoice.created", {})
        for notification in flow.sandbox.drain()[:2]:
            flow.deliver(notification.body)
        flow.sandbox.drain()
        assert [(step, state) for step, _, state, _ in flow.effects] == [("complete", "done")]
        assert events(flow, "invoice.completed") == []

        flow.advance(minutes=2)

        assert [row["invoice_id"] for row in events(flow, "invoice.completed")] == [ids["invoice_id"]]
        assert ("t-noting", "done") in [(workflow, status) for workflow, _, status, _ in flow.runs]
        assert flow.rows(sa.select(table_of(Reread))) == []


def test_what_our_own_write_made_true_is_told_once_and_read_no_more_where_its_webhook_came() -> None:
    with Flow(completing, noting) as flow:
        flow.trigger("invoice.created")
        flow.notify()
        asked, polled = len(flow.sandbox.calls), polls(flow)

        flow.advance(minutes=2)

        assert len(events(flow, "invoice.completed")) == 1
        assert (len(flow.sandbox.calls), polls(flow)) == (asked, polled)


def test_a_read_needed_sooner_or_for_another_reason_is_not_lost_behind_the_one_after_our_own_write(database: Database) -> None:
    for reason, at in ((rereads.OWN_WRITE, START + timedelta(seconds=60)), ("order_unsure", START), (rereads.OWN_WRITE, START)):
        database.write(lambda c, reason=reason, at=at: rereads.ask(c, "shop", "invoice", "9", reason=reason, at=at))  # type: ignore[misc]

    with database.read() as connection:
        assert [(row["reason"], row["due_at"]) for row in rereads.due(connection, now=START, limit=9)] == [("order_unsure", START)]
