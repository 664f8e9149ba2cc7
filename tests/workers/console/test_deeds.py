"""The table of acts: it names what there is a button for, and nothing else."""

from workers.console import roles
from workers.console.deeds import DEEDS
from workers.console.pages import acts, holding, replays
from workers.console.pages.doing import FAMILIES


def test_every_act_of_a_page_may_be_done_by_a_program() -> None:
    assert set(DEEDS) - {"replay-off"} == set(roles.ACTS) - {"mode auto"}


def test_an_act_is_of_the_family_that_carries_it_out() -> None:
    assert {deed.name for deed in DEEDS.values() if deed.family == "act"} == set(acts.ACTS)
    assert {deed.name for deed in DEEDS.values() if deed.family == "hold"} == set(holding.HOLDINGS)
    assert {deed.family for deed in DEEDS.values()} == set(FAMILIES)


def test_an_act_takes_the_role_that_its_button_takes() -> None:
    assert {name: DEEDS[name].role({}) for name in acts.ACTS} == {name: act.role for name, act in acts.ACTS.items()}
    assert DEEDS["mode"].role({"mode": "auto"}) == "approver" and DEEDS["mode"].role({"mode": "observe"}) == "operator"
    assert DEEDS["replay-off"].role({}) == DEEDS["replay"].role({}) == "operator"


def test_a_replay_takes_what_its_form_takes() -> None:
    assert DEEDS["replay"].fields == (*replays.FIELDS, "per_minute", "reason")
