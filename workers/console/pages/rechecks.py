"""Checking refused requests again, after a secret was put right: first what would be taken in and what not, then taken in by button."""

import hashlib

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from receiver.errors import SettingsInvalid
from receiver.settings import DoorSecrets, SourceSettings
from workers import recheck
from workers.cli.recheck import rows
from workers.console.confirm import Input, Question, ask, back, done
from workers.console.roles import role_of
from workers.console.site import Site, site
from workers.console.web.access import require_act
from workers.errors import StateConflict
from workers.views import row_number

AGAIN = "They are taken in as the provider sent them then, once each, and their runs start under today's policy."
NEVER = "This cannot be undone: what is taken in is a delivery like any other. What does not verify is never taken in."


def asked(request: Request) -> Response:
    """What checking came to, and the button that takes in what verifies."""
    require_act(request, "recheck")
    question, _ = looked(site(request), request.query_params.get("source", ""), back(request))
    return ask(request, question)


def looked(here: Site, name: str, back_to: str = "") -> tuple[Question, recheck.Checked]:
    """What is asked before a source's refusals are taken in, and what checking them came to."""
    source, secrets = _of(here, name)
    with here.database.read() as connection:
        found = recheck.check(connection, source, secrets)
    preview = [f"{row['requests']} {row['came_to']}" for row in rows(found)] or ["Nothing was refused there for its signature."]
    more = [f"Only the newest {recheck.CHECKED_MAX} are looked at: what came before has to be sent again."] if found.more else []
    button = f"Take in {len(found.verify)}" if found.verify else ""
    none = [] if found.verify else ["None of them verifies and is missing here: there is nothing to take in."]
    question = Question(
        title=f"Check again what {source.name} refused", does=AGAIN, button=button, role=role_of("recheck"),
        preview=[*preview, *none], warnings=more, inputs=[Input(name="reason", label="Why", about="It is kept in the audit.")], undo=NEVER,
        hidden={"source": [source.name], "through": [str(found.through)], "shown": [_digest(found)], "back": [back_to]},
    )  # fmt: skip
    return question, found


def carry_out(request: Request, form: FormData) -> Response:
    """Take in what verifies of the refusals the page showed."""
    here, person = site(request), require_act(request, "recheck")
    name, through = str(form.get("source", "")), row_number(str(form.get("through", "")))
    here.settings.source(name)
    if not through:
        raise StateConflict("This form is damaged: go back and press the button again.")
    source, secrets = _of(here, name)
    with here.database.read() as connection:
        now = _digest(recheck.check(connection, source, secrets, through=through))
    if now != form.get("shown", ""):
        raise StateConflict("Others verify by now than those that were shown: go back, reload the page, look again.")
    taken = take_in(here, name, through, person.name, str(form.get("reason", "")).strip())
    return done(f"{name}: {taken} taken in", f"/deliveries?source={name}")


def _digest(found: recheck.Checked) -> str:
    """Names exactly those that verify, so that what is taken in is what was shown."""
    return hashlib.sha256(repr(found.verify).encode()).hexdigest()


def take_in(here: Site, name: str, through: int, actor: str, reason: str) -> int:
    """Take in what verifies of a source's refusals up to the one that was shown last; how many deliveries are new."""
    source, secrets = _of(here, name)
    return here.database.write(
        lambda c: recheck.take_in(c, source, secrets, through=through, at=here.database.machine_now(c), actor=actor, reason=reason)
    )


def _of(here: Site, name: str) -> tuple[SourceSettings, DoorSecrets]:
    """A source and its secrets of the door. Raises StateConflict where they cannot be read here."""
    source = here.settings.source(name)
    try:
        return source, here.settings.door_secrets(source.name)
    except SettingsInvalid as wrong:
        raise StateConflict(f"the secrets of {source.name} cannot be read by the console: {wrong}") from None
