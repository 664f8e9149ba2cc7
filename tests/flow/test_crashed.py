"""Every workflow that is shipped has a scenario in which its worker is lost."""

import pytest

from tests.flow.crashed import crashed, said_by
from tests.flow.scenarios import SCENARIOS, Scenario
from workers.loading import load_folders
from workers.ordered import NAME

LADDER = 'CRASHED = ("dunning", "dunning-daily")\n'


def shipped() -> set[str]:
    """The names of all workflows that billhook brings along."""
    return {one.name for one in load_folders().all() if one.fn.__module__.startswith("workflows.")} | {NAME}


def test_every_shipped_workflow_has_a_crash_scenario() -> None:
    assert crashed() - {"t-crash"} == shipped()


@pytest.mark.parametrize("left_out", sorted(one.name for one in SCENARIOS if one.name != "t-crash"))
def test_a_workflow_whose_scenario_is_taken_away_is_found_out(left_out: str) -> None:
    others = [one for one in SCENARIOS if one.name != left_out]

    assert shipped() - crashed(others) == {left_out}


def test_a_ladder_that_nobody_crashes_is_found_out() -> None:
    assert shipped() - crashed(modules=()) == {"dunning", "dunning-daily"}


@pytest.mark.parametrize(
    "code, said",
    [
        (LADDER + "flow.crash_everywhere(ladder)", {"dunning", "dunning-daily"}),
        (LADDER + "flow.advance(minutes=1)", set()),
        ("flow.crash_everywhere(ladder)", set()),
    ],
)
def test_a_module_that_names_workflows_and_crashes_nothing_does_not_count(code: str, said: set[str]) -> None:
    assert said_by(code) == said


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_a_scenario_runs_the_workflow_it_is_named_after(scenario: Scenario) -> None:
    with scenario.make() as flow:
        before = len(flow.runs)

        scenario.play(flow)

        assert scenario.name in {name for name, *_ in flow.runs[before:]}
