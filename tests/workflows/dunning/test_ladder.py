"""Ladders: what ships, and what no law allows."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from tests.workflows.dunning.cases import DE, SE
from workflows.dunning.ladder import SHIPPED, StepChange, parse_ladders


def refused(ladder: Any, name: str, **said: Any) -> str:
    with pytest.raises(ValidationError) as refusal:
        ladder.changed({name: StepChange.model_validate(said)})
    return str(refusal.value)


def test_the_german_ladder_is_the_one_of_the_specification() -> None:
    rows = [(s.name, s.grace_days, s.deadline_days, s.states_interest, s.states_flat_sum, s.letter, s.approval) for s in DE.steps]

    assert rows == [
        ("L0", 5, 7, False, False, False, False),
        ("L1", 3, 10, False, False, False, False),
        ("L2", 3, 10, True, True, False, False),
        ("L3", 3, 10, True, True, True, True),
    ]
    assert (DE.end_grace_days, str(DE.flat_sum), DE.currency, DE.last_level) == (3, "40.00", "EUR", 3)
    assert {str(step.fee(debtor)) for step in DE.steps for debtor in ("business", "consumer")} == {"0.00"}
    assert (DE.margin("business"), DE.margin("consumer")) == (9, 5)


def test_the_swedish_ladder_is_the_one_of_the_specification() -> None:
    rows = [(s.name, s.grace_days, s.deadline_days, str(s.fee("consumer")), str(s.fee("business")), s.approval) for s in SE.steps]

    assert rows == [("S0", 4, 8, "60.00", "60.00", False), ("S1", 3, 10, "180.00", "0.00", True)]
    assert [(s.states_interest, s.states_flat_sum, s.fee_must_be_agreed) for s in SE.steps] == [(True, False, True), (True, True, False)]
    assert (str(SE.flat_sum), SE.currency, SE.margin("business"), SE.margin("consumer")) == ("450.00", "SEK", 8, 8)


def test_a_policy_replaces_single_figures_of_a_step_and_leaves_the_rest() -> None:
    changed = DE.changed({"L1": StepChange(grace_days=6), "S0": StepChange(grace_days=9)})

    assert (changed.steps[1].grace_days, changed.steps[1].deadline_days, changed.steps[0]) == (6, 10, DE.steps[0])


@pytest.mark.parametrize(
    ("ladder", "name", "said", "why"),
    [
        (SE, "S1", {"deadline_days": 7}, "levels.S1.deadline_days is 7: the law asks for 8 or more"),
        (SE, "S0", {"fee_consumer": "60.01"}, "levels.S0: a fee above 60.00 is not allowed by law"),
        (SE, "S1", {"fee_business": "181"}, "levels.S1: a fee above 180.00 is not allowed by law"),
        (SE, "S1", {"approval": False}, "levels.S1.approval: this step is never sent without a person's approval"),
    ],
)
def test_what_the_law_does_not_allow_is_refused_with_the_reason(ladder: Any, name: str, said: dict[str, Any], why: str) -> None:
    assert why in refused(ladder, name, **said)


def test_a_german_last_notice_may_go_without_approval_where_the_policy_says_so() -> None:
    assert not DE.changed({"L3": StepChange(approval=False)}).steps[3].approval


def test_a_level_is_the_place_of_its_step() -> None:
    assert (DE.level_named("L2"), SE.level_named("S1")) == (2, 1)
    with pytest.raises(ValueError, match="there is no level S1 in DE: it has L0, L1, L2, L3"):
        DE.level_named("S1")


def test_a_ladder_without_steps_is_refused() -> None:
    text = re.sub(r"\[\[SE\.steps\]\].*", "", SHIPPED.read_text(encoding="utf-8"), flags=re.DOTALL)

    with pytest.raises(ValidationError, match="steps"):
        parse_ladders(text)
