"""An order of things drawn from a seed is drawn again from it, and goes the same way when its schedule is pasted."""

import ast

import pytest

from tests.flow.tale import MEANWHILE, begun, loosen, tale, told
from workers import calls
from workers.testing import interleaving
from workers.testing.crashes import Broken
from workers.testing.flow import Flow


def test_the_same_seed_gives_the_same_schedule_and_another_one_another() -> None:
    with begun(Flow(told)) as flow:
        one, again, other = (flow.interleave(tale, seeds=[seed], meanwhile=MEANWHILE, afterwards=loosen).schedules for seed in (7, 7, 8))

    assert one == again != other


def test_a_schedule_goes_the_same_way_when_it_is_pasted() -> None:
    with begun(Flow(told)) as flow:
        for seed in range(5):
            (schedule,) = flow.interleave(tale, seeds=[seed], meanwhile=MEANWHILE, afterwards=loosen).schedules

            replayed = flow.replay(tale, schedule, meanwhile=MEANWHILE, afterwards=loosen)

            assert replayed.schedules == {schedule}


def test_one_that_breaks_something_breaks_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_refuse_held", lambda *said: None)
    freeze = [act for act in MEANWHILE if act.name == "freeze"]
    with begun(Flow(told)) as flow:
        with pytest.raises(Broken) as first:
            flow.interleave(tale, seeds=range(100), meanwhile=freeze, afterwards=loosen)
        printed = str(first.value).partition("flow.replay(scenario, ")[2].rstrip(")")

        with pytest.raises(Broken) as second:
            flow.replay(tale, ast.literal_eval(printed), meanwhile=freeze, afterwards=loosen)

    assert second.value.broken == first.value.broken
    assert ", drawn from seed " in str(first.value)


def test_one_that_breaks_something_is_printed_without_what_it_breaks_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_refuse_held", lambda *said: None)
    acts = [act for act in MEANWHILE if act.name in ("freeze", "change", "release")]
    with begun(Flow(told)) as flow:
        with pytest.raises(Broken) as short:
            flow.interleave(tale, seeds=range(40), meanwhile=acts, afterwards=loosen)
        assert short.value.seed is not None
        (whole,) = flow.interleave(tale, seeds=[short.value.seed], meanwhile=acts, afterwards=loosen, go_on=True).caught

    assert set(short.value.broken) & set(whole.broken)
    assert len(short.value.steps) != len(whole.steps)
    assert [name for name, actor in short.value.steps if interleaving.is_extra((name, actor))] == ["freeze"]
