"""`billhook panel`: the authors' tables, listed or one shown."""

from typing import Annotated

import typer

from workers.cli.output import show_rows
from workers.cli.remote import Remote
from workers.cli.session import Json, Source, session
from workers.errors import NotHere
from workers.loading import load_folders
from workers.panels import Panel
from workers.registry import Registry

LISTED = ("panel", "about", "file")
Name = Annotated[str | None, typer.Argument(help="The panel to show; without it, all are listed.")]


def panel(context: typer.Context, name: Name = None, source: Source = None, json: Json = False) -> None:
    """The tables workflow authors made for you: all by name, or one of them."""
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        _show_there(elsewhere, name, source, json)
        return
    settings = here.settings()
    registry = load_folders(settings.workflows)
    if name is None:
        listed = [{"panel": one.name, "about": one.about, "file": one.file} for one in registry.panels()]
        show_rows(listed, LISTED, as_json=json, nothing="no panels")
        return
    if source is not None:
        settings.source(source)
    chosen = _named(registry, name)
    with here.database() as database, database.read() as connection:
        rows = [{"source": one} | row for one in ([source] if source else sorted(settings.sources)) for row in chosen.rows(connection, one)]
    columns = tuple(dict.fromkeys(("source", *chosen.columns)))
    show_rows(rows, columns, as_json=json, nothing="no rows")


def _show_there(elsewhere: Remote, name: str | None, source: str | None, json: bool) -> None:
    if name is None:
        show_rows(elsewhere.rows_of("boards", {}), LISTED, as_json=json, nothing="no panels")
        return
    found = elsewhere.look("boards", {"name": name, "source": source})
    show_rows(found["rows"], found["columns"], as_json=json, nothing="no rows")


def _named(registry: Registry, name: str) -> Panel:
    found = registry.panel(name)
    if found is None:
        broken = "; ".join(registry.broken.values())
        raise NotHere(f'there is no panel "{name}": `billhook panel` lists them' + (f". {broken}" if broken else ""))
    return found
