"""Holding back and letting go: freeze and unfreeze, pause and resume, an open breaker, and the mode of a workflow.

These are settings in `control`, read inside every transaction that acts; each change is audited, and says what takes it back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from workers import control, drain, holds, modes, release, restored, restraints
from workers.console.confirm import Input, Question, ask, back, done, is_own
from workers.console.roles import Role, role_of
from workers.console.site import Site, query, site
from workers.console.web.access import require_act
from workers.errors import NotHere, StateConflict

PACE = Input(name="per_minute", label="At most so many each minute", kind="number", about="Empty: as fast as the provider allows.")
ON_THE_MACHINE = "a restored backup is released on the machine: `billhook unfreeze` asks every provider first and shows what differs"
EVERY = "Empty: every one."
ONE_CALL = "This cannot be undone: the call that is let through is one call."
TAKEN_BACK = "It can be taken back: the line that confirms it leads there, and puts back what there was."
GONE_OUT = "Freezing again stops what is not called by then; what was called meanwhile is not taken back."
OPENS_AGAIN = "This cannot be undone: what waited is called. The breaker opens again by itself where the calls still fail."


@dataclass(frozen=True, kw_only=True)
class Holding:
    """One act. `question` says what it will do and what is known; `carry` does it: what came of it, and the page that undoes it."""

    question: Callable[[Site, dict[str, str]], Question]
    carry: Callable[[Site, dict[str, str], str], tuple[str, str]]


def asked(request: Request) -> Response:
    """The page that asks."""
    holding, act = _holding(request), request.path_params["act"]
    require_act(request, act)
    said = {name: value for name, value in request.query_params.items() if name != "back"}
    return ask(request, _with(holding.question(site(request), said), {**said, "back": back(request)}, role_of(act)))


def carry_out(request: Request, form: FormData) -> Response:
    """Do it, and go back."""
    holding, act = _holding(request), request.path_params["act"]
    said = {name: str(value).strip() for name, value in form.items() if name != "csrf"}
    person = require_act(request, act, mode=said.get("mode", ""))
    told, undo = holding.carry(site(request), said, person.name)
    to = said.get("back", "")
    return done(told, to if is_own(to) else "/", undo)


def _holding(request: Request) -> Holding:
    name = request.path_params["act"]
    if name not in HOLDINGS:
        raise NotHere(f"there is no act {name}")
    return HOLDINGS[name]


def _with(question: Question, hidden: dict[str, str], role: Role) -> Question:
    fields = {one.name for one in question.inputs}
    travels = {name: [value] for name, value in hidden.items() if name not in fields}
    return Question(**{**vars(question), "role": role, "hidden": {**travels, **question.hidden}})


def _mark(connection: Connection, name: str) -> str:
    """Which freeze or pause of this name is in force: since when it is."""
    return control.set_at(connection, name).isoformat()


def _require_shown(connection: Connection, name: str, shown: str, reason: str) -> None:
    """Raise StateConflict where what is in force is another one than what was `shown`; "" for who was shown nothing."""
    if shown and shown != _mark(connection, name):
        raise StateConflict(f"somebody set another one meanwhile ({reason}): look at it again")


def _why(said: Mapping[str, str]) -> Input:
    """The field for the reason; what is undone comes with the reason there was."""
    return Input(name="reason", label="Why", value=said.get("reason", ""), about="It is kept in the audit.")


def _freeze(here: Site, said: dict[str, str]) -> Question:
    does = "No effect is called from now on, in any source. What is being called is finished. Receiving goes on, and runs wait."
    with here.database.read() as connection:
        was = control.frozen(connection)
    frozen = [f"It is frozen already, because: {was}. This gives it another reason."] if was is not None else []
    return Question(
        title="Freeze every effect", does=does, button="Freeze", tone="danger", inputs=[_why(said)], warnings=frozen, undo=TAKEN_BACK
    )


def _do_freeze(here: Site, said: dict[str, str], actor: str) -> tuple[str, str]:
    reason = said.get("reason") or "operator"

    def act(connection: Connection) -> tuple[str | None, str]:
        was = control.frozen(connection)
        return was, restraints.freeze(connection, reason, at=here.database.machine_now(connection), actor=actor)

    was, held = here.database.write(act)
    undo = "/hold/unfreeze" if was is None else "" if was == held else f"/hold/freeze?{query({'reason': was})}"
    return f"Frozen: {held}", undo


def _unfreeze(here: Site, _said: dict[str, str]) -> Question:
    with here.database.read() as connection:
        was = control.frozen(connection)
        mark = _mark(connection, "freeze") if was is not None else ""
        held = drain.backlog(connection, before=here.database.machine_now(connection), per_minute=None)
    if was is None:
        raise StateConflict("nothing is frozen: there is nothing to release")
    if was == restored.FREEZE:
        raise StateConflict(ON_THE_MACHINE)
    does = f"Effects go on. It was frozen because: {was}."
    waits = [f"{held.effects} effects wait."]
    return Question(
        title="Let effects go on",
        does=does,
        button="Let go on",
        inputs=[PACE, _why({})],
        preview=waits,
        hidden={"shown": [mark]},
        undo=GONE_OUT,
    )


def _do_unfreeze(here: Site, said: dict[str, str], actor: str) -> tuple[str, str]:
    let = let_go(here, said, actor)
    told = f"Effects go on: {let.held} were held" + (f", {let.per_minute} leave each minute" if let.per_minute else "")
    return told, f"/hold/freeze?{query({'reason': let.was})}"


def let_go(here: Site, said: dict[str, str], actor: str) -> release.Released:
    """End the freeze that was shown. Raises StateConflict where it is another one by now, or a restored backup's."""
    pace = _number(said.get("per_minute", ""))
    heads, reason = here.settings.ledger_head_dir, said.get("reason", "")

    def act(connection: Connection) -> release.Released:
        was = control.frozen(connection)
        if was == restored.FREEZE:
            raise StateConflict(ON_THE_MACHINE)
        if was is not None:
            _require_shown(connection, "freeze", said.get("shown", ""), was)
        return release.release(connection, was or "", heads, pace, reason, at=here.database.machine_now(connection), actor=actor)

    return here.database.write(act)


