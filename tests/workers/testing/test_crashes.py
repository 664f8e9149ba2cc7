"""A schedule that breaks something prints itself, and goes the same way when it is pasted."""

import ast

import pytest

from tests.flow.guards import call_lost
from tests.flow.tale import begun, told, waiting, whole_tale
from tests.workers.letters import times
from workers.testing.crashes import LOST, Broken
from workers.testing.flow import Flow


def test_every_point_is_tried_and_a_schedule_counts_once() -> None:
    with begun(Flow(waiting)) as flow:
        plain = flow.crash_everywhere(whole_tale, again=(), only=())
        single = flow.crash_everywhere(whole_tale, again=())

    (steps,) = plain.schedules
    assert len(single.schedules) == len(steps) + 1
    assert {steps[number] for number in range(len(steps))} <= {s[s.index((LOST, "flow")) - 1] for s in single.schedules if s != steps}


def test_a_schedule_that_breaks_something_goes_the_same_way_when_it_is_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    call_lost(monkeypatch)
    with begun(Flow(told)) as flow:
        with pytest.raises(Broken) as first:
            flow.crash_everywhere(whole_tale, again=())
        printed = str(first.value).partition("flow.replay(scenario, ")[2].rstrip(")")

        with pytest.raises(Broken) as second:
            flow.replay(whole_tale, ast.literal_eval(printed))

    assert second.value.broken == first.value.broken
    assert second.value.steps == first.value.steps
    assert 'flow was lost at "' in str(first.value)


def test_one_that_goes_another_way_says_so() -> None:
    with begun(Flow(told)) as flow, pytest.raises(Broken, match="another way"):
        flow.replay(whole_tale, [("kept", "flow"), ("nowhere", "flow")])


def test_the_flow_is_what_it_was_afterwards() -> None:
    with begun(Flow(told)) as flow:
        flow.crash_everywhere(whole_tale, again=(), only=(3,))
        untouched = flow.runs, flow.calls

        whole_tale(flow)

        assert untouched == ([], [])
        assert times(flow, "invoice.sendbyemail") == 1
