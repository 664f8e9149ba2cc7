"""The breakers of sources whose calls fail: which are open, since when, and when the next call tries; try now, or close one."""

from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from workers import breaker, restraints
from workers.cli import there
from workers.cli.output import show_rows
from workers.cli.session import Json, Reason, Yes, actor, session

COLUMNS = ("source", "state", "failures", "since", "next_try")


def breaker_of(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="The source; without it, every open breaker is listed.")] = None,
    probe: Annotated[bool, typer.Option("--probe", help="Let the next call through now, to try whether the provider is back.")] = False,
    close: Annotated[bool, typer.Option("--close", help="Close it: everything that waits is called again.")] = False,
    reason: Reason = "",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Show the open breakers, or move one: --probe tries with one call, --close lets all go on."""
    if ((probe or close) and source is None) or (probe and close):
        raise typer.BadParameter("write one of the two with its source: billhook breaker SOURCE --probe, or --close")
    here = session(context)
    nothing = "no breaker is open" if source is None else f"the breaker of {source} is closed"
    if (elsewhere := here.elsewhere()) is not None:
        if probe or close:
            said = {"source": source, "reason": reason}
            there.done(elsewhere, "probe" if probe else "close-breaker", said, COLUMNS, yes=yes, json=json, nothing=nothing)
            return
        show_rows(elsewhere.rows_of("breakers", {"source": source}), COLUMNS, as_json=json, nothing=nothing)
        return
    if source is not None:
        here.settings().source(source)
    with here.database() as database:
        if source is not None and (probe or close):
            act = restraints.probe if probe else restraints.close_breaker
            database.write(lambda c: act(c, source, reason, at=database.machine_now(c), actor=actor()))
        with database.read() as connection:
            found = rows(connection, source, database.machine_now(connection))
    show_rows(found, COLUMNS, as_json=json, nothing=nothing)


def rows(connection: Connection, source: str | None, now: datetime) -> list[dict[str, Any]]:
    """The open breakers, of one source or all, each with its state."""
    return [
        {**opened, "state": "open" if now < opened["next_try"] else "half open: the next call tries"}
        for opened in breaker.opened(connection)
        if source in (None, opened["source"])
    ]
