"""Who may enter the console, and how a browser must behave there.

Every request passes: its method is one of ours, the host it was asked by too (a name that somebody else's page made point here is
refused), who asks is known, an act carries the secret of its session and comes from our own pages, and every answer tells the browser
to run nothing but ours. `require` is what a page of acts asks before it does anything.
"""

import hmac
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from receiver.db import Database
from workers.addresses import is_here
from workers.console.answers import API, as_json, bare, mistake, wants_json
from workers.console.roles import Person, role_of
from workers.console.roles import Role as Role
from workers.console.settings import ConsoleSettings
from workers.console.web.entry import Entered, Entry, keep_cookie, peer_of
from workers.console.web.guesses import Guesses
from workers.console.web.headers import HEADERS
from workers.console.web.login import own_path
from workers.errors import Forbidden

METHODS = ("GET", "HEAD", "POST")
OPEN = ("/healthz", "/metrics")
AWAY = "The database does not answer. Nothing is lost: try again, and run `billhook doctor` where it lasts."
CROWD = "Too many pages are asked for at once, or some take long: try again in a moment."


def require(request: Request, role: Role) -> Person:
    """Who asks, where the person may do what takes `role`. Raises Forbidden, which is shown as a page."""
    person: Person = request.state.person
    if not person.may(role):
        raise Forbidden(f"This takes the role {role}, and you are {person.role}: ask somebody who has it.", role=role)
    return person


def require_act(request: Request, act: str, *, mode: str = "") -> Person:
    """Who asks, where the person may do this act of workers/console/roles.py. Raises Forbidden."""
    return require(request, role_of(act, mode=mode))


class Access(BaseHTTPMiddleware):
    """The door of the console."""

    def __init__(self, app: ASGIApp, settings: ConsoleSettings, database: Database, guesses: Guesses | None = None) -> None:
        super().__init__(app)
        self._settings, self._entry, self._guesses = settings, Entry(settings, database), guesses or Guesses()

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """The answer of the page behind, or why it is not given."""
        try:
            answer = self._refused(request) or await self._answer(request, call_next)
        except sa.exc.OperationalError:
            answer = bare(request, AWAY, 503, "NotReady")
        except sa.exc.TimeoutError:
            answer = bare(request, CROWD, 503, "NotReady")
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    async def _answer(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        path = request.scope["path"]
        if path in OPEN or path.startswith("/static/"):
            return await call_next(request)
        given, peer = request.headers.getlist("authorization"), peer_of(request, self._settings)
        if given and (wait_s := self._guesses.wait_s(given, peer)):
            return _held_up(wait_s)
        entered = await run_in_threadpool(self._entry.of, request)
        if given:
            self._guesses.right(given) if entered.person else self._guesses.wrong(given, peer)
        state = request.state
        state.person, state.csrf, state.by_token, state.entered = entered.person, entered.csrf, entered.by_token, entered
        state.cookie_name = self._entry.cookie
        if why_not := await self._why_not(request, entered):
            return self._with_cookie(request, entered, await run_in_threadpool(why_not))
        return self._with_cookie(request, entered, await call_next(request))

    async def _why_not(self, request: Request, entered: Entered) -> Callable[[], Response] | None:
        """What is answered instead of the page, or None."""
        logs_in = request.scope["path"] == "/login" and self._settings.login == "accounts" and not entered.by_token
        if entered.person is None and not logs_in:
            return lambda: _unknown(request, entered, self._settings)
        if request.method != "POST" or entered.by_token:
            return _only_reads(request, entered.person) or _not_by_form(request, entered)
        if not await _is_ours(request, entered, self._settings.https):
            return lambda: PlainTextResponse("This form is too old, or not ours: go back, reload the page, do it again.", 403)
        return _only_reads(request, entered.person)

    def _refused(self, request: Request) -> Response | None:
        if request.method not in METHODS:
            return PlainTextResponse("The console takes GET and POST.", 405, {"allow": ", ".join(METHODS)})
        said = request.headers.getlist("host")
        name = _host_of(said[0]) if len(said) == 1 else ""
        if is_here(name) or name in (*self._settings.names, self._settings.host):
            return None
        strange = f"This console does not know itself as {name[:100]}: add it to names in [billhook.console]."
        return bare(request, strange, 421, "SettingsInvalid")

    def _with_cookie(self, request: Request, entered: Entered, response: Response) -> Response:
        """The answer, with a cookie for a browser that has none; a log-in and a log-out set their own."""
        name = self._entry.cookie
        if entered.cookie and request.cookies.get(name) != entered.cookie and "set-cookie" not in response.headers:
            keep_cookie(response, name, entered.cookie)
        return response


def _held_up(wait_s: int) -> Response:
    said = f"Too many wrong API tokens came from this address: wait {wait_s} seconds, and compare yours with `billhook tokens` there."
    return as_json({"error": said, "type": "NotReady"}, 429, {"retry-after": str(wait_s)})


def _only_reads(request: Request, person: Person | None) -> Callable[[], Response] | None:
    """What a viewer is answered who posts, whatever the page behind asks for; None for everybody else."""
    if request.method != "POST" or person is None or person.may("operator") or request.scope["path"] in ("/login", "/logout"):
        return None
    said = f"Acts take the role operator at least, and you are {person.role}: ask somebody who has it."
    return lambda: mistake(request, status=403, title="That takes another role", said=said, type="Forbidden")


def _not_by_form(request: Request, entered: Entered) -> Callable[[], Response] | None:
    """What a program is answered that sends a page's form: it was shown nothing. None for everybody else."""
    if request.method != "POST" or not entered.by_token or request.scope["path"].startswith(API):
        return None
    said = "A program acts at POST /api/acts/NAME, where it is first shown what would happen: GET /api/acts lists them."
    return lambda: as_json({"error": said, "type": "NotHere"}, 404)


def _unknown(request: Request, entered: Entered, settings: ConsoleSettings) -> Response:
    """What somebody is answered who is not known: the way to the log-in, or why there is none."""
    if wants_json(request) or entered.by_token:
        said = entered.why or "Who asks? Send an API token: Authorization: Bearer …; `billhook tokens add NAME` makes one."
        return as_json({"error": said, "type": "Forbidden"}, 401, {"www-authenticate": "Bearer"})
    if settings.login != "accounts":
        return PlainTextResponse(entered.why, 403)
    way = "/login"
    if request.method == "GET" and "hx-request" not in request.headers:
        raw, said = request.scope.get("raw_path") or b"/", request.scope["query_string"]
        there = own_path((raw.split(b"?")[0] + (b"?" + said if said else b"")).decode("latin-1"))
        way += "?" + urlencode({"next": there}) if there != "/" else ""
    if "hx-request" in request.headers or "text/event-stream" in request.headers.get("accept", ""):
        return PlainTextResponse("Log in again.", 401, {"hx-redirect": way})
    return RedirectResponse(way, 303)


async def _is_ours(request: Request, entered: Entered, https: bool) -> bool:
    """Whether an act comes from a page of ours that this very session was shown."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is not None and origin not in (f"https://{host}", f"http{'s' if https else ''}://{host}"):
        return False
    await request.body()  # kept by the request, so that the page behind can read the form once more
    try:
        given = request.headers.get("x-csrf-token") or str((await request.form()).get("csrf", ""))
    except HTTPException:  # what calls itself a form and is none
        return False
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), entered.csrf.encode())


def _host_of(said: str) -> str:
    """The name in a Host header, without its port; "" where there is none to be read."""
    try:
        return urlsplit(f"//{said}").hostname or ""
    except ValueError:
        return ""
