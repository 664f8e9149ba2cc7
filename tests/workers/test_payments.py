"""Qvickly's payments are found where no callback came: in the callback log, by reading open ones back, and among those that are due."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.event import PaymentReported
from receiver.inbox import Delivery
from tests.workers.routed import connect, events
from workers import gaps, missed
from workers.authoring import Run, workflow
from workers.desk import Alert
from workers.testing.qvickly import QvicklyFlow


@workflow("t-told", on=PaymentReported, key=lambda event: f"{event.invoice_id}:{event.status}:{event.at}")
def told(run: Run, event: Any) -> None:
    """Starts, and ends at once."""


def reports(flow: QvicklyFlow) -> list[tuple[str, str]]:
    return [(row["invoice_id"], row["data"]["status"]) for row in events(flow, "payment.reported")]


def polled(flow: QvicklyFlow) -> list[tuple[str, str]]:
    table = table_of(Delivery)
    return [(row["native_type"], row["actor"]) for row in flow.rows(sa.select(table).where(table.c.origin == "poll").order_by(table.c.id))]


def lost(flow: QvicklyFlow, act: str, **said: str) -> tuple[str, list[bytes]]:
    """Let it happen, and keep what would have told of it."""
    number = flow.merchant.trigger(act, said)["payment_id"]
    return number, [notification.body for notification in flow.merchant.drain()]


def test_a_lost_callback_is_found_in_the_providers_own_log_and_its_retry_starts_nothing() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        number, bodies = lost(flow, "payment.paid", style="form")
        flow.advance(minutes=16)
        found = reports(flow), polled(flow)
        flow.clock.pass_(timedelta(hours=3))
        for body in bodies:
            flow.deliver(body)
        flow.advance(hours=2)

        assert found == ([(number, "paid")], [("payment.paid", "scan:callback-log")])
        assert reports(flow) == [(number, "paid")] and len(flow.runs) == 1 and not flow.told


def written(row: dict[str, Any]) -> None:
    row["request"] = json.dumps(row["request"])


def zoneless(row: dict[str, Any]) -> None:
    at = datetime.fromisoformat(row["createdtime"]).astimezone(ZoneInfo("Europe/Stockholm"))
    row["createdtime"] = f"{at:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize("change", [written, zoneless])
def test_a_log_whose_requests_are_text_or_whose_instants_have_no_zone_is_read(change: Callable[[dict[str, Any]], None]) -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        flow.clock.pass_(timedelta(minutes=5))
        number, _ = lost(flow, "payment.paid")
        for row in flow.merchant.account.callbacks:
            change(row)
        flow.advance(minutes=16)

        assert reports(flow) == [(number, "paid")]


TOO_LONG = {"credentials": {"hash": "0" * 128}, "data": {"number": "9" * 20_000}}


@pytest.mark.parametrize(
    ("name", "said"), [*(("request", said) for said in (None, 7, [], {}, "x", TOO_LONG)), ("createdtime", "2026-11-20T99")]
)
def test_people_are_told_of_a_row_of_the_log_that_cannot_be_read_until_it_is_gone(name: str, said: Any) -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        lost(flow, "payment.paid")
        number, _ = lost(flow, "payment.paid")
        flow.merchant.account.callbacks[0][name] = said
        flow.advance(minutes=16)
        table = table_of(Alert)
        rows = flow.rows(sa.select(table.c.detail).where(table.c.reason == "callback_log_unreadable", table.c.closed_at.is_(None)))
        flow.merchant.account.callbacks.pop(0)
        flow.advance(minutes=16)

        assert (rows, reports(flow)) == ([{"detail": {"callbacks": 1}}], [(number, "paid")])
        assert flow.rows(sa.select(table).where(table.c.reason == "callback_log_unreadable", table.c.closed_at.is_(None))) == []


def test_a_callback_that_is_written_into_the_log_late_is_found_over_midnight() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        flow.advance(hours=14, minutes=50)  # 23:50 UTC
        number, _ = lost(flow, "payment.paid")
        kept = list(flow.merchant.account.callbacks)
        flow.merchant.account.callbacks.clear()
        flow.advance(hours=1)
        flow.merchant.account.callbacks += kept
        flow.advance(minutes=30)

        assert reports(flow) == [(number, "paid")]


def test_a_callback_that_came_is_left_alone_in_the_log() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        flow.trigger("payment.paid")
        flow.advance(hours=2)

        assert polled(flow) == [] and len(flow.runs) == 1


def test_a_callback_of_the_log_with_a_wrong_hash_is_not_taken() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        lost(flow, "payment.denied")
        flow.merchant.account.callbacks[0]["request"]["data"]["status"] = "Paid"
        flow.advance(minutes=16)

        assert polled(flow) == []


def test_what_was_called_back_before_the_source_was_watched_starts_nothing() -> None:
    with QvicklyFlow(told, connect=False) as flow:
        lost(flow, "payment.paid")
        flow.clock.pass_(timedelta(hours=1))
        flow.connect()
        connect(flow)
        flow.advance(hours=1)

        assert not flow.runs


def test_an_open_payment_is_read_back_and_what_became_of_it_told_once() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        number = flow.trigger("payment.created")["payment_id"]
        flow.merchant.account.payments[number]["status"] = "Cancelled"
        flow.advance(hours=3)

        assert reports(flow) == [(number, "created"), (number, "cancelled")]
        assert polled(flow) == [("poll.payment", "scan:open-payments")]
        assert len([call for call in flow.merchant.calls if call.service == "getPaymentinfo"]) == 1


def test_a_callback_after_the_read_that_found_its_status_starts_nothing_twice() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        number = flow.trigger("payment.created")["payment_id"]
        flow.merchant.account.payments[number]["status"] = "Paid"
        flow.advance(hours=1, minutes=1)
        flow.trigger("payment.paid", number=number)

        assert reports(flow) == [(number, "created"), (number, "paid")]
        assert len(flow.runs) == 2 and not flow.told


def test_a_read_whose_callback_was_faster_starts_nothing_twice() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        number = flow.trigger("payment.created")["payment_id"]
        flow.merchant.account.payments[number]["status"] = "Paid"
        bodies: list[bytes] = []

        def point(name: str) -> None:
            if name == "scanned" and not bodies:
                bodies.append(lost(flow, "payment.paid", number=number)[1][0])
                flow.keep(bodies[0])

        flow.point = point
        flow.advance(hours=2)

        assert bodies and reports(flow) == [(number, "created"), (number, "paid")]


def test_a_callback_that_says_the_same_again_is_told_as_ever() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        number = flow.trigger("payment.pending")["payment_id"]
        flow.clock.pass_(timedelta(minutes=5))
        flow.trigger("payment.pending", number=number, orderid="P2")

        assert reports(flow) == [(number, "pending")] * 2


def test_a_due_payment_nobody_told_of_is_found_and_one_from_before_is_not() -> None:
    with QvicklyFlow(told, connect=False) as flow:
        flow.merchant.account.new_payment({"status": "Factoring", "date": "2026-10-01", "due_date": "2026-10-15"})
        flow.connect()
        connect(flow)
        record = flow.merchant.account.new_payment({"status": "Factoring", "due_date": "2026-11-20"})
        flow.advance(days=1, hours=1)

        assert reports(flow) == [(record["number"], "factoring")]
        assert polled(flow) == [("poll.payment", "scan:due-payments")]


def test_without_a_portal_login_the_log_and_the_customers_are_no_scans() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        object.__setattr__(flow.runtime.accounts["shop"].client, "login", None)
        lost(flow, "payment.paid")
        flow.advance(hours=7)

        assert polled(flow) == [] and not flow.told


def test_a_status_is_found_and_told_once_on_postgresql_too(postgres_database: Database) -> None:
    with QvicklyFlow(told, database=postgres_database) as flow:
        connect(flow)
        number = flow.trigger("payment.created")["payment_id"]
        flow.merchant.account.payments[number]["status"] = "Paid"
        flow.merchant.trigger("customer.created", {"name": "N", "customerid": "C1"})
        _, bodies = lost(flow, "payment.denied")
        flow.advance(hours=6, minutes=20)
        flow.deliver(bodies[0])

        assert [status for _, status in reports(flow)] == ["created", "denied", "paid"]
        with flow.db.read() as connection:
            found = missed.missed(connection, since=flow.clock.now - timedelta(days=1))
            sweeps = missed.scanned(connection, "shop", gaps.scans_of(flow.runtime, "shop"))
        assert {(row["found_by"], row["webhook"]) for row in found} == {
            ("callback-log", "6 h later"), ("open-payments", "never"), ("customers", "never"),
        }  # fmt: skip
        assert all(row["last_completed"] is not None for row in sweeps)
