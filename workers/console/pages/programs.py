"""What a program may look at beyond the lists: each look is a function that gives what the command line prints with --json.

Used by the API (web/api.py) under /api/NAME; pages/data.py gives the lists, rows and stories. Reads only.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import sqlalchemy as sa
from starlette.datastructures import QueryParams

from workers import modes, replays, saying
from workers.cli import breakers, gaps, gates, holds, looks, tail, top
from workers.console.deeds import DEEDS
from workers.console.read.listing import LIMIT, LIMIT_MAX, LISTINGS, instant, page
from workers.console.read.now import moving, standing
from workers.console.roles import role_of
from workers.console.site import Site
from workers.errors import FieldInvalid, FilterInvalid, NotHere

Look = Callable[[Site, QueryParams], Any]


def looked(here: Site, name: str, asked: QueryParams) -> Any:
    """What a look gives. Raises NotHere, and FieldInvalid for what it cannot be asked for."""
    if name not in LOOKS:
        raise NotHere(f"there is no look {name[:40]}: there are {', '.join(LOOKS)}")
    if (source := asked.get("source")) and source not in here.sources:
        raise FieldInvalid(f"there is no source {source}: known are {', '.join(here.sources)}", field="source")
    try:
        return LOOKS[name](here, asked)
    except FilterInvalid as wrong:
        raise FieldInvalid(str(wrong), field=str(wrong.context.get("field", ""))) from None


def _acts(_here: Site, _asked: QueryParams) -> Any:
    return [{"act": deed.name, "role": role_of(deed.name.removesuffix("-off")), "fields": deed.fields} for deed in DEEDS.values()]


def _now(here: Site, _asked: QueryParams) -> Any:
    with here.database.read() as connection:
        at = here.database.machine_now(connection)
        stands = standing(connection, now=at, sources=here.kinds, registry=here.registry, policies=here.chosen.policies)
        return top.as_json(moving(connection, now=at), stands)


def _search(here: Site, asked: QueryParams) -> Any:
    listing, said = LISTINGS.get(asked.get("list", "")), {name: value for name, value in asked.items() if value}
    if listing is None:
        raise FieldInvalid(f"list: there are {', '.join(LISTINGS)}", field="list")
    wanted = {name: value for name, value in said.items() if name not in ("list", "older", "limit")}
    if strange := sorted(wanted.keys() - set(listing.fields)):
        raise FieldInvalid(
            f"{listing.view.name} has no field {strange[0][:40]}: its fields are {', '.join(listing.fields)}", field=strange[0]
        )
    with here.database.read() as connection:
        limit = _number(said.get("limit", ""), LIMIT, LIMIT_MAX)
        found = page(connection, listing, wanted, sources=here.sources, older=said.get("older"), limit=limit)
    return {"rows": found.rows, "older": found.older, "looked_to": found.looked_to}


def _tail(here: Site, asked: QueryParams) -> Any:
    """By kind what is there, and the id to ask behind; or, of `deliveries=ID` and so on, what came behind that id."""
    kinds = [kind for kind in asked.getlist("kind") if kind in tail.FOLLOWED] or list(tail.FOLLOWED)
    behind = {kind: asked[kind] for kind in tail.FOLLOWED if kind in asked}
    last, source = _number(asked.get("last", ""), 0, tail.AT_ONCE), asked.get("source") or None
    with here.database.read() as connection:
        if behind:
            return {kind: {"rows": tail.beyond(connection, kind, _id(kind, low))} for kind, low in behind.items()}
        found = {kind: tail.newest(connection, kind, last, source) for kind in kinds}
    return {kind: {"rows": rows, "low": low} for kind, (rows, low) in found.items()}


def _id(kind: str, text: str) -> Any:
    if not isinstance(tail.FOLLOWED[kind][1].type, sa.Integer):
        return text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise FieldInvalid(f"{kind}: write the id of a row", field=kind)
    return int(text)


def _number(text: str, without: int, most: int) -> int:
    return max(0, min(int(text), most)) if text.isascii() and text.isdecimal() and len(text) < 10 else without


def _timers(here: Site, asked: QueryParams) -> Any:
    said = {name: asked.get(name, "") for name in ("source", "workflow", "kind", "from")}
    with here.database.read() as connection:
        return looks.timer_rows(connection, said, here.database.machine_now(connection))


def _workflows(here: Site, asked: QueryParams) -> Any:
    with here.database.read() as connection:
        return looks.workflow_rows(connection, here.settings, here.registry, here.chosen.policies, asked.get("source") or None)


def _sources(here: Site, _asked: QueryParams) -> Any:
    with here.database.read() as connection:
        return looks.source_rows(connection, here.settings, here.database.machine_now(connection))


def _modes(here: Site, _asked: QueryParams) -> Any:
    with here.database.read() as connection:
        every = here.kinds.items()
        found = [one for name, kind in every for one in modes.switches(connection, name, kind, here.registry, here.chosen.policies)]
    return [asdict(one) for one in found]


def _pauses(here: Site, _asked: QueryParams) -> Any:
    with here.database.read() as connection:
        return holds.paused(connection)


def _breakers(here: Site, asked: QueryParams) -> Any:
    with here.database.read() as connection:
        return breakers.rows(connection, asked.get("source") or None, here.database.machine_now(connection))


def _replays(here: Site, _asked: QueryParams) -> Any:
    with here.database.read() as connection:
        return [asdict(one) for one in replays.under_way(connection, now=here.database.machine_now(connection))]


def _boards(here: Site, asked: QueryParams) -> Any:
    """The authors' tables by name; of one that is named {"columns", "rows"}."""
    name, source = asked.get("name"), asked.get("source")
    if name is None:
        return [{"panel": one.name, "about": one.about, "file": one.file} for one in here.registry.panels()]
    panel = here.registry.panel(name)
    if panel is None:
        raise NotHere(f'there is no panel "{name[:64]}": `billhook panel` lists them')
    with here.database.read() as connection:
        rows = [{"source": one, **row} for one in ([source] if source else here.sources) for row in panel.rows(connection, one)]
    return {"columns": tuple(dict.fromkeys(("source", *panel.columns))), "rows": rows}


