"""Needs you: everything that waits for a person, with what is known of it and a button for each thing that can be done."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from workers.console.read import needs
from workers.console.read.waiting import counts, needed
from workers.console.site import site


def waiting(request: Request) -> Response:
    """The page; `source` and `kind` narrow it."""
    here, params = site(request), request.query_params
    source, kind = params.get("source", ""), params.get("kind", "")
    with here.database.read() as connection:
        groups = needs.groups(connection, sources=here.sources, source=source, kind=kind)
        counted = counts(connection) | {group.name: len(group.needs) for group in groups if group.name == "gates"}
    return here.page(request, "needs.html.j2", groups=groups, counted=counted, source=source, kind=kind, sources=here.sources)


def number(request: Request) -> Response:
    """The number beside "Needs you" alone, which every page asks for now and then."""
    here = site(request)
    with here.database.read() as connection:
        waits = needed(connection)
    return HTMLResponse(here.part(request, "needed.html.j2", needed=waits))
