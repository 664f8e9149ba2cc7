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
from workers.console.pages import acts, boards, holding, lists, needs, now, replays, rows, saying, sources, stories, workflows
from workers.console.site import HERE, Site, site, templates
from workers.console.web.access import Access
from workers.console.web.forms import posted
from workers.errors import FilterInvalid, Forbidden, NotHere, NotSayable
from workers.registry import Registry
from workers.settings import WorkerSettings

STATIC = HERE / "static"
STATUS: dict[type[BillhookError], int] = {NotHere: 404, Forbidden: 403, SchemaOutdated: 503, FilterInvalid: 400, NotSayable: 400}


def console(chosen: WorkerSettings, database: Database, registry: Registry) -> Starlette:
    """The application. It closes nothing: the database is its caller's."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield

    made = Starlette(
        routes=[
            Route("/", now.now),
            Route("/needs", needs.waiting),
            Route("/act/{act}", acts.asked, methods=["GET"]),
            Route("/act/{act}", posted(acts.carry_out), methods=["POST"]),
            Route("/hold/{act}", holding.asked, methods=["GET"]),
            Route("/hold/{act}", posted(holding.carry_out), methods=["POST"]),
            Route("/replay", replays.asked, methods=["GET"]),
            Route("/replay", posted(replays.carry_out), methods=["POST"]),
            Route("/workflows", workflows.switches),
            Route("/sources", sources.listed),
            Route("/boards", boards.listed),
            Route("/boards/{name}", boards.shown),
            Route("/say", saying.listed),
            Route("/say/{type}", saying.asked, methods=["GET"]),
            Route("/say/{type}", posted(saying.carry_out), methods=["POST"]),
            Route("/find", stories.found),
            Route("/story", stories.told),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
            Route("/{name}", lists.listed),
            Route("/{name}/{id}", rows.one),
        ],
        middleware=[Middleware(Access, settings=chosen.console)],
        exception_handlers={HTTPException: _http, BillhookError: _named, sa.exc.OperationalError: _away},
        lifespan=lifespan,
    )
    made.state.site = Site(chosen, database, registry, templates(chosen.console.tz), _version())
    return made


def _version() -> str:
    """Ten hex digits that change with any of the files a browser keeps."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(STATIC.rglob("*")) if path.is_file()))
    return digest.hexdigest()[:10]


def _named(request: Request, error: Exception) -> Response:
    """An error of ours: its message names the way out."""
    status = next((code for cls, code in STATUS.items() if isinstance(error, cls)), 409)
    return site(request).page(
        request, "mistake.html.j2", status=status, title="That is not here" if status == 404 else "That cannot be done", said=str(error)
    )


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "There is no such page.", 405: "This page takes another method."}.get(status, "The console cannot answer that.")
    return site(request).page(request, "mistake.html.j2", status=status, title="That is not here", said=said)


def _away(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("The database does not answer. Nothing is lost: try again, and run `billhook doctor` where it lasts.", 503)