def _number(text: str) -> int | None:
    if text and not (text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) <= 60_000):
        raise StateConflict("at most so many each minute: write a whole number from 1 to 60000")
    return int(text) if text else None


def _pause(here: Site, said: dict[str, str]) -> Question:
    does = "What this covers calls nothing until it is resumed. Receiving goes on, and its runs wait."
    names = tuple(sorted(workflow.name for workflow in here.registry.all()))
    inputs = [
        Input(
            name="source",
            label="Source",
            kind="select",
            value=said.get("source", ""),
            choices=tuple(here.sources),
            about=EVERY,
        ),
        Input(name="workflow", label="Workflow", kind="select", value=said.get("workflow", ""), choices=names, about=EVERY),
        _why(said),
    ]
    return Question(title="Pause", does=does, button="Pause", tone="danger", inputs=inputs, undo=TAKEN_BACK)


def _do_pause(here: Site, said: dict[str, str], actor: str) -> tuple[str, str]:
    name, reason = _pause_of(here, said), said.get("reason") or "operator"

    def act(connection: Connection) -> str | None:
        was = control.get(connection, name)
        restraints.pause(connection, name, reason, at=here.database.machine_now(connection), actor=actor)
        return was["reason"] if was is not None else None

    was, of = here.database.write(act), {key: said.get(key) for key in ("source", "workflow")}
    undo = f"/hold/resume?{query(of)}" if was is None else f"/hold/pause?{query(of, reason=was)}"
    return f"Paused: {holds.pause_in_words(name)}", undo


def _resume(here: Site, said: dict[str, str]) -> Question:
    name = _pause_of(here, said)
    with here.database.read() as connection:
        paused = control.named(connection, "pause:")
        if name not in paused:
            raise StateConflict(f"{holds.pause_in_words(name)} is not paused")
        mark = _mark(connection, name)
    does = f"{holds.pause_in_words(name)} goes on. It was paused because: {paused[name]['reason']}."
    return Question(
        title="Resume",
        does=does,
        button="Resume",
        inputs=[_why({})],
        hidden={"shown": [mark]},
        undo=GONE_OUT.replace("Freezing", "Pausing"),
    )


def _do_resume(here: Site, said: dict[str, str], actor: str) -> tuple[str, str]:
    name = _pause_of(here, said)

    def act(connection: Connection) -> str:
        if (paused := control.get(connection, name)) is not None:
            _require_shown(connection, name, said.get("shown", ""), paused["reason"])
        restraints.resume(connection, name, said.get("reason", ""), at=here.database.machine_now(connection), actor=actor)
        return paused["reason"] if paused is not None else ""

    was = here.database.write(act)
    again = query({key: said.get(key) for key in ("source", "workflow")}, reason=was)
    return f"Goes on: {holds.pause_in_words(name)}", f"/hold/pause?{again}"


def _pause_of(here: Site, said: dict[str, str]) -> str:
    """The name of the pause a form means. Raises StateConflict where it names nothing, or what there is not."""
    source, workflow = said.get("source") or None, said.get("workflow") or None
    if source is None and workflow is None:
        raise StateConflict("say what: a source, a workflow, or both; Freeze holds everything")
    if source is not None:
        here.settings.source(source)
    if workflow is not None and here.registry.get(workflow) is None and not here.registry.broken:
        raise StateConflict(f"there is no workflow {workflow}: known are {modes.known(here.registry)}")
    return restraints.pause_name(source, workflow)


