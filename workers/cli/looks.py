"""Pages of the console that are lists of their own, in the shell: what will happen next, the workflows, the sources."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from receiver.settings import Settings
from workers.cli.output import complain, print_json, show_rows
from workers.cli.session import Json, Source, session
from workers.console.read import sources as sources_read
from workers.console.read import timers as timers_read
from workers.console.read import workflows as workflows_read
from workers.console.read.timers import KINDS, Wanted, parsed
from workers.errors import FilterInvalid
from workers.loading import load_folders
from workers.registry import Registry

Row = dict[str, Any]
TIMERS = ("at", "kind", "source", "workflow", "what", "why", "id")
WORKFLOWS = ("source", "workflow", "mode", "live", "ended", "paused", "note")
SOURCES = ("source", "kind", "last_at", "counted", "refused", "baseline_at", "synced_at", "breaker_until")


def timers(
    context: typer.Context,
    source: Source = None,
    workflow: Annotated[str | None, typer.Option("--workflow", "-w", help="Only this workflow.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind: " + ", ".join(KINDS))] = None,
    later: Annotated[str | None, typer.Option("--later", help="The next page: what the last one named.")] = None,
    json: Json = False,
) -> None:
    """What will happen next by itself: runs that wake, effects that are tried again or lapse, re-reads, schedules, replays."""
    if kind not in (None, *KINDS):
        raise typer.BadParameter(f"there is no kind {kind}: there are {', '.join(KINDS)}")
    here, asked = session(context), {"source": source or "", "workflow": workflow or "", "kind": kind or "", "from": later or ""}
    if (elsewhere := here.elsewhere()) is not None:
        found = elsewhere.look("timers", asked)
    else:
        if source is not None:
            here.settings().source(source)
        with here.database() as database, database.read() as connection:
            try:
                found = timer_rows(connection, asked, database.machine_now(connection))
            except FilterInvalid as wrong:
                raise typer.BadParameter(str(wrong).replace("from:", "--later:")) from None
    if json:
        print_json(found)
        return
    show_rows(found["rows"], TIMERS, as_json=False, nothing="nothing will happen by itself")
    if found["next"]:
        complain(f"there is more: --later '{found['next']}'")


def timer_rows(connection: Connection, asked: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """{"rows", "next", "looked_to"}: `next` is the next page's `from`. Raises FilterInvalid."""
    wanted = Wanted(source=asked["source"], workflow=asked["workflow"], kind=asked["kind"], after=parsed(asked["from"]))
    found = timers_read.page(connection, wanted, now=now)
    rows = [{name: value for name, value in asdict(one).items() if name != "link"} for one in found.timers]
    return {"rows": rows, "next": found.next, "looked_to": found.looked_to}


def workflows(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """The workflows of every source: mode, what is under way, how the last runs ended, and what holds them."""
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        rows = elsewhere.rows_of("workflows", {"source": source})
    else:
        chosen = here.chosen()
        if source is not None:
            chosen.settings.source(source)
        registry = load_folders(chosen.settings.workflows)
        with here.database() as database, database.read() as connection:
            rows = workflow_rows(connection, chosen.settings, registry, chosen.policies, source)
    show_rows(rows, WORKFLOWS, as_json=json, nothing="no source is configured")


def workflow_rows(
    connection: Connection, settings: Settings, registry: Registry, policies: Mapping[str, Mapping[str, Any]], source: str | None
) -> list[Row]:
    """What the page Workflows shows, of one source or all."""
    kinds = {name: one.kind for name, one in settings.sources.items() if source in (None, name)}
    found = workflows_read.rows(connection, kinds, registry, policies)
    return [{**asdict(one), "paused": ", ".join(one.pauses.values())} for one in found]


def sources(context: typer.Context, json: Json = False) -> None:
    """The sources: what came last, how much by origin, what was refused in 24 h and why, and how far each was read."""
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        rows = elsewhere.rows_of("sources", {})
    else:
        with here.database() as database, database.read() as connection:
            rows = source_rows(connection, here.settings(), database.machine_now(connection))
    show_rows(rows, SOURCES, as_json=json, nothing="no source is configured")


def source_rows(connection: Connection, settings: Settings, now: datetime) -> list[Row]:
    """What the page Sources shows; a row with `kind` "" is no source of ours, and something was refused there."""
    kinds = {name: one.kind for name, one in settings.sources.items()}
    found = [asdict(one) for one in sources_read.rows(connection, kinds, now=now)]
    rows: list[Row] = [{"source": one.pop("name"), **one} for one in found]
    strange = sources_read.strangers(connection, list(kinds), now=now)
    return rows + [{"source": name, "kind": "", "refused": causes} for name, causes in strange.items()]
