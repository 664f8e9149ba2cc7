"""Holds: pause a source or a workflow and let it go on; freeze everything. The freeze is ended in workers/cli/release.py."""

from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from workers import control, holds, restraints
from workers.cli import there
from workers.cli.output import show_rows
from workers.cli.session import Json, Reason, Session, Yes, actor, session
from workers.loading import load_folders

FROZEN, PAUSED = ("frozen", "reason"), ("source", "workflow", "paused")
PauseSource = Annotated[str | None, typer.Option("--source", "-s", help="This source; without it, every source.")]
PauseWorkflow = Annotated[str | None, typer.Option("--workflow", "-w", help="This workflow; without it, every workflow.")]


def freeze(context: typer.Context, reason: Reason = "operator", yes: Yes = False, json: Json = False) -> None:
    """Hold back every effect from now on; what is being called is finished. Receiving goes on.

    The freeze of a restored backup stays what it is: its release asks more.
    """
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        there.done(elsewhere, "freeze", {"reason": reason}, FROZEN, yes=yes, json=json)
        return
    with here.database() as database:
        held = database.write(lambda c: restraints.freeze(c, reason, at=database.machine_now(c), actor=actor()))
    show_rows([{"frozen": True, "reason": held}], FROZEN, as_json=json, nothing="")


def pause(
    context: typer.Context, source: PauseSource = None, workflow: PauseWorkflow = None, reason: Reason = "operator",
    yes: Yes = False, json: Json = False,
) -> None:  # fmt: skip
    """Hold back the effects of a source, of a workflow, or of a workflow on a source. Without either, list what is paused."""
    here = session(context)
    if source is None and workflow is None:
        _list(here, json)
        return
    if (elsewhere := here.elsewhere()) is not None:
        said = {"source": source, "workflow": workflow, "reason": reason}
        there.done(elsewhere, "pause", said, PAUSED, yes=yes, json=json)
        return
    name = _name(context, source, workflow)
    with here.database() as database:
        database.write(lambda c: restraints.pause(c, name, reason, at=database.machine_now(c), actor=actor()))
    show_rows([_row(source, workflow, reason)], PAUSED, as_json=json, nothing="")


def resume(
    context: typer.Context, source: PauseSource = None, workflow: PauseWorkflow = None, reason: Reason = "",
    yes: Yes = False, json: Json = False,
) -> None:  # fmt: skip
    """End a pause, a spike stop's too; give the same --source and --workflow as `billhook pause` shows."""
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        said = {"source": source, "workflow": workflow, "reason": reason}
        there.done(elsewhere, "resume", said, PAUSED, yes=yes, json=json)
        return
    name = _name(context, source, workflow)
    with here.database() as database:
        database.write(lambda c: restraints.resume(c, name, reason, at=database.machine_now(c), actor=actor()))
    show_rows([_row(source, workflow, None)], PAUSED, as_json=json, nothing="")


def _list(here: Session, json: bool) -> None:
    if (elsewhere := here.elsewhere()) is not None:
        rows = elsewhere.rows_of("pauses", {})
    else:
        with here.database() as database, database.read() as connection:
            rows = paused(connection)
    show_rows(rows, (*PAUSED, "resume"), as_json=json, nothing="nothing is paused")


def paused(connection: Connection) -> list[dict[str, Any]]:
    """What is paused, each with the command that ends it."""
    rows = []
    for name, value in sorted(control.named(connection, "pause:").items()):
        source, workflow = (None if part == "*" else part for part in name.split(":", 2)[1:])
        rows.append({**_row(source, workflow, value["reason"]), "resume": holds.resume_of(name)})
    return rows


def _name(context: typer.Context, source: str | None, workflow: str | None) -> str:
    if source is None and workflow is None:
        raise typer.BadParameter("say what: --source, --workflow, or both; `billhook freeze` holds everything")
    settings = session(context).settings()
    if source is not None:
        settings.source(source)
    registry = load_folders(settings.workflows)
    if workflow is not None and registry.get(workflow) is None and not registry.broken:
        raise typer.BadParameter(f"there is no workflow {workflow}: known are {', '.join(sorted(w.name for w in registry.all()))}")
    return restraints.pause_name(source, workflow)


def _row(source: str | None, workflow: str | None, reason: str | None) -> dict[str, Any]:
    return {"source": source or "every", "workflow": workflow or "every", "paused": reason}
