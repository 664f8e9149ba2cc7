"""`billhook trigger`: make something happen at the sandbox, and say how to watch it."""

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.output import print_json, show_rows
from workers.cli.session import Json, Source, session
from workers.invocation import command_line
from workers.sandbox import doable
from workers.trigger import stage

Kind = Annotated[str | None, typer.Argument(help="What happens, such as invoice.completed; without it, what can is listed.")]
File = Annotated[Path | None, typer.Option("--file", "-f", exists=True, dir_okay=False, help="A recorded notification to play instead.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="A field of the object, as total=119.00; may be repeated.")]
Count = Annotated[int, typer.Option("--count", min=1, max=10_000, help="How often.")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="How many seconds to wait for billhook to be ready.")]


def trigger(
    context: typer.Context, kind: Kind = None, file: File = None, source: Source = None, set: Set = None, count: Count = 1,
    wait: Wait = 60.0, json: Json = False,
) -> None:  # fmt: skip
    """Make something happen at the sandbox; without KIND, list what can. Refused on a real account."""
    if kind is not None and file is not None:
        raise typer.BadParameter("name either a kind, such as invoice.completed, or a --file")
    here = session(context)
    played = stage(here.chosen(), source)
    if kind is None and file is None:
        rows = [{"source": played.source.name, "kind": act} for act in doable.acts(played.source.kind)]
        show_rows(rows, ("source", "kind"), as_json=json, nothing="nothing can be made to happen there")
        return
    if kind is not None:
        played.require(kind)
    with here.database(migrated=False) as database:
        played.await_ready(database, wait)
        made = played.play(file.read_bytes(), database) if file else played.act(str(kind), pairs(set or []), count)
    if json:
        print_json(made)
        return
    for ids in made:
        print(", ".join(f"{name.removesuffix('_id')} {id}" for name, id in ids.items()) or "nothing was touched")
    for line in watching(made[-1] if made else {}):
        print(line)


def pairs(given: list[str], option: str = "--set") -> dict[str, str]:
    """`name=value` words as a mapping; raises BadParameter for a word without `=`."""
    found = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not name.strip() or not equals:
            raise typer.BadParameter(f"write {option} name=value, not {word}")
        found[name.strip()] = value.strip()
    return found


def watching(ids: dict[str, str]) -> list[str]:
    """The lines that say how to see what follows."""
    for name in ("invoice", "customer"):
        if f"{name}_id" in ids:
            return ["", "Watch what follows:", f"{command_line()} explain {name}:{ids[f'{name}_id']}"]
    return ["", "Watch what follows:", f"{command_line()} events"] if ids else []
