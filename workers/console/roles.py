"""Who may do what: the three roles, and the one table that says which role each act takes.

Pure. The door (web/access.py) and the pages of acts ask here; nothing else compares roles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["viewer", "operator", "approver"]
RANK: Mapping[str, int] = {"viewer": 0, "operator": 1, "approver": 2}

# An act that is not here takes the highest role: what is forgotten is refused, not let through.
ACTS: Mapping[str, Role] = {
    "retry": "operator", "close": "operator", "reject": "operator", "say": "operator", "replay": "operator",
    "acknowledge": "operator", "ignore": "operator", "reopen": "operator", "recheck": "operator",
    "freeze": "operator", "pause": "operator", "resume": "operator", "probe": "operator", "close-breaker": "operator", "mode": "operator",
    "approve": "approver", "did": "approver", "did-not": "approver", "resend": "approver", "unfreeze": "approver", "mode auto": "approver",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. `name` is what the audit keeps: console:NAME, or token:NAME for a program with an API token."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether this person may do what takes `role`."""
        return RANK[self.role] >= RANK[role]


def role_of(act: str, *, mode: str = "") -> Role:
    """The role an act takes; `mode` is the one that act "mode" puts in force: only auto takes an approver."""
    return ACTS.get("mode auto" if act == "mode" and mode == "auto" else act, "approver")
