"""A worker may be lost at any instant: no effect happens twice, nothing is lost, and what nobody can know is put before a person."""

import pytest

from receiver.db import Database
from tests.flow.guards import call_lost
from tests.flow.scenarios import SCENARIOS, Scenario, of_crashed, play_crashed
from tests.workers.prove.stories import found
from workers.testing.flow import Flow

BY_NAME = pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.slow else []) for one in SCENARIOS]
)
PAID = "invoice.setpaid"


@BY_NAME
@pytest.mark.parametrize("again", [(), pytest.param((1, 2, 3), marks=pytest.mark.slow)])
def test_a_crash_at_any_point_and_another_one_to_three_points_later_breaks_nothing(scenario: Scenario, again: tuple[int, ...]) -> None:
    with scenario.make() as flow:
        explored = flow.crash_everywhere(scenario.play, again=again)

    assert explored.unmarked == {}
    assert len(explored.schedules) > 10 * (1 + len(again))
    print(f"{scenario.name}: {explored}")


def test_the_scenarios_pass_every_kind_of_point_between_them() -> None:
    passed = set()
    for scenario in SCENARIOS:
        with scenario.make() as flow:
            passed |= set(flow.crash_everywhere(scenario.play, again=(), only=range(6, 30, 6)).points)

    assert passed >= {
        "kept", "routed", "claimed", "before-journal", "journaled", "noted", "intended", "read", "calling", "asking", "acted", "called",
        "settled", "unknown", "looked", "person-asked", "suspending", "suspended", "finishing", "finished", "sweeping", "ticked",
        "scan-due", "read-kept",
    }  # fmt: skip


@pytest.mark.parametrize("fault", ["drop", "late", "gateway-after", "error-before", "refuse"])
def test_a_crash_at_any_point_beside_a_lost_answer_makes_no_effect_happen_twice(fault: str) -> None:
    with of_crashed() as flow:
        flow.sandbox.faults.add(fault, PAID, seconds=70.0)

        explored = flow.crash_everywhere(play_crashed, again=(), only=range(1, 60, 4))

    assert explored.acts[PAID, next(iter(flow.sandbox.account.invoices))] == 1


@pytest.mark.parametrize(
    "scenario", [one for one in SCENARIOS if one.name.startswith("auto-send") and not one.slow], ids=lambda one: one.name
)
def test_a_second_crash_soon_after_the_first_breaks_nothing(scenario: Scenario) -> None:
    with scenario.make() as flow:
        explored = flow.crash_everywhere(scenario.play, only=range(2, 200, 5))

    assert len(explored.schedules) > 5


def proved(flow: Flow) -> list[str]:
    """What `billhook prove` finds."""
    return [f"proof {invariant}: {what}" for invariant, _, what in found(flow.db)]


def test_a_proof_of_the_database_finds_nothing_after_a_crash() -> None:
    with of_crashed() as flow:
        explored = flow.crash_everywhere(play_crashed, again=(), only=range(3, 60, 6), holds=proved)

    assert len(explored.schedules) > 5


def test_a_proof_of_the_database_finds_an_engine_out_that_forgets_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    call_lost(monkeypatch)
    with of_crashed() as flow:
        caught = flow.crash_everywhere(play_crashed, again=(), only=range(18, 30), holds=proved, go_on=True).caught

    assert any(said.startswith("proof 9: ") for broken in caught for said in broken.broken)


@pytest.mark.slow
@BY_NAME
@pytest.mark.parametrize("fault", ["", "drop", "late", "gateway-after", "error-before"])
def test_crashes_everywhere_on_every_database(scenario: Scenario, fault: str, database: Database) -> None:
    with scenario.make(database=database) as flow:
        if fault:
            flow.sandbox.faults.add(fault, seconds=70.0, skip=1)

        explored = flow.crash_everywhere(scenario.play)

    print(f"{scenario.name} {fault} on {database.dialect}: {explored}")
