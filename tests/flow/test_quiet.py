"""A run that waits for quiet: put off by every trigger, woken by nothing else, and begun in the end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.flow.test_races import at_once
from tests.flow.triggered import begin, change, quiet, quiet_single, rows, seen, shop_run, told
from workers import engine, runs
from workers.testing.flow import START, Flow

pytestmark = pytest.mark.usefixtures("unseen")


def test_a_run_that_wants_quiet_begins_after_the_last_trigger_and_gets_that_one() -> None:
    with Flow(quiet) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(seconds=20)
        change(flow, ids, "50.00")
        flow.advance(seconds=29)
        early = (shop_run(flow)["status"], shop_run(flow)["fence"])
        flow.advance(seconds=2)
        begun = shop_run(flow)["fence"]
        flow.advance(minutes=30)

        assert early == ("waiting", 0)
        assert begun == 1
        assert seen() == [("invoice.changed", 1)]


def test_a_run_that_wants_quiet_waits_ten_times_that_at_most() -> None:
    with Flow(quiet) as flow:
        ids = flow.trigger("invoice.completed")
        for number in range(14):
            change(flow, ids, f"{number + 1}.00")
            flow.advance(seconds=20)
            assert shop_run(flow)["fence"] == 0
        change(flow, ids, "99.00")
        flow.advance(seconds=19)
        late = shop_run(flow)["fence"]
        flow.advance(seconds=1)

        assert (late, shop_run(flow)["fence"]) == (0, 1)


@pytest.mark.parametrize("wake", ["concerned", "one"])
def test_nothing_wakes_a_run_that_waits_for_quiet(wake: str) -> None:
    with Flow(quiet) as flow:
        ids = flow.trigger("invoice.completed")
        invoice_id, run_id = ids["invoice_id"], shop_run(flow)["id"]
        acts: dict[str, Callable[[sa.Connection], object]] = {
            "concerned": lambda c: runs.wake_concerned(c, "shop", customer_id=None, invoice_id=invoice_id, at=START),
            "one": lambda c: runs.wake(c, run_id, at=START),
        }
        flow.db.write(acts[wake])
        flow.settle()

        assert (shop_run(flow)["status"], shop_run(flow)["fence"]) == ("waiting", 0)


@pytest.mark.parametrize(("chosen", "ran"), [(quiet, 2), (quiet_single, 1)])
def test_a_trigger_while_it_runs_follows_the_rule_for_starting(chosen: Any, ran: int) -> None:
    with Flow(chosen) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        flow.advance(minutes=30)

        assert [run[2] for run in flow.runs] == ["done"] * ran


def test_a_follower_that_was_quiet_long_enough_begins_at_once() -> None:
    with Flow(quiet) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        flow.advance(until=START + timedelta(minutes=10))

        assert [row["fence"] > 0 for row in rows(flow)] == [True, True]


def test_a_trigger_at_the_very_instant_a_quiet_run_begins_is_not_lost(postgres_flow: Flow) -> None:
    flow = postgres_flow
    for _ in range(5):
        ids = flow.trigger("invoice.completed")
        trigger = told(flow, "invoice.completed")
        (first,) = [r["id"] for r in rows(flow) if (r["workflow"], r["invoice_id"]) == ("t-quiet", ids["invoice_id"])]
        flow.clock.pass_(timedelta(seconds=31))
        at_once(lambda id=first: engine.advance(flow.runtime, id), lambda one=trigger: begin(flow, "t-quiet", one))  # type: ignore[misc]
        flow.advance(minutes=30)
        mine = [r for r in rows(flow) if (r["workflow"], r["invoice_id"]) == ("t-quiet", ids["invoice_id"])]

        put_off = len(mine) == 1 and mine[0]["successor_trigger_id"] is None
        assert put_off or [r["trigger_id"] for r in mine] == [trigger.id] * 2
        assert {r["status"] for r in mine} == {"done"}
