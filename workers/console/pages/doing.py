"""What a program has done at the console: each act of workers/console/deeds.py carried out by the functions of its page, so that there is
one door. First what would happen is shown, then exactly that is confirmed.

Used by the API (web/api.py). The rows are those that the command line prints for the same act on the machine itself.
"""

import json
from collections.abc import Mapping
from typing import Any

from receiver.db import canonical_json
from workers import control, modes
from workers.cli.output import json_of
from workers.console.confirmations import Confirmations
from workers.console.deeds import DEEDS, Deed, Family
from workers.console.masking import masked
from workers.console.pages import done, held
from workers.console.pages.replays import PER_MINUTE_MAX, pace_of
from workers.console.pages.shown import Carry, Look, Said, Shown
from workers.console.roles import Person
from workers.console.site import Site
from workers.errors import FieldInvalid, Forbidden, NotHere, NotSayable


def asked(here: Site, confirmations: Confirmations, name: str, said: Said, word: str, person: Person) -> Mapping[str, Any]:
    """What would happen, with the word that confirms it; with such a `word`, what came of doing it.

    Raises NotHere, Forbidden, FieldInvalid; StateConflict where what was shown is no longer so.
    """
    deed = _allowed(name, said, person)
    look, carry = FAMILIES[deed.family]
    who = canonical_json([person.name, name, said])
    if word and (before := confirmations.answered(word, who)) is not None:
        return before
    _require_known(here, deed, said)
    try:
        shown = look(here, deed.name, said, person)
    except NotSayable as wrong:
        raise FieldInvalid(str(wrong), field="source" if str(wrong).startswith("source:") else "set") from None
    bound = json.loads(json_of([shown.question.title, shown.question.warnings, shown.bound]))
    if not word:
        return _preview(deed, shown, said, confirmations.made(who, bound))
    number = confirmations.number(word, who, bound)

    def carried() -> Mapping[str, Any]:
        came = carry(here, deed.name, said, person, shown, number)
        return {"act": deed.name, "done": True, "said": came.told, "rows": came.rows}

    return confirmations.once(word, who, carried)


def _allowed(name: str, said: Said, person: Person) -> Deed:
    """The act, where it is one of this person's, with fields that it has."""
    deed = DEEDS.get(name)
    if deed is None:
        raise NotHere(f"there is no act {name[:40]}: there are {', '.join(DEEDS)}")
    role = deed.role(said)
    if not person.may(role):
        raise Forbidden(f"This takes the role {role}, and this token is {person.role}: `billhook tokens add` makes another one", role=role)
    if stray := sorted(field for field in said if ("set" if field.startswith("set.") else field) not in deed.fields):
        raise FieldInvalid(f"{name} takes no {stray[0][:40]}: it takes {', '.join(deed.fields)}", field=stray[0][:40])
    return deed


def _require_known(here: Site, deed: Deed, said: Said) -> None:
    """Raise FieldInvalid for what names nothing there is."""
    source, workflow, mode = (said.get(name, "") for name in ("source", "workflow", "mode"))
    if source and source not in here.sources:
        raise FieldInvalid(f"there is no source {source}: known are {', '.join(here.sources)}", field="source")
    if workflow and deed.name != "mode" and here.registry.get(workflow) is None and not here.registry.broken:
        raise FieldInvalid(f"there is no workflow {workflow}: known are {modes.known(here.registry)}", field="workflow")
    if "mode" in deed.fields and mode not in control.MODES:
        raise FieldInvalid(f"{mode or 'nothing'} is no mode: write one of {', '.join(control.MODES)}", field="mode")
    if said.get("include_existing", "yes") != "yes":
        raise FieldInvalid("include_existing: write true, or leave it out", field="include_existing")
    if said.get("per_minute") and pace_of(said["per_minute"]) is None:
        raise FieldInvalid(f"per_minute: write a whole number from 1 to {PER_MINUTE_MAX}", field="per_minute")
    for needed in {"act": ("subject",), "say": ("type",), "replay off": ("replay",), "recheck": ("source",)}.get(deed.family, ()):
        if not said.get(needed):
            raise FieldInvalid(f"say which: {deed.name} takes a {needed}", field=needed)


def _preview(deed: Deed, shown: Shown, said: Said, word: str) -> Mapping[str, Any]:
    """What would happen, as an object. What lets somebody in is left out."""
    question = shown.question
    told = {"title": question.title, "does": question.does, "about": [masked(one) for one in question.about]}
    told |= {"preview": list(question.preview), "warnings": list(question.warnings), "undo": question.undo, "would": shown.would}
    return {"act": deed.name, "done": False, "role": deed.role(said), **told, "confirm": word}


FAMILIES: Mapping[Family, tuple[Look, Carry]] = {
    "act": (done.look_act, done.do_act), "hold": (held.look_hold, held.do_hold), "replay": (done.look_replay, done.do_replay),
    "replay off": (done.look_off, done.do_off), "say": (done.look_say, done.do_say), "recheck": (done.look_recheck, done.do_recheck),
}  # fmt: skip
