"""One customer or invoice, or whatever a key names: its timeline from the wire to the provider's reference, and what is known of it."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.db import table_of
from workers.cli.explain import story_of
from workers.console.read.ladder import ladder
from workers.console.read.listing import instant
from workers.console.site import Site, query, site
from workers.keys import Fit
from workers.mirror import Mirror
from workers.simulate.svg import draw
from workers.story import split

LINES = 200
KINDS = ("delivery", "event", "run", "step", "effect", "parked", "task", "alert", "block", "act")
MARKS = ("completed", "paid", "canceled", "deleted")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the mirror knows of one object."""

    source: str
    kind: str
    id: str
    fields: dict[str, Any]
    marks: list[str]


def found(request: Request) -> Response:
    """What was typed into the search on every page: straight to the one thing it names, else everything it may mean."""
    key = request.query_params.get("q", "").strip()
    if not key:
        return RedirectResponse("/", 303)
    return RedirectResponse(f"/story?{query({'key': key, 'source': request.query_params.get('source', '')})}", 303)


def told(request: Request) -> Response:
    """The story of a key: the newest lines up to `until`, oldest first, narrowed to the wanted kinds."""
    here, params = site(request), request.query_params
    key, source = params.get("key", "").strip(), params.get("source", "") or None
    only, until = params.getlist("only"), params.get("until", "")
    with here.database.read() as connection:
        fits, story = story_of(connection, key, source, instant("until", until) if until else None, LINES)
        about = known(connection, key, source, fits)
        invoice = next((one for one in about if one.kind == "invoice"), None) if len(about) == 1 else None
        found = _ladder(connection, here, invoice.source, invoice.id) if invoice is not None else None
    lines = story.lines
    narrowed: dict[str, Any] = {
        "lines": [line for line in lines if not only or line.what in only],
        "sent": [line for line in lines if line.what == "effect" and ": done" in line.text],
        "kinds": [kind for kind in KINDS if any(line.what == kind for line in lines)],
        "only": only, "all": len(lines), "older": story.older, "until": until,
    }  # fmt: skip
    return here.page(request, "story.html.j2", key=key, source=source or "", fits=fits, about=about, ladder=found, **narrowed)


def _ladder(connection: Connection, here: Site, source: str, invoice_id: str) -> dict[str, Any] | None:
    """The calendar of an invoice as a picture, with what a person who does not see it is told."""
    found = ladder(connection, source, invoice_id, now=here.database.machine_now(connection), zone=here.chosen.console.tz)
    if found is None:
        return None
    picture = draw(found.rows, title=f"Invoice {invoice_id}", start=found.start, until=found.until, standalone=False)
    return {"picture": Markup(picture), "rows": found.rows, "next_at": found.next_at}  # every text in it was escaped there


def known(connection: Connection, key: str, source: str | None, fits: list[Fit]) -> list[Known]:
    """The customers and invoices a key means, as the mirror knows them."""
    kind, id = split(key)
    wanted = [(kind, id, source)] if kind in ("customer", "invoice") else [(*split(fit.key), fit.source) for fit in fits]
    return [one for kind, id, whose in wanted for one in _known(connection, kind, id, whose)]


def _known(connection: Connection, kind: str, id: str, source: str | None) -> list[Known]:
    table = table_of(Mirror)
    of_source = [table.c.source == source] if source else []
    rows = connection.execute(sa.select(table).where(table.c.kind == kind, table.c.object_id == id, *of_source)).mappings()
    return [Known(source=row["source"], kind=kind, id=id, fields=row["fields"] or {}, marks=[m for m in MARKS if row[m]]) for row in rows]
