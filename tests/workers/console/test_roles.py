"""Which role each act takes."""

from workers.console.pages import acts, holding
from workers.console.roles import ACTS, Person, role_of


def test_an_act_nobody_named_takes_the_highest_role() -> None:
    assert role_of("burn everything") == "approver"


def test_what_makes_the_world_change_at_once_takes_an_approver() -> None:
    assert {role_of(act) for act in ("approve", "did", "did-not", "resend", "unfreeze")} == {"approver"}
    assert {role_of(act) for act in ("retry", "close", "reject", "say", "replay", "freeze", "pause", "resume", "probe")} == {"operator"}


def test_every_act_there_is_a_page_for_is_named() -> None:
    assert set(acts.ACTS) | set(holding.HOLDINGS) | {"say", "replay", "recheck", "mode auto"} == set(ACTS)


def test_only_the_mode_auto_takes_an_approver() -> None:
    assert role_of("mode", mode="auto") == "approver"
    assert {role_of("mode", mode=mode) for mode in ("off", "observe", "propose")} == {"operator"}


def test_no_act_is_a_viewers() -> None:
    assert "viewer" not in ACTS.values()


def test_a_higher_role_may_all_that_a_lower_may() -> None:
    assert Person("a", "approver").may("viewer") and Person("a", "operator").may("operator")
    assert not Person("a", "operator").may("approver") and not Person("a", "viewer").may("operator")
