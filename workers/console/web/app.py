"""The console as an ASGI application: the routes, the door in front of them, and what a mistake looks like."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from receiver.db import Database
from receiver.errors import BillhookError, SchemaOutdated
from workers.console.answers import bare, mistake
from workers.console.confirmations import Confirmations
from workers.console.gauges import Gauges
from workers.console.pages import (
    acts,
    boards,
    data,
    holding,
    lists,
    needs,
    now,
    rechecks,
    replays,
    rows,
    saying,
    sources,
    stories,
    timers,
    workflows,
)
from workers.console.passwords import Passwords
from workers.console.site import HERE, Site, templates
from workers.console.timebox import STATEMENT_S, took_too_long
from workers.console.web import api, login, watch
from workers.console.web.access import AWAY, Access
from workers.console.web.body import Body
from workers.console.web.forms import posted
from workers.console.web.seats import Seats
from workers.console.web.stream import Live, streamed
from workers.errors import FilterInvalid, Forbidden, NotHere, NotSayable
from workers.registry import Registry
from workers.settings import WorkerSettings

STATIC = HERE / "static"
TOO_LONG = f"This took longer than {STATEMENT_S:.0f} s and was ended, so that it holds up nobody: narrow what you look for."
STATUS: dict[type[BillhookError], int] = {NotHere: 404, Forbidden: 403, SchemaOutdated: 503, FilterInvalid: 400, NotSayable: 400}


def console(
    chosen: WorkerSettings, database: Database, registry: Registry, *, metrics_token: str | None = None, passwords: Passwords | None = None
) -> Starlette:
    """The application. It closes nothing: the database is its caller's."""

    here = Site(chosen, database, registry, templates(chosen.console.tz), _version())
    look = now.Look(here)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield

    made = Starlette(
        routes=[
            *watch.routes(metrics_token, chosen.console.header, Gauges(database, list(chosen.settings.sources))),
            *(login.routes() if chosen.console.login == "accounts" else []),
            *api.routes(Confirmations()),
            Route("/", now.now),
            Route("/now/stream", streamed(lambda request: request.app.state.live, Seats(), look.once)),
            Route("/needed", needs.number),
            Route("/now/charts", now.charts),
            Route("/timers", timers.listed),
            Route("/needs", needs.waiting),
            Route("/act/{act}", acts.asked, methods=["GET"]),
            Route("/act/{act}", posted(acts.carry_out), methods=["POST"]),
            Route("/hold/{act}", holding.asked, methods=["GET"]),
            Route("/hold/{act}", posted(holding.carry_out), methods=["POST"]),
            Route("/replay", replays.asked, methods=["GET"]),
            Route("/replay", posted(replays.carry_out), methods=["POST"]),
            Route("/recheck", rechecks.asked, methods=["GET"]),
            Route("/recheck", posted(rechecks.carry_out), methods=["POST"]),
            Route("/workflows", workflows.switches),
            Route("/sources", sources.listed),
            Route("/boards", boards.listed),
            Route("/boards/{name}", boards.shown),
            Route("/say", saying.listed),
            Route("/say/{type}", saying.asked, methods=["GET"]),
            Route("/say/{type}", posted(saying.carry_out), methods=["POST"]),
            Route("/find", stories.found),
            Route("/story", data.either(stories.told, data.told)),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
            Route("/{name}", data.either(lists.listed, data.listed)),
            Route("/{name}/{id}", data.either(rows.one, data.one)),
        ],
        middleware=[Middleware(Body), Middleware(Access, settings=chosen.console, database=database)],
        exception_handlers={
            HTTPException: _http, BillhookError: _named, sa.exc.OperationalError: _away, sa.exc.DataError: _strange,
        },
        lifespan=lifespan,
    )  # fmt: skip
    made.state.site = here
    if chosen.console.login == "accounts":
        made.state.gate = login.Gate(chosen.console, database, passwords or Passwords())
    made.state.live = Live(look, look.away)
    return made


def _version() -> str:
    """Ten hex digits that change with any of the files a browser keeps."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(STATIC.rglob("*")) if path.is_file()))
    return digest.hexdigest()[:10]


def _named(request: Request, error: Exception) -> Response:
    """An error of ours: its message names the way out."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 409)
    title = {404: "That is not here", 403: "That takes another role"}.get(status, "That cannot be done")
    return mistake(request, status=status, title=title, said=str(error), type=type(error).__name__)


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "There is no such page.", 405: "This page takes another method."}.get(status, "The console cannot answer that.")
    if not hasattr(request.state, "person"):
        return PlainTextResponse(said, status)
    return mistake(request, status=status, title="That is not here", said=said, type="NotHere")


def _strange(request: Request, _error: Exception) -> Response:
    """A value that the database cannot even compare with, such as NUL in a text or a number of a thousand digits."""
    said = "The database takes no such value: look for a character or a number that cannot be right."
    if getattr(request.state, "person", None) is None:
        return PlainTextResponse(said, 400)
    return mistake(request, status=400, title="That cannot be done", said=said, type="FilterInvalid")


def _away(request: Request, error: Exception) -> Response:
    return bare(request, TOO_LONG if took_too_long(error) else AWAY, 503, "NotReady")
