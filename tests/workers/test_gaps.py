"""The gap finder: what no webhook told is found within one sweep, at the provider's pace, wherever it is broken off, and told once."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from receiver.inbox import Delivery
from tests.workers.letters import mail, times
from tests.workers.routed import connect, events, noting
from workers import control, cursors, gaps, walks
from workers.desk import Alert
from workers.limits import Rank
from workers.mirror import Mirror
from workers.providers.http import Answer, Ask, Transport
from workers.providers.monsum_client import MonsumClient
from workers.testing.actors import WorkerLost
from workers.testing.autodns import AutodnsFlow
from workers.testing.flow import Flow
from workers.walks import PASSES_MAX


def polls(flow: Flow) -> int:
    table = table_of(Delivery)
    return len(flow.rows(sa.select(table.c.id).where(table.c.origin == "poll")))


def test_a_scan_finds_the_completed_invoice_whose_webhooks_were_all_lost() -> None:
    with Flow(mail) as flow:
        connect(flow)
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        flow.advance(minutes=40)

        assert times(flow, "invoice.sendbyemail") == 1


def test_a_scan_finds_the_payment_and_the_cancellation_nobody_told() -> None:
    with Flow(noting) as flow:
        connect(flow)
        ids = flow.trigger("invoice.completed")
        other = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        flow.sandbox.trigger("invoice.paid", {"invoice_id": ids["invoice_id"]})
        flow.sandbox.trigger("invoice.canceled", {"invoice_id": other["invoice_id"]})
        flow.sandbox.drain()
        flow.advance(minutes=20)

        assert len(events(flow, "invoice.paid")) == 1
        assert len(events(flow, "invoice.canceled")) == 1


def test_a_draft_that_is_missing_for_an_hour_is_believed_gone() -> None:
    with Flow(noting) as flow:
        connect(flow)
        ids = flow.trigger("invoice.created")
        flow.advance(minutes=2)
        flow.sandbox.trigger("invoice.deleted", {"invoice_id": ids["invoice_id"]})
        flow.sandbox.drain()
        flow.advance(minutes=50)
        sooner = events(flow, "invoice.deleted")
        flow.advance(minutes=30)

        assert sooner == []
        assert [row["invoice_id"] for row in events(flow, "invoice.deleted")] == [ids["invoice_id"]]


def listed(flow: Flow, reason: str) -> list[tuple[str, bool]]:
    """(subject, whether it is open) of each alert of this reason."""
    table = table_of(Alert)
    return [(row["subject"], row["closed_at"] is None) for row in flow.rows(sa.select(table).where(table.c.reason == reason))]


def test_a_provider_that_shows_nothing_for_hours_deletes_no_finished_invoice_and_people_are_told() -> None:
    with Flow(mail) as flow:
        connect(flow)
        id = flow.trigger("invoice.completed")["invoice_id"]
        kept = dict(flow.sandbox.account.invoices)
        flow.sandbox.account.invoices.clear()
        flow.advance(minutes=50)
        sooner = listed(flow, "invoice_missing")
        flow.advance(hours=5)
        meanwhile = listed(flow, "invoice_missing")
        flow.sandbox.account.invoices.update(kept)
        flow.sandbox.trigger("invoice.paid", {"invoice_id": id})
        flow.sandbox.drain()
        flow.advance(hours=2)

        assert (sooner, meanwhile, listed(flow, "invoice_missing")) == ([], [(f"shop/{id}", True)], [(f"shop/{id}", False)])
        assert events(flow, "invoice.deleted") == [] and len(events(flow, "invoice.paid")) == 1


@pytest.mark.parametrize("told", [False, True])
def test_a_customer_whom_the_provider_shows_again_is_there_again_unless_it_told_of_the_end(told: bool) -> None:
    with AutodnsFlow(noting, poll=False, connect=False, customers=("ix/7",)) as flow:
        flow.user.trigger("customer.created", {"number": "7", "emails": "a@example.com"})
        flow.connect()
        kept = flow.user.account.customers.pop("ix/7")
        flow.advance(hours=2)
        if told:
            flow.db.write(lambda c: c.execute(sa.update(table_of(Mirror)).values(tail={"told_gone": True})))
        gone = is_gone(flow)
        flow.user.account.customers["ix/7"] = kept
        flow.advance(minutes=20)

        assert (gone, is_gone(flow)) == (True, told)


def is_gone(flow: Flow) -> bool:
    (row,) = flow.rows(sa.select(table_of(Mirror).c.deleted).where(table_of(Mirror).c.kind == "customer"))
    return bool(row["deleted"])


def test_a_customer_that_is_back_within_the_hour_was_never_gone() -> None:
    with AutodnsFlow(noting, poll=False, connect=False, customers=("ix/7",)) as flow:
        flow.user.trigger("customer.created", {"number": "7", "emails": "a@example.com"})
        flow.connect()
        for _ in range(2):  # the second time begins a new hour
            flow.user.account.customers["ix/8"] = flow.user.account.customers.pop("ix/7")
            flow.advance(minutes=45)
            flow.user.account.customers["ix/7"] = flow.user.account.customers.pop("ix/8")
            flow.advance(minutes=45)

        assert events(flow, "customer.deleted") == []


def test_a_scan_that_finds_nothing_new_writes_nothing() -> None:
    with Flow(noting) as flow:
        connect(flow)
        flow.trigger("invoice.completed")
        flow.advance(minutes=40)
        before = polls(flow)

        flow.advance(hours=2)

        assert polls(flow) == before
        assert before <= 1  # what only the API says of it, once


def test_a_scan_whose_provider_is_away_is_made_at_the_next_turn() -> None:
    with Flow(noting) as flow:
        connect(flow)
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        flow.sandbox.faults.add("unavailable", "invoice.get", times=1)
        flow.advance(minutes=16)
        flow.advance(minutes=16)

        assert len(events(flow, "invoice.completed")) == 1


def test_a_scan_since_an_instant_reads_every_month_from_there_on() -> None:
    with Flow(noting) as flow:
        before = len(flow.sandbox.calls)
        gaps.look_back(flow.runtime, "shop", since=flow.clock.now - timedelta(days=100), rank=Rank.OPERATOR)

        asked = [call.data for call in flow.sandbox.calls[before:] if call.service == "invoice.get"]
        days = [flow.clock.now - timedelta(days=days) for days in range(100, -1, -1)]
        assert [f"{said['YEAR']}-{said['MONTH']}" for said in asked] == list(dict.fromkeys(day.strftime("%Y-%m") for day in days))


def test_a_scan_of_many_pages_comes_to_its_end_at_a_pace_that_lets_it_ask_once_at_a_time() -> None:
    with Flow(noting, calls_per_minute=8) as flow:
        connect(flow)
        for _ in range(250):
            flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        before = len(flow.sandbox.calls)
        flow.advance(hours=1)

        assert len(events(flow, "invoice.completed")) == 250
        assert len(flow.sandbox.calls) - before <= 30
        with flow.db.read() as connection:
            assert control.get(connection, control.synced_name("shop")) is not None
            assert cursors.of_source(connection, "shop")["new-invoices"]["ended_at"] is not None


def test_a_scan_that_was_broken_off_goes_on_where_it_was() -> None:
    with Flow(noting) as flow:
        for _ in range(130):
            flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        before = len(flow.sandbox.calls)
        flow.sandbox.faults.add("unavailable", "invoice.get", skip=1, times=1)
        connect(flow)
        flow.advance(minutes=1)

        assert len(events(flow, "invoice.completed")) == 130
        assert len(flow.sandbox.calls) - before == 3  # the first page, the second that was refused, the second


def customers(flow: Flow, count: int) -> list[str]:
    return [flow.sandbox.trigger("customer.created", {})["customer_id"] for _ in range(count)]


def pages_asked(flow: Flow) -> int:
    return len([call for call in flow.sandbox.calls if call.service == "customer.get" and not call.data.get("CUSTOMER_ID")])


@pytest.mark.parametrize("kind", ["monsum", "fastbill"])
def test_customers_nobody_told_of_are_found_created_changed_and_deleted(kind: Any) -> None:
    with Flow(noting, kind=kind, connect=False) as flow:
        old, gone, *_ = customers(flow, 3)
        flow.sandbox.drain()
        flow.connect()
        connect(flow)
        (new,) = customers(flow, 1)
        flow.sandbox.trigger("customer.updated", {"customer_id": old, "city": "Ulm"})
        flow.sandbox.trigger("customer.deleted", {"customer_id": gone})
        flow.sandbox.drain()
        flow.advance(hours=7, minutes=15)

        told = {(row["type"], row["customer_id"]) for row in events(flow) if not row["historical"]}
        assert told == {("customer.created", new), ("customer.updated", old), ("customer.deleted", gone)}


def test_one_pass_over_the_customers_is_enough_while_nobody_comes_or_goes() -> None:
    with Flow(noting, connect=False) as flow:
        customers(flow, 130)
        flow.sandbox.drain()
        flow.connect()
        connect(flow)
        before = pages_asked(flow)
        flow.advance(hours=6, minutes=15)
        first = pages_asked(flow) - before
        flow.advance(hours=6)

        assert (first, pages_asked(flow) - before) == (4, 6)  # two passes of two pages, then one that agrees with the last


@dataclass(frozen=True, kw_only=True)
class WithoutOffset:
    """A provider that understands no OFFSET: whatever page is asked for, it answers the first."""

    inner: Transport

    def send(self, ask: Ask, **more: Any) -> Answer:
        body = {name: value for name, value in json.loads(ask.body).items() if name != "OFFSET"}
        return self.inner.send(replace(ask, body=json.dumps(body).encode()), **more)


def deaf(flow: Flow) -> None:
    account = flow.runtime.accounts["shop"]
    client = cast(MonsumClient, account.client)
    flow.runtime.accounts["shop"] = replace(account, client=replace(client, transport=WithoutOffset(inner=client.transport)))


@pytest.mark.parametrize("scan", ["customers", pytest.param("new-invoices", marks=pytest.mark.slow)])
def test_a_list_that_answers_one_page_for_ever_is_told_and_read_no_further(scan: str) -> None:
    with Flow(noting, connect=False) as flow:
        customers(flow, 130 if scan == "customers" else 1)
        for _ in range(0 if scan == "customers" else 130):
            flow.sandbox.trigger("invoice.created", {"customer_id": next(iter(flow.sandbox.account.customers))})
        flow.sandbox.drain()
        flow.connect()
        connect(flow)
        deaf(flow)
        before = len(flow.sandbox.calls)
        flow.advance(hours=6, minutes=20)

        table = table_of(Alert)
        (told,) = flow.rows(sa.select(table.c.detail).where(table.c.reason == "provider_unreadable", table.c.closed_at.is_(None)))
        assert told["detail"]["why"] == f"{scan}_failed: same_page"
        assert len(flow.sandbox.calls) - before < 250
        with flow.db.read() as connection:
            at = cursors.of_source(connection, "shop")[scan]["place"]["at"]
            assert at["offset"] == 100  # where it goes on, once it is answered


class Leaves:
    """A customer goes while the pages are read: the one behind it moves over the edge, onto a page that was read already."""

    def __init__(self, flow: Flow, id: str) -> None:
        self._flow, self._id = flow, id

    def __call__(self, name: str) -> None:
        if name == "page-kept" and self._id in self._flow.sandbox.account.customers:
            self._flow.sandbox.trigger("customer.deleted", {"customer_id": self._id})
            self._flow.sandbox.drain()


def test_a_customer_that_slips_through_between_two_pages_is_found_by_the_next_pass() -> None:
    with Flow(noting, connect=False) as flow:
        ids = customers(flow, 130)
        flow.sandbox.drain()
        flow.connect()
        connect(flow)
        flow.sandbox.trigger("customer.updated", {"customer_id": ids[100], "city": "Ulm"})
        flow.sandbox.drain()
        flow.point = Leaves(flow, ids[5])
        flow.advance(hours=7, minutes=15)

        told = {(row["type"], row["customer_id"]) for row in events(flow) if not row["historical"]}
        assert told == {("customer.updated", ids[100]), ("customer.deleted", ids[5])}


def test_a_list_that_is_never_the_same_twice_ends_its_sweep_and_makes_nobody_gone() -> None:
    with Flow(noting, connect=False) as flow:
        ids = customers(flow, 130)
        flow.sandbox.drain()
        flow.connect()
        connect(flow)
        leaving, passed = iter(ids), set[str]()

        def point(name: str) -> None:
            passed.add(name)
            if name == "page-kept" and flow.sandbox.account.customers:
                customers(flow, 1)
                flow.sandbox.account.customers.pop(next(leaving))

        flow.point = point
        flow.advance(hours=6, minutes=1)

        with flow.db.read() as connection:
            assert cursors.of_source(connection, "shop")["customers"]["requests"] == 2 * PASSES_MAX
        assert "reread-asked" not in passed  # nobody is even suspected


class Lost:
    """The worker is lost at some of the pages, by their number: a page was kept, and not yet that it was."""

    def __init__(self, *pages: int) -> None:
        self._pages, self._passed = pages, 0

    def __call__(self, name: str) -> None:
        self._passed += name == "page-kept"
        if name == "page-kept" and self._passed in self._pages:
            raise WorkerLost


def test_a_sweep_whose_worker_is_lost_again_and_again_reads_only_those_pages_twice() -> None:
    with Flow(noting, connect=False) as flow:
        customers(flow, 230)
        flow.sandbox.drain()
        flow.connect()
        connect(flow)
        before, flow.point = pages_asked(flow), Lost(3, 6)
        flow.advance(hours=8)

        assert pages_asked(flow) - before == 6 + 2  # three pages, two passes
        with flow.db.read() as connection:
            assert cursors.of_source(connection, "shop")["customers"]["requests"] == 6


def test_a_webhook_that_comes_after_its_fact_was_found_starts_nothing_twice() -> None:
    with Flow(noting) as flow:
        connect(flow)
        flow.clock.pass_(timedelta(minutes=2))
        flow.sandbox.trigger("invoice.completed", {})
        late = [notification.body for notification in flow.sandbox.drain()]
        flow.advance(minutes=16)
        found = [run[:2] for run in flow.runs]
        for body in late:
            flow.deliver(body)
        flow.advance(hours=1)

        assert found and [run[:2] for run in flow.runs] == found


def test_a_delivery_says_by_which_scan_it_was_found() -> None:
    with Flow(noting) as flow:
        connect(flow)
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        flow.advance(minutes=16)

        table = table_of(Delivery)
        assert {row["actor"] for row in flow.rows(sa.select(table).where(table.c.origin == "poll"))} == {"scan:new-invoices"}


def test_an_invoice_that_is_dated_ahead_is_found_within_a_day() -> None:
    with Flow(noting) as flow:
        connect(flow)
        for day in ("2026-12-15", "2027-01-03"):
            flow.sandbox.trigger("invoice.completed", {"invoice_date": day})
        flow.sandbox.drain()
        flow.advance(days=1, hours=1)

        assert len(events(flow, "invoice.completed")) == 2


def test_a_settled_invoice_that_changes_again_is_found_within_a_day() -> None:
    with Flow(noting) as flow:
        connect(flow)
        id = flow.trigger("invoice.completed", invoice_date="2026-10-05")["invoice_id"]
        flow.trigger("invoice.paid", invoice_id=id)
        flow.clock.pass_(timedelta(minutes=5))
        flow.sandbox.account.invoices[id] |= {"OUTSTANDING_AMOUNT": Decimal("10.00"), "PAID_DATE": "0000-00-00 00:00:00"}
        flow.advance(days=1, hours=1)

        assert len(events(flow, "invoice.reopened")) == 1


def test_a_list_that_came_back_empty_has_only_so_many_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "GONE_MAX", 3)
    with Flow(noting, connect=False) as flow:
        customers(flow, 8)
        flow.sandbox.drain()
        flow.connect()
        connect(flow)
        flow.sandbox.account.customers.clear()
        flow.advance(hours=7, minutes=15)

        assert len(events(flow, "customer.deleted")) == 3


def test_one_object_that_cannot_be_read_holds_up_no_other_of_its_scan() -> None:
    with AutodnsFlow(noting, poll=False, connect=False, customers=("ix/1", "ix/2")) as flow:
        for number in ("1", "2"):
            flow.user.trigger("customer.created", {"number": number, "emails": "a@example.com", "city": "Ulm"})
        flow.connect()
        flow.user.account.customers["ix/1"]["number"] = 9  # it says to be another one: Retryable, for ever
        flow.user.account.write_customer("ix/2", {"city": "Bonn"})
        flow.advance(minutes=20)

        assert [row["customer_id"] for row in events(flow, "customer.updated")] == ["ix/2"]
        with flow.db.read() as connection:
            assert cursors.of_source(connection, "shop")["customers"]["ended_at"] is not None


def test_a_scan_whose_provider_is_away_for_a_moment_goes_on_where_it_was_and_gives_up_no_object() -> None:
    with AutodnsFlow(noting, poll=False, connect=False, customers=("ix/1", "ix/2")) as flow:
        for number in ("1", "2"):
            flow.user.trigger("customer.created", {"number": number, "emails": "a@example.com"})
        flow.connect()
        passed = list[str]()
        flow.point = passed.append
        flow.user.faults.add("unavailable", "customer.get", times=1)
        flow.advance(minutes=20)

        assert "put-off" in passed and "reread-asked" not in passed


def test_the_scans_of_a_source_without_an_api_are_none() -> None:
    with Flow(noting) as flow:
        account = replace(flow.runtime.accounts["shop"], kind="standard", client=None)
        flow.runtime.accounts = {"shop": account}

        assert gaps.scans_of(flow.runtime, "shop") == () and gaps.find(flow.runtime, "shop") == 0
