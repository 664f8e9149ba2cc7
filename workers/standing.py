"""Why an operator's act on an effect cannot be carried out now, in words, and what can be done instead.

Used by workers/operator.py before it moves the effect; the ledger's own compare-and-set stays the guard.
"""

from collections.abc import Mapping
from typing import Any

TAKES = {"approve": ("proposed",), "reject": ("proposed", "approved"), "resolve": ("unknown",), "resend": ("done",)}
IS = {
    "proposed": "it waits for approval: `billhook approve {id}` or `billhook reject {id}`",
    "approved": "it is approved already and will be carried out",
    "intended": "it is about to be carried out and was not asked of the provider yet",
    "calling": "it is being asked of the provider at this moment: look again in half a minute",
    "unknown": "nobody knows whether it happened: look at the provider, then `billhook resolve {id} did` or `did-not`",
    "done": "it is already done: `billhook explain {id}` tells how, `billhook resend {id} --reason …` does it once more",
    "rejected": "the provider rejected it, nothing was done: `billhook retry {run_id}` plans it anew where its run is parked",
    "cancelled": "it was cancelled and will not be carried out: `billhook explain {id}` tells why",
    "expired": "it went out of date before it was carried out: `billhook explain {id}` tells what came of it",
}
ALSO = {
    ("approve", "intended"): "it needs no approval: {is_}",
    ("reject", "intended"): "it is past approval: {is_}. `billhook freeze` holds every effect back",
    ("reject", "done"): "it is already done: it cannot be taken back here, and `billhook explain {id}` tells how it was done",
    ("resolve", "intended"): "there is nothing to resolve: {is_}",
    ("resend", "cancelled"): "it was never done, so there is nothing to do again: it was cancelled",
    ("resend", "expired"): "it was never done, so there is nothing to do again: it went out of date",
}


def refusal(act: str, effect: Mapping[str, Any]) -> str:
    """The sentence to refuse `act` with, or "" where the effect is in a state the act takes."""
    state = str(effect["state"])
    if state in TAKES[act]:
        return ""
    is_ = IS.get(state, f"it is {state}").format(id=effect["id"], run_id=effect["run_id"])
    reason = f" ({effect['reason']})" if effect["reason"] and state in ("cancelled", "rejected") else ""
    said = ALSO.get((act, state), "{is_}").format(is_=is_, id=effect["id"]) + reason
    return f"{said[0].upper()}{said[1:]}"


def asks(effect_id: str) -> str:
    """What every other act on an unknown effect is answered with."""
    said = IS["unknown"].format(id=effect_id)
    return f"{said[0].upper()}{said[1:]}"
