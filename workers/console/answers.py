"""What the console answers where it cannot give what was asked, as a page or, to a program, as JSON; and which of both is wanted."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from workers.cli.output import json_of
from workers.console.site import site

API = "/api/"


def wants_json(request: Request) -> bool:
    """Whether a program asks: it has an API token, or takes JSON and no page."""
    accepted = request.headers.get("accept", "")
    if request.scope["path"].startswith(API):
        return True
    return getattr(request.state, "by_token", False) or ("application/json" in accepted and "text/html" not in accepted)


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` as `--json` prints it."""
    return Response(json_of(value), status, headers, media_type="application/json")


def mistake(request: Request, *, status: int, title: str, said: str, type: str, **context: object) -> Response:
    """A sentence that says what is wrong; as JSON in the shape of the command line's. For somebody who entered."""
    if wants_json(request):
        return as_json({**context, "error": said, "type": type}, status)
    return site(request).page(request, "mistake.html.j2", status=status, title=title, said=said)


def bare(request: Request, said: str, status: int, type: str, headers: Mapping[str, str] | None = None) -> Response:
    """A sentence for whom it may be, without a page around it: for where the database is away, or nobody has entered."""
    if wants_json(request):
        return as_json({"error": said, "type": type}, status, headers)
    return PlainTextResponse(said, status, headers)
