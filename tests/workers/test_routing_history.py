"""The router: what is told late, and what already held before the source was connected."""

from datetime import timedelta

from tests.flow.story import tell
from tests.workers.routed import connect, events, noting
from workers import control
from workers.testing.flow import START, Flow


def test_a_fact_that_arrives_late_starts_a_workflow_if_it_is_still_true() -> None:
    with Flow(noting) as flow:
        told = tell(flow, [("invoice.completed", {}), ("invoice.changed", {"title": "Neu"})])
        flow.deliver(told[-1])
        flow.deliver(told[-2])

        assert [row["late"] for row in events(flow, "invoice.completed")] == [False]
        assert len(flow.runs) == 1


def test_a_payment_that_was_undone_before_it_was_told_is_recorded_and_starts_nothing() -> None:
    with Flow(noting) as flow:
        told = tell(flow, [("invoice.completed", {}), ("invoice.paid", {}), ("invoice.paid", {"amount": "-70.21"})])
        for body in (*told[:-2], told[-1], told[-2]):
            flow.deliver(body)

        (paid,) = events(flow, "invoice.paid")
        assert (paid["late"], paid["outcome"]) == (True, "late")
        assert [run[1] for run in flow.runs] == [f"invoice:{paid['invoice_id']}"]


def test_a_payment_told_late_that_still_holds_starts_a_workflow() -> None:
    with Flow(noting) as flow:
        told = tell(flow, [("invoice.completed", {}), ("invoice.paid", {}), ("invoice.changed", {"title": "Neu"})])
        for body in (*told[:-2], told[-1], told[-2]):
            flow.deliver(body)

        assert "started" in events(flow, "invoice.paid")[0]["outcome"]


def test_a_draft_that_was_completed_is_not_history_though_the_draft_is() -> None:
    with Flow(noting, connect=False) as flow:
        ids = flow.sandbox.trigger("invoice.created")
        flow.sandbox.drain()
        connect(flow)
        flow.advance(minutes=10)
        flow.trigger("invoice.completed", invoice_id=ids["invoice_id"])

        assert [(row["type"], row["historical"]) for row in events(flow) if row["invoice_id"]] == [
            ("invoice.created", True),
            ("invoice.completed", False),
        ]
        assert len(flow.runs) == 1


def test_what_the_baseline_read_shows_starts_nothing() -> None:
    with Flow(noting, connect=False) as flow:
        flow.sandbox.trigger("invoice.paid")
        flow.sandbox.drain()
        connect(flow)

        assert [row["type"] for row in events(flow)] == ["customer.created", "invoice.created", "invoice.completed", "invoice.paid"]
        assert {row["historical"] for row in events(flow)} == {True}
        assert flow.runs == []


def test_a_push_created_between_the_baselines_first_request_and_its_read_is_news() -> None:
    with Flow(noting, connect=False) as flow:
        flow.db.write(lambda c: control.put(c, "baseline:shop", {"at": START.isoformat(), "kind": 1, "offset": 0, "done": False}, at=START))
        flow.clock.pass_(timedelta(seconds=10))
        flow.sandbox.trigger("invoice.completed")
        told = [notification.body for notification in flow.sandbox.drain()]
        flow.clock.pass_(timedelta(minutes=5))
        connect(flow)
        assert {row["historical"] for row in events(flow)} == {True}

        for body in told:
            flow.deliver(body)

        (row,) = events(flow, "invoice.completed")
        assert not row["historical"]
        assert len(flow.runs) == 1
