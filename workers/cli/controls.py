"""Controls: the mode of a workflow on a source."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from workers import control, modes
from workers.cli import there
from workers.cli.output import show_rows
from workers.cli.session import Json, Yes, actor, session
from workers.loading import load_folders
from workers.registry import Registry

Existing = Annotated[bool, typer.Option("--include-existing", help="Also take what was completed before this moment.")]
COLUMNS = ("source", "workflow", "mode", "said", "note")


def mode(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="The source; without it, all are listed.")] = None,
    workflow: Annotated[str | None, typer.Argument(help="The workflow's name, as `billhook mode` lists it.")] = None,
    mode: Annotated[str | None, typer.Argument(help="off, observe, propose or auto.")] = None,
    include_existing: Existing = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Show what may act, or set it: `billhook mode shop auto-send auto`."""
    if (workflow is None) != (mode is None):
        raise typer.BadParameter("write all three: billhook mode SOURCE WORKFLOW off|observe|propose|auto")
    if mode is not None and mode not in control.MODES:
        raise typer.BadParameter(f"{mode} is no mode: write one of {', '.join(control.MODES)}")
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        said = {"source": source, "workflow": workflow, "mode": mode, "include_existing": include_existing}
        if mode is not None:
            _show(there.carried(elsewhere, "mode", said, yes=yes, json=json), json)
        else:
            _show([row for row in elsewhere.rows_of("modes", {"source": source}) if source in (None, row["source"])], json)
        return
    chosen = here.chosen()
    settings, policies = chosen.settings, chosen.policies
    if source is not None:
        settings.source(source)
    registry = load_folders(settings.workflows)
    was: dict[str, Any] = {}
    with here.database() as database:
        if source and workflow and mode:
            first = modes.first_mode(policies, workflow)
            kind = settings.source(source).kind
            was = database.write(
                lambda c: _set(c, registry, source, kind, workflow, mode, first, include_existing, database.machine_now(c))
            )
        with database.read() as connection:
            every = settings.sources.values()
            found = [one for place in every for one in modes.switches(connection, place.name, place.kind, registry, policies)]
    shown = [asdict(one) for one in found if source in (None, one.source) and workflow in (None, one.workflow)]
    undo = undo_of(str(source), str(workflow), was) if was and was["mode"] != mode else ""
    _show([{**row, "undo": undo} if undo else row for row in shown], json)


def _show(rows: Sequence[dict[str, Any]], json: bool) -> None:
    show_rows(rows, COLUMNS, as_json=json, nothing="no source is configured")
    if not json and rows and rows[0].get("undo"):
        print(f"undo: {rows[0]['undo']}")


def undo_of(source: str, workflow: str, was: Mapping[str, Any]) -> str:
    """The command that puts back the mode there was; `was` is what was said of it before."""
    return shlex.join(["billhook", "mode", source, workflow, was["mode"], *(["--include-existing"] if was.get("include_existing") else [])])


def _set(
    connection: Connection, registry: Registry, source: str, kind: str, name: str, mode: str, first: str, existing: bool, at: datetime
) -> dict[str, Any]:
    """Put the mode in force; what was said before. Raises BadParameter for a workflow nobody knows."""
    if (why_not := modes.objection(connection, source, kind, name, mode, registry)) is not None:
        raise typer.BadParameter(why_not)
    before = control.get(connection, control.mode_name(source, name)) or {"mode": first}
    was = control.mode_of(connection, source, name, first)
    control.set_mode(connection, source, name, mode, was=was, at=at, actor=actor(), include_existing=existing)
    return dict(before)
