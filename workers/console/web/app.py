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
from workers.console.pages import lists, now, rows, stories
from workers.console.site import HERE, Site, site, templates
from workers.console.web.access import Access
from workers.errors import NotHere
from workers.registry import Registry
from workers.settings import WorkerSettings

STATIC = HERE / "static"


def console(chosen: WorkerSettings, database: Database, registry: Registry) -> Starlette:
    """The application. It closes nothing: the database is its caller's."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield

    made = Starlette(
        routes=[
            Route("/", now.now),
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
    status = 404 if isinstance(error, NotHere) else 503 if isinstance(error, SchemaOutdated) else 409
    return site(request).page(
        request, "mistake.html.j2", status=status, title="That is not here" if status == 404 else "That cannot be done", said=str(error)
    )


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "There is no such page.", 405: "This page takes another method."}.get(status, "The console cannot answer that.")
    return site(request).page(request, "mistake.html.j2", status=status, title="That is not here", said=said)


def _away(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("The database does not answer. Nothing is lost: try again, and run `billhook doctor` where it lasts.", 503)
