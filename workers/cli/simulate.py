"""`billhook simulate FILE`: what a policy would do, day by day, before it is switched on."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from receiver.errors import NoConfiguration, SettingsInvalid
from workers.cli.output import print_json, show_rows
from workers.cli.session import Json, Session, session
from workers.loading import load_folders
from workers.simulate.play import load, play
from workers.simulate.svg import draw

FIRST = ("total", "amount", "currency", "deadline", "principal", "interest", "per_day", "flat", "fee")
COLUMNS = ("at", "workflow", "key", "kind", "name", "state", "reason", "figures")
Svg = Annotated[Path | None, typer.Option("--svg", dir_okay=False, help="Also draw it on a calendar, into this file.")]
File = Annotated[Path, typer.Argument(dir_okay=False, help="A scenario in TOML: docs/simulate.md.")]


def simulate(context: typer.Context, file: File, svg: Svg = None, json: Json = False) -> None:
    """Play a scenario on a moved clock and print what would happen. Touches no account, no database and no running billhook."""
    registry = load_folders(_folders(session(context)))
    if registry.broken:
        raise SettingsInvalid("; ".join(registry.broken.values()))
    said = load(file, registry)
    found = play(said, registry)
    if svg is not None:
        svg.write_text(draw(found, title=file.stem, start=said.start.date(), until=said.until.date()), encoding="utf-8")
    rows = [row.as_dict() for row in found]
    if json:
        print_json(rows)
        return
    told = [row | {"at": row["at"].replace("T", " "), "figures": read(row["figures"])} for row in rows]
    show_rows(told, COLUMNS, as_json=False, nothing="nothing happens")


def read(figures: Mapping[str, str]) -> str:
    """Figures as they are read: the sum and its day first, without what is zero or said twice; `--json` has them all."""
    total = figures.get("total")
    twice = {name for name in ("principal", "amount") if figures.get(name) == total} | {"basis", "default_from"}
    order = [*(name for name in FIRST if name in figures), *(name for name in figures if name not in FIRST)]
    return ", ".join(f"{name} {figures[name]}" for name in order if name not in twice and figures[name] != "0.00")


def _folders(here: Session) -> Sequence[Path]:
    """The author's folders that the configuration names; without one, those of BILLHOOK_WORKFLOWS."""
    try:
        return here.settings().workflows
    except NoConfiguration:
        named = os.environ.get("BILLHOOK_WORKFLOWS", "")
        return [Path(folder) for folder in named.split(os.pathsep) if folder]
