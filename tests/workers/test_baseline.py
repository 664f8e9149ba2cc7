"""Baseline and scan: what held before us is history, and what no webhook told us is found."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from receiver.db import table_of
from receiver.errors import Retryable
from receiver.inbox import Delivery
from receiver.log import ALLOWED
from tests.workers.letters import mail, times
from tests.workers.routed import connect, events, noting
from workers import baseline, control
from workers.desk import Alert
from workers.testing.flow import START, Flow


def polls(flow: Flow) -> int:
    table = table_of(Delivery)
    return len(flow.rows(sa.select(table.c.id).where(table.c.origin == "poll")))


def test_a_baseline_reads_every_page_and_remembers_the_instant_before_its_first_request() -> None:
    with Flow(noting, connect=False) as flow:
        for _ in range(130):
            flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        connect(flow)

        assert len(events(flow, "invoice.completed")) == 130
        assert flow.runs == []
        with flow.db.read() as connection:
            assert control.baseline_at(connection, "shop") == START


def test_a_baseline_that_was_broken_off_goes_on_where_it_was() -> None:
    with Flow(noting, connect=False) as flow:
        for _ in range(130):
            flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        assert not baseline.read(flow.runtime, "shop", pages=2)
        flow.sandbox.faults.add("unavailable", "invoice.get", times=2)
        connect(flow)
        flow.advance(minutes=1)

        assert len(events(flow, "invoice.completed")) == 130
        offsets = [call for call in flow.sandbox.calls if call.service == "customer.get"]
        assert len(offsets) == 2


def test_an_object_made_on_the_very_day_of_the_baseline_is_history_too() -> None:
    with Flow(noting, connect=False) as flow:
        flow.sandbox.trigger("customer.created", {})
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        connect(flow)

        assert {row["historical"] for row in events(flow)} == {True}


def test_a_push_during_the_baseline_read_that_is_older_than_it_is_history() -> None:
    with Flow(noting, connect=False) as flow:
        flow.sandbox.trigger("invoice.completed", {})
        bodies = [notification.body for notification in flow.sandbox.drain()]
        flow.clock.pass_(timedelta(minutes=2))
        flow.db.write(
            lambda c: control.put(
                c, "baseline:shop", {"at": flow.clock.now.isoformat(), "kind": 0, "offset": 0, "done": False}, at=flow.clock.now
            )
        )
        for body in bodies:
            flow.deliver(body)

        assert {row["historical"] for row in events(flow, "invoice.completed")} == {True}
        assert flow.runs == []


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


def test_a_scan_has_a_missing_draft_read_once_and_believes_it_gone() -> None:
    with Flow(noting) as flow:
        connect(flow)
        ids = flow.trigger("invoice.created")
        flow.advance(minutes=2)
        flow.sandbox.trigger("invoice.deleted", {"invoice_id": ids["invoice_id"]})
        flow.sandbox.drain()
        flow.advance(minutes=20)

        assert [row["invoice_id"] for row in events(flow, "invoice.deleted")] == [ids["invoice_id"]]


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


def unreadable(flow: Flow) -> list[int]:
    table = table_of(Alert)
    rows = flow.rows(sa.select(table).where(table.c.closed_at.is_(None), table.c.reason == "provider_unreadable"))
    return [row["count"] for row in rows]


def test_people_are_told_of_a_provider_that_stays_away_and_that_it_is_back() -> None:
    with Flow(mail) as flow:
        flow.sweeper.sweep()
        flow.sandbox.faults.add("unavailable", "invoice.get", times=6)
        flow.advance(minutes=15, seconds=25)
        assert unreadable(flow) == [2]

        flow.advance(minutes=5)
        assert unreadable(flow) == []


def test_a_baseline_that_cannot_be_read_is_asked_for_ever_more_rarely() -> None:
    with Flow(mail, connect=False) as flow:
        flow.sandbox.faults.add("unavailable", "customer.get", times=1000)
        flow.sweeper.sweep()
        flow.advance(minutes=10)

        assert unreadable(flow) != []
        assert 8 <= len([call for call in flow.sandbox.calls if call.service == "customer.get"]) <= 14


def test_a_scan_since_an_instant_reads_every_month_from_there_on() -> None:
    with Flow(noting) as flow:
        before = len(flow.sandbox.calls)
        baseline.scan(flow.runtime, "shop", since=flow.clock.now - timedelta(days=100))

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
            assert control.get(connection, "scan:shop") is None


def test_a_scan_that_was_broken_off_goes_on_where_it_was() -> None:
    with Flow(noting) as flow:
        for _ in range(130):
            flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        before = len(flow.sandbox.calls)
        flow.sandbox.faults.add("unavailable", "invoice.get", skip=1, times=1)
        with pytest.raises(Retryable):
            baseline.scan(flow.runtime, "shop")
        baseline.scan(flow.runtime, "shop")
        flow.settle()

        assert len(events(flow, "invoice.completed")) == 130
        assert len(flow.sandbox.calls) - before == 3  # the first page, the second that was refused, the second


@pytest.mark.parametrize(("context", "says"), [({"kind": "timeout"}, "timeout"), ({"kind": "status", "status": 503}, "status 503")])
def test_the_log_of_a_postponed_read_names_its_kind_under_names_that_are_shown(context: dict[str, object], says: str) -> None:
    def away() -> None:
        raise Retryable(**context)

    with Flow(noting) as flow, capture_logs() as logged:
        baseline.attempt(flow.runtime, "shop", "scan", away)

    (line,) = [one for one in logged if one["event"] == "read postponed"]
    assert (line["duty"], line["reason"]) == ("scan", f"read_failed: {says}")
    assert line.keys() - {"log_level"} <= ALLOWED
