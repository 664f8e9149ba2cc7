"""Who may enter the console, and how a browser must behave there.

Every request passes: the host it was asked by is one of ours (a name that somebody else's page made point here is refused), who asks is
known, an act carries the token of its page and comes from our own pages, and every answer tells the browser to run nothing but ours.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from workers.addresses import is_here
from workers.console.settings import ConsoleSettings
from workers.errors import Forbidden

Role = Literal["viewer", "operator", "approver"]
RANK: dict[str, int] = {"viewer": 0, "operator": 1, "approver": 2}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()", "cache-control": "no-store",
}  # fmt: skip
COOKIE = "billhook_console"


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. `name` is what the audit keeps."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether this person may do what takes `role`."""
        return RANK[self.role] >= RANK[role]


def require(request: Request, role: Role) -> None:
    """Raise Forbidden where who asks may not do what takes `role`."""
    person: Person = request.state.person
    if not person.may(role):
        raise Forbidden(f"this takes the role {role}; you are {person.role}: ask somebody who is, or have your role changed")


class Access(BaseHTTPMiddleware):
    """The door of the console."""

    def __init__(self, app: ASGIApp, settings: ConsoleSettings) -> None:
        super().__init__(app)
        self._settings = settings
        self._key = secrets.token_bytes(32)

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """The answer of the page behind, or why it is not given."""
        if refused := self._refused(request):
            return self._with_headers(refused)
        known = request.cookies.get(COOKIE, "")
        session = known if len(known) == 43 else secrets.token_urlsafe(32)
        request.state.person = Person("console", "approver")
        request.state.csrf = self._csrf(session)
        if request.method not in ("GET", "HEAD") and not await self._is_ours(request, session):
            return self._with_headers(PlainTextResponse("This form is too old, or not ours: go back, reload the page, do it again.", 403))
        response = await call_next(request)
        if session != known:
            response.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=self._settings.https, path="/")
        return self._with_headers(response)

    def _refused(self, request: Request) -> Response | None:
        name = _host_of(request.headers.get("host", ""))
        if is_here(name) or name in (*self._settings.names, self._settings.host):
            return None
        return PlainTextResponse(f"This console does not know itself as {name[:100]}: add it to names in [billhook.console].", 421)

    async def _is_ours(self, request: Request, session: str) -> bool:
        """Whether an act comes from a page of ours that this very session was shown."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return False
        await request.body()  # kept, so that the page behind can read it too
        given = request.headers.get("x-csrf-token") or str((await request.form()).get("csrf", ""))
        return hmac.compare_digest(given.encode(), self._csrf(session).encode())

    def _csrf(self, session: str) -> str:
        return hmac.new(self._key, session.encode(), hashlib.sha256).hexdigest()

    def _with_headers(self, response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _host_of(said: str) -> str:
    """The name in a Host header, without its port; "" where there is none to be read."""
    try:
        return urlsplit(f"//{said}").hostname or ""
    except ValueError:
        return ""
