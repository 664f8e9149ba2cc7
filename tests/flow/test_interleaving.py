"""Two workers, a router and a sweeper in turns, with everything that may come between: nothing happens twice and nothing is stuck."""

from collections.abc import Callable

import pytest

from receiver.db import Database
from tests.flow.tale import MEANWHILE, begun, loosen, tale, told, waiting
from workers.testing.crashes import Explored
from workers.testing.flow import Flow


def interleaved(workflow: Callable[..., None], seeds: range, **how: object) -> Explored:
    with Flow(workflow, **how) as flow:  # type: ignore[arg-type]
        begun(flow)
        return flow.interleave(tale, seeds=seeds, meanwhile=MEANWHILE, afterwards=loosen)


@pytest.mark.parametrize("first, count", [(0, 40), pytest.param(40, 240, marks=pytest.mark.slow)])
def test_no_order_in_which_things_happen_breaks_anything(first: int, count: int) -> None:
    explored = interleaved(told, range(first, first + count))

    assert len(explored.schedules) >= 0.96 * count
    assert set(explored.points) >= {"lost", "31 s pass", "deliver 1 again"}


@pytest.mark.parametrize("first, count", [(0, 60), *(pytest.param(first, 240, marks=pytest.mark.slow) for first in range(60, 1740, 240))])
def test_no_order_in_which_things_happen_makes_a_waiting_run_miss_one(first: int, count: int) -> None:
    explored = interleaved(waiting, range(first, first + count))

    assert len(explored.schedules) >= 0.96 * count


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 20_500, 500))
def test_ten_thousand_orders_break_nothing_on_any_database(first: int, database: Database) -> None:
    explored = interleaved(told, range(first, first + 500), database=database)

    assert len(explored.schedules) > 495
    print(f"{database.dialect}: {explored}")
