"""The breakers of sources whose calls fail: which are open, since when, and when the next call tries; try now, or close one."""

from datetime import datetime
from typing import Annotated, Any

import typer

from workers import breaker, restraints
from workers.cli.output import show_rows
from workers.cli.session import Json, Reason, actor, session

COLUMNS = ("source", "state", "failures", "since", "next_try")


def breaker_of(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="The source; without it, every open breaker is listed.")] = None,
    probe: Annotated[bool, typer.Option("--probe", help="Let the next call through now, to try whether the provider is back.")] = False,
    close: Annotated[bool, typer.Option("--close", help="Close it: everything that waits is called again.")] = False,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Show the open breakers, or move one: --probe tries with one call, --close lets all go on."""
    if ((probe or close) and source is None) or (probe and close):
        raise typer.BadParameter("write one of the two with its source: billhook breaker SOURCE --probe, or --close")
    here = session(context)
    if source is not None:
        here.settings().source(source)
    with here.database() as database:
        if source is not None and (probe or close):
            act = restraints.probe if probe else restraints.close_breaker
            database.write(lambda c: act(c, source, reason, at=database.machine_now(c), actor=actor()))
        with database.read() as connection:
            now = database.machine_now(connection)
            rows = [_row(one, now) for one in breaker.opened(connection) if source in (None, one["source"])]
    show_rows(rows, COLUMNS, as_json=json, nothing="no breaker is open" if source is None else f"the breaker of {source} is closed")


def _row(opened: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {**opened, "state": "open" if now < opened["next_try"] else "half open: the next call tries"}
