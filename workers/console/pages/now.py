"""The first page: what happens now, and what waits."""

from starlette.requests import Request
from starlette.responses import Response

from workers.console.read.waiting import counts
from workers.console.site import site


def now(request: Request) -> Response:
    """What waits for a person, by kind."""
    here = site(request)
    with here.database.read() as connection:
        waiting = counts(connection)
    return here.page(request, "now.html.j2", waiting=waiting)
