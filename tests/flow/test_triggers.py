"""What a trigger comes to while a run of its key is live: followed or taken in, never lost and never doubled."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from tests.flow.triggered import change, following, looks_first, looks_twice, rows, seen, shop_run, single, told, waits_itself
from workers import runs
from workers.authoring import SendStopped
from workers.runs import RunRow
from workers.testing.flow import START, Flow

pytestmark = pytest.mark.usefixtures("unseen")


def test_several_triggers_during_a_run_are_followed_by_one_run_for_the_last() -> None:
    with Flow(following) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        change(flow, ids, "60.00")
        flow.advance(minutes=30)

        assert seen() == [("invoice.completed", 2), ("invoice.changed", 2)]


def test_a_run_that_is_one_per_key_takes_in_what_came_while_it_was_live() -> None:
    with Flow(single) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        change(flow, ids, "60.00")
        flow.advance(minutes=30)

        assert seen() == [("invoice.completed", 2)]
        assert [run[2] for run in flow.runs] == ["done"]


def test_a_trigger_a_run_was_given_by_its_wait_starts_no_other() -> None:
    with Flow(waits_itself) as flow:
        ids = flow.sandbox.trigger("invoice.completed", {})
        flow.runtime.point = lambda name: change_once(flow, ids, name, at="claimed")
        flow.notify()

        assert shop_run(flow)["fence"] == 1
        assert [run[2] for run in flow.runs] == ["done"]


def change_once(flow: Flow, ids: dict[str, str], name: str, *, at: str) -> None:
    """At one point of the first activation, another process routes a change of the invoice."""
    if name == at:
        flow.runtime.point = lambda name: None
        flow.sandbox.trigger("invoice.changed", {"invoice_id": ids["invoice_id"], "total": "75.00"})
        begin_by_other(flow)


def begin_by_other(flow: Flow) -> None:
    """Route what the sandbox has queued without advancing any run."""
    driving, flow.sweeper._runs = flow.sweeper._runs, lambda: 0  # type: ignore[method-assign]
    try:
        flow.notify()
    finally:
        flow.sweeper._runs = driving  # type: ignore[method-assign]


@pytest.mark.parametrize("at", ["claimed", "noted", "finishing"])
def test_a_trigger_that_came_after_the_last_activation_began_is_followed(at: str) -> None:
    with Flow(single) as flow:
        ids = flow.trigger("invoice.completed")
        flow.runtime.point = lambda name: change_once(flow, ids, name, at=at) if flow.clock.now >= START + timedelta(minutes=9) else None
        flow.advance(minutes=30)

        assert [run[2] for run in flow.runs] == ["done", "done"]
        assert [type for type, _ in seen()] == ["invoice.completed", "invoice.changed"]


def test_a_trigger_after_what_cancels_the_run_is_not_cancelled_with_it() -> None:
    with Flow(single) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sweeper._runs, driving = (lambda: 0), flow.sweeper._runs  # type: ignore[method-assign]
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))
        change(flow, ids, "50.00")
        flow.sweeper._runs = driving  # type: ignore[method-assign]
        flow.advance(minutes=30)

        assert sorted(run[2] for run in flow.runs) == ["cancelled", "done"]


def test_a_run_that_was_given_up_is_followed_for_what_it_had_not_taken_in() -> None:
    with Flow(single) as flow:
        ids = flow.trigger("invoice.completed")
        table = table_of(RunRow)
        flow.db.write(lambda c: c.execute(sa.update(table).values(status="parked")))
        change(flow, ids, "50.00")
        run_id = shop_run(flow)["id"]

        assert flow.db.write(lambda c: runs.give_up(c, run_id, reason="x", at=START)) == told(flow, "invoice.changed").id


def test_a_run_that_looked_only_before_a_trigger_has_not_taken_it_in() -> None:
    with Flow(looks_first) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        flow.advance(minutes=30)

        assert seen() == [("invoice.completed", 0), ("invoice.changed", 1)]


def test_a_wait_takes_in_the_trigger_it_gives_and_no_other() -> None:
    with Flow(waits_itself) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sweeper._runs, driving = (lambda: 0), flow.sweeper._runs  # type: ignore[method-assign]
        change(flow, ids, "50.00")
        change(flow, ids, "60.00")
        flow.sweeper._runs = driving  # type: ignore[method-assign]
        flow.settle()

        assert {row["status"]: row["trigger_id"] for row in rows(flow)} == {
            "done": told(flow, "invoice.completed").id,
            "waiting": told(flow, "invoice.changed").id,
        }


def test_what_a_run_looked_at_after_a_trigger_is_taken_in_when_it_is_kept() -> None:
    with Flow(looks_twice) as flow:
        ids = flow.trigger("invoice.completed")
        change(flow, ids, "50.00")
        before = shop_run(flow)["successor_trigger_id"]
        flow.advance(seconds=630)

        assert (before is not None, shop_run(flow)["successor_trigger_id"]) == (True, None)
        assert shop_run(flow)["status"] == "waiting"
