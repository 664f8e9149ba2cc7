"""The API of the console, for programs with an API token, `billhook --remote` above all: POST /api/acts/NAME and GET /api/NAME.

It answers to a token in the Authorization header and to nothing else. No browser sends that header by itself, and none sends it to
another site without asking first, which the console refuses: so there is no CSRF secret here. A session's cookie opens nothing here.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.db import keepable
from workers.console.answers import as_json
from workers.console.confirmations import Confirmations
from workers.console.pages.doing import asked
from workers.console.pages.programs import looked
from workers.console.site import site
from workers.errors import FieldInvalid

MEDIA = "application/json"
NO_TOKEN = "The API takes an API token, in a header: Authorization: Bearer …; `billhook tokens add NAME` makes one."
NO_JSON = "Write the fields as a JSON object, with the header Content-Type: application/json."
NO_SUCH = "There is nothing at this address: GET /api/acts lists the acts."


def routes(confirmations: Confirmations) -> list[Route]:
    """The routes; what was confirmed is kept in `confirmations`."""
    return [
        Route("/api/acts/{act}", _acts(confirmations), methods=["POST"]),
        Route("/api/{look}", _look, methods=["GET"]),
        Route("/api/{rest:path}", _nothing, methods=["GET", "POST"]),
    ]


def _acts(confirmations: Confirmations) -> Callable[[Request], Awaitable[Response]]:
    async def act(request: Request) -> Response:
        """What the act would do, or with `confirm`, what came of it."""
        if not request.state.by_token:
            return _refused(401, NO_TOKEN, "Forbidden")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA:
            return _refused(415, NO_JSON, "FieldInvalid")
        try:
            given = json.loads(await request.body())
        except (ValueError, RecursionError):
            return _refused(400, NO_JSON, "FieldInvalid")
        return await run_in_threadpool(_done, request, confirmations, given)

    return act


def _done(request: Request, confirmations: Confirmations, given: Any) -> Response:
    try:
        said = fields(given)
        word = said.pop("confirm", "")
        return as_json(asked(site(request), confirmations, request.path_params["act"], said, word, request.state.person))
    except FieldInvalid as wrong:
        return _invalid(wrong)


def _look(request: Request) -> Response:
    if not request.state.by_token:
        return _refused(401, NO_TOKEN, "Forbidden")
    try:
        return as_json(looked(site(request), request.path_params["look"], request.query_params))
    except FieldInvalid as wrong:
        return _invalid(wrong)


def _nothing(_request: Request) -> Response:
    return _refused(404, NO_SUCH, "NotHere")


def fields(given: Any) -> dict[str, str]:
    """The fields of an act as texts; those of `set` as `set.NAME`, true as "yes". What is null, false or empty is left out.

    Raises FieldInvalid for what is no text, number or truth value.
    """
    if not isinstance(given, Mapping):
        raise FieldInvalid(NO_JSON, field="")
    inner = given.get("set")
    flat = {name: value for name, value in given.items() if name != "set" or not isinstance(inner, Mapping)}
    if isinstance(inner, Mapping):
        flat |= {f"set.{name}": value for name, value in inner.items()}
    return {keepable(name): _text(name, value) for name, value in flat.items() if value not in (None, False, "")}


def _text(name: str, value: Any) -> str:
    if value is True:
        return "yes"
    if not isinstance(value, str | int):
        raise FieldInvalid(f"{name[:40]}: write a text", field=name[:40])
    return keepable(str(value)).strip()


def _invalid(wrong: FieldInvalid) -> Response:
    return as_json({"error": str(wrong), "type": "FieldInvalid", "field": wrong.field}, 422)


def _refused(status: int, said: str, type: str) -> Response:
    return as_json({"error": said, "type": type}, status, {"www-authenticate": "Bearer"} if status == 401 else None)
