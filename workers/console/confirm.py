"""A page that asks before anything is done: what is known, what will happen, and the fields to fill in.

Built by every act's page from the same parts, so that each is confirmed in the same way; web/access.py says who may do what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from workers.console.site import query, site
from workers.console.web.access import Role, require

BACK = "/needs"


@dataclass(frozen=True, kw_only=True)
class Input:
    """One field of a form. `kind` is the HTML input's type, or "select" or "textarea"."""

    name: str
    label: str
    kind: str = "text"
    value: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked. `about`: what it concerns, each with facts by name; `preview`: what would happen, in lines; `hidden` travels along.

    `undo`: what takes it back, or that nothing does, in a sentence that is read before the button is pressed. `button`: "" where
    there is nothing to do; the page then only tells.
    """

    title: str
    does: str
    button: str
    role: Role = "approver"
    tone: str = "good"
    about: Sequence[Mapping[str, Any]] = ()
    preview: Sequence[str] = ()
    warnings: Sequence[str] = ()
    inputs: Sequence[Input] = ()
    hidden: Mapping[str, Sequence[str]] = field(default_factory=dict)
    undo: str = ""


def ask(request: Request, question: Question, *, wrong: str = "", status: int = 200) -> Response:
    """The page that asks; with `wrong` what was wrong with the answer."""
    require(request, question.role)
    told = {"question": question, "wrong": wrong, "back": back(request)}
    return site(request).page(request, "confirm.html.j2", status=400 if wrong else status, **told)


def done(said: str, to: str, undo: str = "") -> Response:
    """Back to where one came from, with what was done; `undo` is the page that takes it back."""
    path, _, rest = to.partition("#")
    joined = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{joined}{query({'said': said, 'undo': undo})}" + (f"#{rest}" if rest else ""), 303)


def back(request: Request) -> str:
    """Where to return to: the page one came from, if it is ours and no act itself."""
    wanted = request.query_params.get("back", "")
    return wanted if is_own(wanted) else BACK


def is_own(path: str) -> bool:
    """Whether an address is a path of this console and cannot lead elsewhere."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
