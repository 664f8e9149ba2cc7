"""Holding back and letting go for a program: by the page's functions (pages/holding.py), bound to what was in force when it was shown."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.engine import Connection

from workers import breaker, control, modes, restraints
from workers.cli import breakers, controls
from workers.console.deeds import DEEDS
from workers.console.pages import holding
from workers.console.pages.shown import Came, Said, Shown
from workers.console.roles import Person
from workers.console.site import Site
from workers.errors import FieldInvalid


def look_hold(here: Site, name: str, said: Said, _person: Person) -> Shown:
    """What the page asks, with what is in force. Raises FieldInvalid, StateConflict."""
    if "source" in DEEDS[name].fields and "workflow" not in DEEDS[name].fields and not said.get("source"):
        raise FieldInvalid(f"say of which source: known are {', '.join(here.sources)}", field="source")
    if name in ("pause", "resume") and not (said.get("source") or said.get("workflow")):
        raise FieldInvalid("say what: a source, a workflow, or both; freeze holds everything", field="source")
    if name == "mode":
        _require_settable(here, said)
    question = holding.HOLDINGS[name].question(here, said)
    marks = {field: values[0] for field, values in question.hidden.items()}
    with here.database.read() as connection:
        now = _in_force(connection, name, said)
    first = {"mode": modes.first_mode(here.chosen.policies, said.get("workflow", ""))}
    return Shown(question=question, bound=[question.does, marks, now], kept=(now or first) if name == "mode" else marks)


def _require_settable(here: Site, said: Said) -> None:
    """Raise FieldInvalid for a mode that cannot be set there."""
    if not said.get("source"):
        raise FieldInvalid(f"say of which source: known are {', '.join(here.sources)}", field="source")
    kind, workflow, mode = here.kinds[said["source"]], said.get("workflow", ""), said["mode"]
    with here.database.read() as connection:
        why_not = modes.objection(connection, said["source"], kind, workflow, mode, here.registry)
    if why_not is not None:
        raise FieldInvalid(why_not, field="workflow")


def _in_force(connection: Connection, name: str, said: Said) -> Any:
    """What the act would change, as it is."""
    source, workflow = said.get("source", ""), said.get("workflow", "")
    if name in ("freeze", "unfreeze"):
        return control.get(connection, "freeze")
    if name in ("pause", "resume"):
        return control.get(connection, restraints.pause_name(source or None, workflow or None))
    if name == "mode":
        return control.get(connection, control.mode_name(source, workflow))
    return [one for one in breaker.opened(connection) if one["source"] == source]


def do_hold(here: Site, name: str, said: Said, person: Person, shown: Shown, _number: str) -> Came:
    """Do it. Raises StateConflict where another freeze or pause is in force than was shown."""
    given = {**said, **(shown.kept if name != "mode" else {})}
    if name == "unfreeze":
        let = holding.let_go(here, given, person.name)
        return Came(told=f"Effects go on: {let.held} were held", rows=[{"frozen": False, **asdict(let)}])
    told, _undo = holding.HOLDINGS[name].carry(here, given, person.name)
    return Came(told=told, rows=_held_now(here, name, said, shown.kept))


def _held_now(here: Site, name: str, said: Said, was: Any) -> list[dict[str, Any]]:
    """How it is now, as the command line prints it; `was` is what a mode was before."""
    source, workflow = said.get("source", ""), said.get("workflow", "")
    with here.database.read() as connection:
        if name == "freeze":
            return [{"frozen": True, "reason": control.frozen(connection)}]
        if name in ("pause", "resume"):
            reason = (said.get("reason") or "operator") if name == "pause" else None
            return [{"source": source or "every", "workflow": workflow or "every", "paused": reason}]
        if name == "mode":
            found = modes.switches(connection, source, here.kinds[source], here.registry, here.chosen.policies)
            undo = controls.undo_of(source, workflow, was) if was["mode"] != said["mode"] else ""
            return [{**asdict(one), **({"undo": undo} if undo else {})} for one in found if one.workflow == workflow]
        return breakers.rows(connection, source, here.database.machine_now(connection))
