"""The lists, rows and stories as JSON, for programs: what `billhook NAME --json`, `show` and `explain` print, with their filters."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import typer
from starlette.requests import Request
from starlette.responses import Response

from workers import keys
from workers.cli import filters
from workers.cli.explain import story_of
from workers.console.answers import as_json, wants_json
from workers.console.masking import masked
from workers.console.read.listing import instant
from workers.console.site import site
from workers.errors import FilterInvalid, NotHere
from workers.story import Told
from workers.views import AMONG, VIEWS, View

LIMIT, LIMIT_MAX = 50, 1_000
LOOKED = f"looked through the newest {AMONG} rows only: no index finds this; name a customer or an invoice, or ask on the machine"
Page = Callable[[Request], Response]


def either(page: Page, data: Page) -> Page:
    """A page for people and its data for programs, at one address."""

    def chosen(request: Request) -> Response:
        answer = data(request) if wants_json(request) else page(request)
        answer.headers["vary"] = "accept, authorization"
        return answer

    return chosen


def listed(request: Request) -> Response:
    """Rows of a list, as an array. Raises FilterInvalid for a filter the list does not have, or a value nobody knows."""
    here, view = site(request), _view(request)
    given = {name: value for name, value in request.query_params.items() if value}
    limit = _limit(given.pop("limit", ""))
    wanted: dict[str, Any] = {**given, **({"since": instant("since", given["since"])} if "since" in given else {})}
    if stray := sorted(given.keys() - view.filters.keys()):
        raise FilterInvalid(f"{stray[0][:40]} does not apply to {view.name}: use {', '.join((*view.filters, 'limit'))}")
    with here.database.read() as connection:
        end = view.horizon(connection, wanted)
        rows = view.rows(connection, wanted, limit, above=end)
        if not rows:
            try:
                filters.require_known(connection, view, wanted, here.settings, above=end)
            except typer.BadParameter as unknown:
                raise FilterInvalid(unknown.message) from None
    return as_json(rows, headers=_warning(LOOKED) if end is not None and len(rows) < limit else {})


def _warning(said: str) -> dict[str, str]:
    return {"x-billhook-warning": said.encode("ascii", "replace").decode()}


def one(request: Request) -> Response:
    """One row, whole. Raises NotHere."""
    view, id = _view(request), request.path_params["id"]
    with site(request).database.read() as connection:
        row = view.one(connection, id)
    if row is None:
        raise NotHere(f"there is no {id} among the {view.name}: `billhook {view.name}` lists what there is")
    return as_json(masked({name: masked(value) for name, value in row.items()}))


def told(request: Request) -> Response:
    """The story of `key`, on `source` where one is named, as an array of lines, oldest first. Raises NotHere where nothing is known.

    Of a long story the newest lines up to `until`; the header X-Billhook-Older is then the `until` that goes on.
    """
    params = request.query_params
    key, source = params.get("key", "").strip(), params.get("source", "") or None
    until = instant("until", params["until"]) if params.get("until") else None
    with site(request).database.read() as connection:
        found, story = story_of(connection, key, source, until) if key else ([], Told(lines=[]))
    if not story.lines:
        raise NotHere(f"nothing is known about {key}: try `billhook deliveries`, or `billhook doctor` if nothing arrives")
    headers = _warning(keys.told(key, found)) if len(found) > 1 else {}
    headers = headers | ({"x-billhook-older": story.older.isoformat()} if story.older is not None else {})
    return as_json([masked(asdict(line)) for line in story.lines], headers=headers)


def _view(request: Request) -> View:
    name = request.path_params["name"]
    if name not in VIEWS:
        raise NotHere(f"there is no list {name}: there are {', '.join(VIEWS)}")
    return VIEWS[name]


def _limit(asked: str) -> int:
    """How many rows: what was asked, between 1 and LIMIT_MAX."""
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else LIMIT
    return max(1, min(number, LIMIT_MAX))
