"""What a program may do at the console: every act by its name, with the fields it takes and its role.

Pure. The API (web/api.py) takes no other act and no other field, and `billhook --remote` sends none. What an act does is what its page's
button does (workers/console/pages/doing.py binds each family to its page): an act of a page is here, or tests/workers/cli/test_parity.py
fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workers.console.roles import Role, role_of

Family = Literal["act", "hold", "replay", "replay off", "say", "recheck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One act. `fields` are texts; of "say", `set` is an object of the event's own fields by name."""

    name: str
    family: Family
    fields: tuple[str, ...]

    def role(self, said: Mapping[str, str]) -> Role:
        """The role it takes with these fields."""
        return role_of("replay" if self.family == "replay off" else self.name, mode=said.get("mode", ""))


WHICH = ("event", "source", "type", "since", "until", "customer", "invoice", "workflow", "status", "reason_of_run")
_SUBJECT, _PLACE = ("subject", "reason"), ("source", "workflow", "reason")
DEEDS: Mapping[str, Deed] = {
    deed.name: deed
    for deed in (
        *(
            Deed(name=name, family="act", fields=_SUBJECT)
            for name in ("approve", "reject", "did-not", "resend", "retry", "close", "acknowledge", "ignore", "reopen")
        ),
        Deed(name="did", family="act", fields=("subject", "on", "reason")),
        Deed(name="freeze", family="hold", fields=("reason",)),
        Deed(name="unfreeze", family="hold", fields=("per_minute", "reason")),
        Deed(name="pause", family="hold", fields=_PLACE),
        Deed(name="resume", family="hold", fields=_PLACE),
        Deed(name="mode", family="hold", fields=("source", "workflow", "mode", "include_existing", "reason")),
        Deed(name="probe", family="hold", fields=("source", "reason")),
        Deed(name="close-breaker", family="hold", fields=("source", "reason")),
        Deed(name="replay", family="replay", fields=(*WHICH, "per_minute", "reason")),
        Deed(name="replay-off", family="replay off", fields=("replay",)),
        Deed(name="recheck", family="recheck", fields=("source", "reason")),
        Deed(name="say", family="say", fields=("type", "source", "set")),
    )
}