def _breaker(title: str, does: str, undo: str) -> Callable[[Site, dict[str, str]], Question]:
    def question(here: Site, said: dict[str, str]) -> Question:
        source = here.settings.source(said.get("source", "")).name
        return Question(title=f"{title}: {source}", does=does, button=title, inputs=[_why({})], undo=undo)

    return question


def _do_breaker(act: Callable[..., None], told: str) -> Callable[[Site, dict[str, str], str], tuple[str, str]]:
    def carry(here: Site, said: dict[str, str], actor: str) -> tuple[str, str]:
        source = here.settings.source(said.get("source", "")).name
        here.database.write(lambda c: act(c, source, said.get("reason", ""), at=here.database.machine_now(c), actor=actor))
        return told, ""

    return carry


MODES_DO = {
    "off": "It starts nothing.", "observe": "Its runs begin and show what they would do; nothing is called.",
    "propose": "Each effect waits for somebody's yes.", "auto": "Effects are called at once, inside limits and windows.",
}  # fmt: skip


def _mode(here: Site, said: dict[str, str]) -> Question:
    place, workflow = here.settings.source(said.get("source", "")), said.get("workflow", "")
    source = place.name
    with here.database.read() as connection:
        switches = modes.switches(connection, source, place.kind, here.registry, here.chosen.policies)
        paused = control.get(connection, restraints.pause_name(source, workflow))
    now = next((one for one in switches if one.workflow == workflow), None)
    if now is None:
        raise StateConflict(f"there is no workflow {workflow}: known are {modes.known(here.registry)}")
    does = f"{workflow} on {source} is in mode {now.mode} now." + (f" {now.note}." if now.note else "")
    existing = Input(
        name="include_existing", label="Also what was completed before this moment", kind="checkbox",
        value=said.get("include_existing", ""),
        about="Without it, leaving observe takes only what is new from now on.",
    )  # fmt: skip
    chosen = said["mode"] if said.get("mode") in control.MODES else now.said
    inputs = [Input(name="mode", label="Mode", kind="select", value=chosen, choices=control.MODES, required=True), existing, _why({})]
    preview = [f"{mode}: {does}" for mode, does in MODES_DO.items()]
    ends = [f"propose and auto also end its pause ({paused['reason']}), and undoing does not set it again."] if paused is not None else []
    return Question(
        title=f"Mode of {workflow}", does=does, button="Set the mode", inputs=inputs, preview=preview, warnings=ends,
        undo=f"{TAKEN_BACK} What a mode did meanwhile stays done.",
    )  # fmt: skip


def _do_mode(here: Site, said: dict[str, str], actor: str) -> tuple[str, str]:
    place, workflow, mode = here.settings.source(said.get("source", "")), said.get("workflow", ""), said.get("mode", "")
    source = place.name
    if mode not in control.MODES:
        raise StateConflict(f"{mode} is no mode: choose one of {', '.join(control.MODES)}")
    first, existing = modes.first_mode(here.chosen.policies, workflow), bool(said.get("include_existing"))

    def act(connection: Connection) -> dict[str, Any]:
        if (why_not := modes.objection(connection, source, place.kind, workflow, mode, here.registry)) is not None:
            raise StateConflict(why_not)
        now: datetime = here.database.machine_now(connection)
        before = control.get(connection, control.mode_name(source, workflow)) or {"mode": first}
        was = control.mode_of(connection, source, workflow, first)
        control.set_mode(connection, source, workflow, mode, was=was, at=now, actor=actor, include_existing=existing)
        return dict(before)

    was = here.database.write(act)
    existed = "yes" if was.get("include_existing") else ""
    undo = query({"source": source, "workflow": workflow, "mode": was["mode"], "include_existing": existed})
    return f"{workflow} on {source}: {mode}, it was {was['mode']}", f"/hold/mode?{undo}" if was["mode"] != mode else ""


HOLDINGS = {
    "freeze": Holding(question=_freeze, carry=_do_freeze),
    "unfreeze": Holding(question=_unfreeze, carry=_do_unfreeze),
    "pause": Holding(question=_pause, carry=_do_pause),
    "resume": Holding(question=_resume, carry=_do_resume),
    "mode": Holding(question=_mode, carry=_do_mode),
    "probe": Holding(
        question=_breaker("Try the provider now", "The next call is let through, to see whether the provider is back.", ONE_CALL),
        carry=_do_breaker(restraints.probe, "The next call tries."),
    ),
    "close-breaker": Holding(
        question=_breaker("Close the breaker", "Everything that waits for this provider is called again.", OPENS_AGAIN),
        carry=_do_breaker(restraints.close_breaker, "The breaker is closed."),
    ),
}  # fmt: skip
