"""Holds: pause a source or a workflow and let it go on; freeze everything. The freeze is ended in workers/cli/release.py."""

from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from workers import control, holds, restored
from workers.cli.output import show_rows
from workers.cli.session import Json, Reason, actor, session
from workers.errors import StateConflict
from workers.loading import load_folders

PauseSource = Annotated[str | None, typer.Option("--source", "-s", help="This source; without it, every source.")]
PauseWorkflow = Annotated[str | None, typer.Option("--workflow", "-w", help="This workflow; without it, every workflow.")]


def freeze(context: typer.Context, reason: Reason = "operator", json: Json = False) -> None:
    """Hold back every effect from now on; what is being called is finished. Receiving goes on.

    The freeze of a restored backup stays what it is: its release asks more.
    """

    def act(connection: Connection) -> str:
        now, stands = database.machine_now(connection), control.frozen(connection) == restored.FREEZE
        if not stands:
            control.put(connection, "freeze", {"reason": reason}, at=now, actor=actor())
        control.audited(connection, "freeze", at=now, actor=actor(), reason=reason)
        return restored.FREEZE if stands else reason

    with session(context).database() as database:
        held = database.write(act)
    show_rows([{"frozen": True, "reason": held}], ("frozen", "reason"), as_json=json, nothing="")


def pause(
    context: typer.Context, source: PauseSource = None, workflow: PauseWorkflow = None, reason: Reason = "operator", json: Json = False
) -> None:
    """Hold back the effects of a source, of a workflow, or of a workflow on a source. Without either, list what is paused."""
    if source is None and workflow is None:
        _list(context, json)
        return
    name = _name(context, source, workflow)
    with session(context).database() as database:
        database.write(lambda c: _begin(c, name, reason, database.machine_now(c)))
    show_rows([_row(source, workflow, reason)], ("source", "workflow", "paused"), as_json=json, nothing="")


def resume(
    context: typer.Context, source: PauseSource = None, workflow: PauseWorkflow = None, reason: Reason = "", json: Json = False
) -> None:
    """End a pause, a spike stop's too; give the same --source and --workflow as `billhook pause` shows."""
    name = _name(context, source, workflow)
    with session(context).database() as database, database.read() as connection:
        paused = control.named(connection, "pause:")
    if name not in paused:
        known = ", ".join(holds.pause_in_words(one) for one in sorted(paused)) or "nothing"
        raise StateConflict(f"{holds.pause_in_words(name)} is not paused; paused now: {known}")
    with session(context).database() as database:
        database.write(lambda c: _end(c, name, reason, database.machine_now(c)))
    show_rows([_row(source, workflow, None)], ("source", "workflow", "paused"), as_json=json, nothing="")


def _list(context: typer.Context, json: bool) -> None:
    with session(context).database() as database, database.read() as connection:
        paused = control.named(connection, "pause:")
    rows = []
    for name, value in sorted(paused.items()):
        source, workflow = (None if part == "*" else part for part in name.split(":", 2)[1:])
        rows.append({**_row(source, workflow, value["reason"]), "resume": holds.resume_of(name)})
    show_rows(rows, ("source", "workflow", "paused", "resume"), as_json=json, nothing="nothing is paused")


def _begin(connection: Connection, name: str, reason: str, now: datetime) -> None:
    control.put(connection, name, {"reason": reason}, at=now, actor=actor())
    control.audited(connection, "pause", at=now, actor=actor(), subject=holds.pause_in_words(name), reason=reason)


def _end(connection: Connection, name: str, reason: str, now: datetime) -> None:
    control.audited(connection, "resume", at=now, actor=actor(), subject=holds.pause_in_words(name), reason=reason)
    control.end_pause(connection, name, at=now, actor=actor())


def _name(context: typer.Context, source: str | None, workflow: str | None) -> str:
    if source is None and workflow is None:
        raise typer.BadParameter("say what: --source, --workflow, or both; `billhook freeze` holds everything")
    settings = session(context).settings()
    if source is not None:
        settings.source(source)
    registry = load_folders(settings.workflows)
    if workflow is not None and registry.get(workflow) is None and not registry.broken:
        raise typer.BadParameter(f"there is no workflow {workflow}: known are {', '.join(sorted(w.name for w in registry.all()))}")
    return f"pause:{source or '*'}:{workflow or '*'}"


def _row(source: str | None, workflow: str | None, reason: str | None) -> dict[str, Any]:
    return {"source": source or "every", "workflow": workflow or "every", "paused": reason}
