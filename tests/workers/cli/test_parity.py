"""What a page does, a command does: for every act and every page of the console there is one, here and from elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from starlette.routing import Route

from receiver.db import Database
from workers.cli.lists import HELP
from workers.cli.main import THERE, app
from workers.console.buttons import LABELS
from workers.console.deeds import DEEDS
from workers.console.navigation import NAVIGATION
from workers.console.pages.acts import ACTS
from workers.console.pages.holding import HOLDINGS
from workers.console.pages.programs import LOOKS
from workers.console.site import HERE
from workers.console.web.app import console
from workers.loading import load_folders
from workers.settings import WorkerSettings

# A new button without a line here fails the tests below: write the command first.
COMMANDS = {
    "/act/approve": "approve EFFECT", "/act/reject": "reject EFFECT", "/act/did": "resolve EFFECT did",
    "/act/did-not": "resolve EFFECT did-not",
    "/act/resend": "resend EFFECT", "/act/retry": "retry ID", "/act/close": "close ID", "/act/acknowledge": "acknowledge ALERT",
    "/act/ignore": "ignore ALERT", "/act/reopen": "reopen ALERT",
     "/hold/freeze": "freeze", "/hold/unfreeze": "unfreeze", "/hold/pause": "pause", "/hold/resume": "resume",
    "/hold/mode": "mode SOURCE WORKFLOW MODE", "/hold/probe": "breaker SOURCE --probe", "/hold/close-breaker": "breaker SOURCE --close",
    "/replay": "replay", "/replay?off": "replay --off REPLAY", "/say": "signal TYPE", "/recheck": "recheck SOURCE",
}  # fmt: skip
GATES = {"bank.checked": "bank-checked", "invoice.sent": "mark-sent", "rate.confirmed": "rate confirm", "claims.settled": "claims paid"}
PAGES = {
    "/": "top", "/now/stream": "top", "/now/charts": "top", "/timers": "timers", "/needs": "approvals", "/workflows": "workflows",
    "/sources": "sources", "/boards": "panel", "/boards/{name}": "panel", "/say": "signal", "/say/{type}": "signal", "/find": "explain",
    "/story": "explain", "/{name}": "search", "/{name}/{id}": "runs", "/act/{act}": "approve", "/hold/{act}": "freeze", "/replay": "replay",
    "/recheck": "recheck", "/needed": "approvals",
    "/healthz": "", "/metrics": "", "/login": "", "/logout": "", "/api/{look}": "", "/api/{rest:path}": "", "/api/acts/{act}": "",
}  # fmt: skip


@pytest.fixture
def routes(place: Path, store: Database) -> list[Route]:
    """The console's routes."""
    made = console(WorkerSettings(place / "billhook.toml", {}), store, load_folders(()))
    return [route for route in made.routes if isinstance(route, Route)]


def commands() -> dict[str, Any]:
    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def options(command: str) -> set[str]:
    return {name for one in commands()[command.split()[0]].params for name in one.opts}


def acting(routes: list[Route]) -> Iterator[str]:
    """The address of every act that a page's form is sent to."""
    for route in routes:
        if "POST" in (route.methods or ()) and not route.path.startswith(("/api/", "/log")):
            names = {"/act/{act}": ACTS, "/hold/{act}": HOLDINGS}.get(route.path)
            yield from [route.path.replace("{act}", name) for name in names] if names else [route.path.partition("/{")[0]]


def test_every_act_of_a_page_is_a_command(routes: list[Route]) -> None:
    assert {*acting(routes), "/replay?off"} == set(COMMANDS)


def test_every_button_that_is_drawn_leads_to_an_act_with_a_command() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (HERE / "templates").glob("*.j2"))
    drawn = set(re.findall(r"/(?:act|hold)/[a-z-]+", text))

    assert drawn and drawn <= set(COMMANDS)
    assert {name for name in LABELS if name not in ("say", "show", "replay")} <= {path.rpartition("/")[2] for path in COMMANDS}


def test_every_act_is_one_that_a_program_may_do() -> None:
    named = {path.rpartition("/")[2].replace("replay?off", "replay-off") for path in COMMANDS}

    assert named == set(DEEDS)


@pytest.mark.parametrize("command", sorted({*COMMANDS.values(), *GATES.values()}))
def test_a_command_that_acts_has_json_and_yes_and_is_given_from_elsewhere_too(command: str) -> None:
    name, *words = command.split()

    assert name in commands() and name in THERE
    assert options(command) >= {"--json", "--yes", *(word for word in words if word.startswith("--"))}


def test_every_page_is_a_command_that_is_told_from_elsewhere_too(routes: list[Route]) -> None:
    assert {route.path for route in routes} <= set(PAGES), "name the command that shows the same as the new page"
    for command in PAGES.values():
        assert not command or (command in (*HELP, *THERE) and "--json" in options(command)), command


def test_every_place_of_the_menu_is_a_command() -> None:
    shown = {place.path: PAGES.get(place.path) or place.path.strip("/") for place in NAVIGATION}

    assert {command for command in shown.values() if command not in (*HELP, *THERE)} == set()


def test_every_look_of_the_api_is_one_a_command_takes() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(HERE).parent.joinpath("cli").glob("*.py"))
    asked = set(re.findall(r'\.(?:look|rows_of)\("([a-z-]+)"', text))

    assert asked == set(LOOKS) - {"acts"}
