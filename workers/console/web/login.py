"""The log-in and the log-out, where `login = "accounts"`.

A wrong name and a wrong password look and last the same. Each failure makes the next try of this name and from this address wait
longer; passwords are checked in threads, CHECKS at a time, so that nobody can have the console compute for him alone.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from prometheus_client import Counter
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from receiver.db import Database
from receiver.metrics import REGISTRY
from workers import control
from workers.console import accounts, sessions
from workers.console.passwords import Passwords
from workers.console.pauses import Pauses
from workers.console.settings import ConsoleSettings
from workers.console.site import site
from workers.console.web.entry import drop_cookie, keep_cookie, peer_of

CHECKS, WAITING_MAX = 2, 20
WRONG = "The name or the password is wrong."
LOG_INS = Counter("billhook_console_log_ins", "Log-ins at the console by how they ended", ["outcome"], registry=REGISTRY)
_OWN = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1000}")


def own_path(said: str) -> str:
    """Where to go after the log-in: what was said, where that is a path of ours; else the first page."""
    own = _OWN.fullmatch(said) is not None and not said.startswith(("/login", "/logout"))
    return said if own else "/"


@dataclass(slots=True)
class Gate:
    """What log-ins share: the passwords' check, the pauses, and how many are checked at once. Kept at app.state.gate."""

    settings: ConsoleSettings
    database: Database
    passwords: Passwords
    pauses: Pauses = field(default_factory=Pauses)
    now_s: Callable[[], float] = time.monotonic
    limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(CHECKS))

    def enter(self, name: str, password: str, old: str) -> str | None:
        """The new session's token, or None; either is audited. Blocks for a password's check."""
        with self.database.read() as connection:
            account = accounts.found(connection, name)
        fits = self.passwords.fits(account["password"] if account else None, password)
        if not fits or account is None:
            return None
        newer = self.passwords.hash(password) if self.passwords.outdated(account["password"]) else None
        return self.database.write(lambda c: self._begin(c, account, newer, old))

    def _begin(self, connection: Connection, account: sa.RowMapping, newer: str | None, old: str) -> str | None:
        """Open a session, unless the account was changed while its password was checked; the old one of this browser ends."""
        name, at, now = account["name"], self.database.machine_now(connection), accounts.found(connection, account["name"])
        if now is None or now["password"] != account["password"] or now["disabled_at"] is not None:
            return None
        if newer is not None:
            accounts.rehash(connection, name, newer)
        sessions.end(connection, old)
        control.audited(connection, "login", at=at, actor=f"console:{name}", subject=name)
        return sessions.begin(connection, name, at=at, hours=self.settings.session_hours)

    def keep_failure(self, name: str, missed: int) -> None:
        """Audit a failed log-in. A name nobody has is not kept: it may be a password typed into the wrong field."""

        def keep(connection: Connection) -> None:
            account, at = accounts.found(connection, name), self.database.machine_now(connection)
            subject, reason = (account["name"], "disabled" if account["disabled_at"] else "password") if account else ("", "unknown name")
            detail = {"failures_not_kept_before": missed} if missed else None
            control.audited(connection, "login.failed", at=at, actor="console", subject=subject, reason=reason, detail=detail)

        self.database.write(keep)


def routes() -> list[Route]:
    """The log-in and the log-out."""
    return [
        Route("/login", form, methods=["GET"]),
        Route("/login", log_in, methods=["POST"]),
        Route("/logout", log_out, methods=["POST"]),
    ]


async def form(request: Request) -> Response:
    """The page to log in; straight on for somebody who has."""
    there = own_path(request.query_params.get("next", ""))
    return RedirectResponse(there, 303) if request.state.person else await run_sync(_page, request, there)


async def log_in(request: Request) -> Response:
    """Check a name and a password: on to where one wanted to go with a new session, or the page again, with why."""
    gate: Gate = request.app.state.gate
    said = await request.form()
    name, password = str(said.get("name", "")).strip().lower()[:64], str(said.get("password", ""))
    there = own_path(str(said.get("next", "")))
    peer = peer_of(request, gate.settings)
    if (wait_s := gate.pauses.wait_s(name, peer, now_s=gate.now_s())) > 0:
        LOG_INS.labels("paused").inc()
        return await run_sync(_page, request, there, f"Too many wrong tries: wait {int(wait_s) + 1} seconds.", 429, int(wait_s) + 1)
    if gate.limiter.statistics().tasks_waiting >= WAITING_MAX:
        LOG_INS.labels("busy").inc()
        return await run_sync(_page, request, there, "Too many log in at once: try again in some seconds.", 503, 5)
    gate.pauses.failed(name, peer, now_s=gate.now_s())
    token = await run_sync(gate.enter, name, password, request.state.entered.cookie, limiter=gate.limiter)
    if token is None:
        LOG_INS.labels("wrong").inc()
        if (missed := gate.pauses.to_audit(now_s=gate.now_s())) is not None:
            await run_sync(gate.keep_failure, name, missed)
        return await run_sync(_page, request, there, WRONG, 401)
    gate.pauses.succeeded(name, peer)
    LOG_INS.labels("entered").inc()
    return _on(request, there, token)


async def log_out(request: Request) -> Response:
    """End this session."""
    gate: Gate = request.app.state.gate
    entered = request.state.entered

    def end(connection: Connection) -> None:
        sessions.end(connection, entered.cookie)
        name = entered.person.name
        control.audited(connection, "logout", at=gate.database.machine_now(connection), actor=name, subject=name.partition(":")[2])

    await run_sync(gate.database.write, end)
    return _on(request, "/login", None)


def _on(request: Request, there: str, token: str | None) -> Response:
    """Away to another page, with the cookie of a session, or without any."""
    response, name = RedirectResponse(there, 303), request.state.cookie_name
    if token is None:
        drop_cookie(response, name)
    else:
        keep_cookie(response, name, token)
    return response


def _page(request: Request, there: str, wrong: str = "", status: int = 200, retry_after_s: int | None = None) -> Response:
    here = site(request)
    told = {"csrf": request.state.csrf, "there": there, "wrong": wrong, "version": here.version, "theme": request.cookies.get("theme", "")}
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    return HTMLResponse(here.part(request, "login.html.j2", **told), status, headers)
