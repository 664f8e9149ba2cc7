"""What was missed is told with its own instant, the look that found it, and whether its webhook came later."""

from datetime import timedelta
from typing import Any

from tests.workers.routed import connect, noting
from tests.workers.test_payments import lost, told
from workers import gaps, missed
from workers.providers import bundle
from workers.providers.scans import UNSEEN
from workers.testing.autodns import AutodnsFlow
from workers.testing.flow import Flow
from workers.testing.qvickly import QvicklyFlow
from workers.walks import WALKS


def found(flow: Flow, **said: Any) -> list[missed.Row]:
    with flow.db.read() as connection:
        return missed.missed(connection, since=flow.clock.now - timedelta(days=7), **said)


def test_a_lost_payment_is_told_with_its_day_its_scan_and_that_no_webhook_came() -> None:
    with Flow(noting) as flow:
        connect(flow)
        id = flow.trigger("invoice.completed")["invoice_id"]
        flow.advance(minutes=20)
        flow.sandbox.trigger("invoice.paid", {"invoice_id": id})
        flow.sandbox.drain()
        flow.advance(minutes=20)

        (row,) = found(flow)
        assert (row["type"], row["invoice_id"], row["found_by"], row["webhook"]) == ("invoice.paid", id, "open-invoices", "never")
        assert (row["happened_at"], row["found_at"]) == ("2026-11-20", flow.clock.now - timedelta(minutes=10))


def test_a_webhook_that_came_after_all_is_told_with_how_late_it_was() -> None:
    with Flow(noting) as flow:
        connect(flow)
        flow.clock.pass_(timedelta(minutes=2))
        flow.sandbox.trigger("invoice.completed", {})
        bodies = [notification.body for notification in flow.sandbox.drain()]
        flow.advance(minutes=20)
        flow.advance(minutes=23)
        for body in bodies:
            flow.deliver(body)

        assert {row["webhook"] for row in found(flow) if row["invoice_id"]} == {"30 min later"}


def test_a_webhook_of_what_happened_later_is_not_taken_for_the_one_that_was_lost() -> None:
    with Flow(noting) as flow:
        connect(flow)
        flow.clock.pass_(timedelta(minutes=2))
        id = flow.sandbox.trigger("invoice.completed", {})["invoice_id"]
        flow.sandbox.drain()
        flow.advance(minutes=30)
        flow.trigger("invoice.paid", invoice_id=id)

        assert {row["webhook"] for row in found(flow)} == {"never"}


def test_a_callback_of_the_log_is_told_with_its_own_instant_and_its_retry() -> None:
    with QvicklyFlow(told) as flow:
        connect(flow)
        _, bodies = lost(flow, "payment.paid")
        flow.advance(minutes=15)
        flow.clock.pass_(timedelta(hours=5))
        flow.deliver(bodies[0])

        (row,) = found(flow)
        assert (row["happened_at"], row["webhook"]) == ("2026-11-20T09:00:00+00:00", "5 h later")


def test_what_was_delivered_and_what_was_there_before_is_not_missed() -> None:
    with Flow(noting, connect=False) as flow:
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        flow.connect()
        connect(flow)
        flow.trigger("invoice.completed")
        flow.advance(hours=7)

        assert found(flow) == []


def test_messages_that_only_come_when_asked_for_are_not_missed() -> None:
    with AutodnsFlow(noting) as flow:
        flow.user.trigger("order.succeeded")
        flow.user.trigger("invoice.sent")
        flow.advance(hours=1)

        assert {row["found_by"] for row in found(flow)} == {"new-invoices"}


def test_only_one_source_and_so_many_are_told() -> None:
    with Flow(noting) as flow:
        connect(flow)
        for _ in range(3):
            flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        flow.advance(minutes=16)

        assert found(flow, source="other") == []
        assert len(found(flow, source="shop", limit=2)) == 2


def test_a_scan_tells_its_last_sweep_and_what_that_is_in_an_hour() -> None:
    with Flow(noting) as flow:
        connect(flow)
        flow.advance(minutes=1)
        scans = gaps.scans_of(flow.runtime, "shop")
        with flow.db.read() as connection:
            rows = {row["scan"]: row for row in missed.scanned(connection, "shop", scans)}

        assert (rows["new-invoices"]["requests"], rows["new-invoices"]["per_hour"], rows["new-invoices"]["every"]) == (1, 4.0, "15 min")
        assert rows["new-invoices"]["last_completed"] is not None
        assert (rows["customers"]["requests"], rows["customers"]["last_completed"]) == (None, None)


def test_every_scan_says_how_it_is_walked_and_every_kind_what_cannot_be_found() -> None:
    for name, kind in bundle.KINDS.items():
        assert kind.scans and {scan.walk for scan in kind.scans} <= set(WALKS), name
        assert len({scan.name for scan in kind.scans}) == len(kind.scans)
        assert all(scan.costs and scan.misses and scan.finds for scan in kind.scans)
    assert set(UNSEEN) == {*bundle.KINDS, "standard"}
    assert missed.lost_for_good("shop", "monsum")[0].keys() == {"source", "fact", "why"}
