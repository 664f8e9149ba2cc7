"""An act on an effect that is no longer where the act takes it: each is refused in words that say what can be done instead."""

import pytest

from workers.ledger import EDGES
from workers.standing import TAKES, asks, refusal

STATES = sorted(state for state in {*EDGES, "done", "rejected", "cancelled", "expired"} if state)


def effect(state: str, reason: str | None = None) -> dict[str, str | None]:
    return {"id": "3b34", "run_id": "8f50", "state": state, "reason": reason}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("act", TAKES)
def test_an_act_takes_its_own_states_and_refuses_every_other_in_words(act: str, state: str) -> None:
    said = refusal(act, effect(state))

    assert (said == "") == (state in TAKES[act])
    assert "{" not in said and "state=" not in said and said != f"It is {state}"


@pytest.mark.parametrize(
    ("act", "state", "said"),
    [
        ("resolve", "done", "It is already done: `billhook explain 3b34` tells how, `billhook resend 3b34 --reason"),
        ("resolve", "intended", "There is nothing to resolve: it is about to be carried out"),
        ("approve", "done", "It is already done"),
        ("approve", "approved", "It is approved already"),
        ("reject", "done", "It is already done: it cannot be taken back here, and `billhook explain 3b34`"),
        ("resolve", "expired", "`billhook explain 3b34`"),
        ("resend", "unknown", "`billhook resolve 3b34 did`"),
        ("resend", "rejected", "`billhook retry 8f50`"),
        ("approve", "unknown", "`billhook resolve 3b34 did`"),
    ],
)
def test_a_refusal_says_how_it_stands_and_what_moves_it(act: str, state: str, said: str) -> None:
    assert said in refusal(act, effect(state))


def test_a_cancelled_effect_tells_why_it_was_cancelled() -> None:
    assert refusal("approve", effect("cancelled", "operator_rejected")).endswith("(operator_rejected)")


def test_whatever_else_is_tried_on_an_unknown_effect_is_answered_with_the_command_that_settles_it() -> None:
    assert "`billhook resolve 3b34 did` or `did-not`" in asks("3b34")
