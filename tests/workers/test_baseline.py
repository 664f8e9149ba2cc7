"""Baseline: what held before us is history."""

from datetime import timedelta

from tests.workers.letters import mail
from tests.workers.routed import connect, events, noting
from tests.workers.test_attempts import unreadable
from tests.workers.test_gaps import customers, deaf
from workers import baseline, control
from workers.testing.flow import START, Flow


def test_a_page_that_comes_again_and_again_does_not_complete_the_baseline_and_does_not_go_on_for_ever() -> None:
    with Flow(noting, connect=False) as flow:
        customers(flow, 130)
        flow.sandbox.drain()
        deaf(flow)
        flow.sweeper.sweep()

        assert len(flow.sandbox.calls) == 2
        with flow.db.read() as connection:
            assert control.baseline_at(connection, "shop") is None


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


def test_a_baseline_that_cannot_be_read_is_asked_for_ever_more_rarely() -> None:
    with Flow(mail, connect=False) as flow:
        flow.sandbox.faults.add("unavailable", "customer.get", times=1000)
        flow.sweeper.sweep()
        flow.advance(minutes=10)

        assert unreadable(flow) != []
        assert 8 <= len([call for call in flow.sandbox.calls if call.service == "customer.get"]) <= 14