def _sayable(_here: Site, _asked: QueryParams) -> Any:
    return saying.rows()


def _gaps(here: Site, asked: QueryParams) -> Any:
    with here.database.read() as connection:
        now = here.database.machine_now(connection)
        since = instant("since", asked["since"]) if asked.get("since") else now - gaps.WEEK
        limit = _number(asked.get("limit", ""), 100, 10_000)
        return gaps.found(connection, here.chosen, asked.get("source") or None, since=since, limit=limit, now=now)


def _gates(here: Site, asked: QueryParams) -> Any:
    with here.database.read() as connection:
        return gates.waiting_rows(connection, [asked["source"]] if asked.get("source") else sorted(here.sources))


def _open_invoices(here: Site, asked: QueryParams) -> Any:
    try:
        before = date.fromisoformat(asked["dated_before"]) if asked.get("dated_before") else None
    except ValueError:
        raise FieldInvalid("dated_before: write a date such as 2026-11-21", field="dated_before") from None
    named, customer = [asked["source"]] if asked.get("source") else here.sources, asked.get("customer") or None
    with here.database.read() as connection:
        return gates.open_rows(connection, named, customer=customer, before=before, invoices=asked.getlist("invoice"))


LOOKS: Mapping[str, Look] = {
    "acts": _acts, "now": _now, "search": _search, "tail": _tail, "timers": _timers, "workflows": _workflows, "sources": _sources,
    "modes": _modes, "pauses": _pauses, "breakers": _breakers, "replays": _replays, "boards": _boards, "sayable": _sayable,
    "gates": _gates, "gaps": _gaps,
    "open-invoices": _open_invoices,
}  # fmt: skip
