"""One row, whole: a delivery with its bytes, an event, a run with its journal, an effect with its log, a refusal."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response

from receiver.db import table_of
from workers.chain import EffectLog
from workers.console.pictures import gantt
from workers.console.read import proofs
from workers.console.read.course import course
from workers.console.read.listing import LISTINGS
from workers.console.site import site
from workers.errors import NotHere
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.story import Line, story
from workers.views import BIG

APART = ("sends", "acts")  # the page tells them in a way of its own
STORY_OF = {"deliveries": "delivery", "events": "event", "runs": "run", "effects": "effect"}
PARTS_MAX = 200


def one(request: Request) -> Response:
    """A row and what belongs to it, and the story it is part of."""
    here, name, id = site(request), request.path_params["name"], request.path_params["id"]
    if name not in LISTINGS:
        raise NotHere(f"there is no list {name}: the menu has what there is")
    with here.database.read() as connection:
        row = LISTINGS[name].view.one(connection, id)
        if row is None:
            raise NotHere(f"there is no {id} among the {name}")
        doctor = proofs.why(row, here.settings) if name == "refusals" else []
        parts = _PARTS[name](connection, row) if name in _PARTS else {}
        pictured = course(connection, row, now=here.database.machine_now(connection)) if name == "runs" else None
        lines: list[Line] = story(connection, f"{STORY_OF[name]}:{id}") if name in STORY_OF else []
    big = _big(row)
    fields = {key: value for key, value in row.items() if key not in (*BIG, *APART, *big)}
    picture = gantt.drawn(pictured, here.chosen.console.tz) if pictured is not None else ""
    return here.page(
        request, "row.html.j2", picture=picture, name=name, row=row, fields=fields, big=big, parts=parts, lines=lines, doctor=doctor
    )


def _big(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown whole below the others: bodies and texts, and every other value that has parts."""
    return {key: value for key, value in row.items() if value and key not in APART and (key in BIG or isinstance(value, dict | list))}


def _journal(connection: Connection, row: Mapping[str, Any]) -> dict[str, list[Any]]:
    """A run's steps and its effects."""
    journal, effect = table_of(JournalRow), table_of(EffectRow)
    steps = sa.select(journal.c.at, journal.c.name, journal.c.kind, journal.c.result).where(journal.c.run_id == row["id"])
    columns = ("id", "step", "service", "source", "object_kind", "object_id", "state", "reason", "amount", "reference")
    effects = sa.select(*(effect.c[column] for column in columns)).where(effect.c.run_id == row["id"])
    return {
        "steps": _all(connection, steps.order_by(journal.c.id)),
        "effects": _all(connection, effects.order_by(effect.c.id)),
    }


def _log(connection: Connection, row: Mapping[str, Any]) -> dict[str, list[Any]]:
    """An effect's moves, as the hash-chained log keeps them."""
    log = table_of(EffectLog)
    columns = ("seq", "at", "before", "after", "reason", "actor")
    return {"log": _all(connection, sa.select(*(log.c[name] for name in columns)).where(log.c.effect_id == row["id"]).order_by(log.c.seq))}


def _all(connection: Connection, query: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query.limit(PARTS_MAX)).mappings()]


_PARTS: dict[str, Callable[[Connection, Mapping[str, Any]], dict[str, list[Any]]]] = {"runs": _journal, "effects": _log}
