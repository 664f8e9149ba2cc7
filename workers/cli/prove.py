"""`billhook prove`: the invariants, shown from the database or from an exported ledger."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from workers.chain import Head, head_in, heads_outside
from workers.cli.output import plain, print_json
from workers.cli.session import Json, session
from workers.errors import NotReady
from workers.prove.examine import examine, examine_ledger
from workers.prove.report import LEDGER, NOT_VOUCHED, TITLES, Report

Ledger = Annotated[Path | None, typer.Option("--ledger", help="An exported ledger to verify, instead of the database.")]
Heads = Annotated[Path | None, typer.Option("--head", help="The head kept outside: a file, or a directory of them.")]
Export = Annotated[Path | None, typer.Option("--export", help="Also write the ledger to this new file.")]
MARKS = {"holds": "ok       ", "broken": "BROKEN   ", "not shown": "not shown"}


def prove(context: typer.Context, ledger: Ledger = None, head: Heads = None, export: Export = None, json: Json = False) -> None:
    """Show that the promise was kept; exit 1 where something is broken."""
    if head is not None and not head.exists():
        raise typer.BadParameter(f"there is no {head}: --head takes a .head file or the directory of them")
    report = _of_ledger(ledger, head, export) if ledger else _of_database(context, head, export)
    (print_json(as_data(report)) if json else _print(report))
    if not report.clean:
        raise typer.Exit(1)


def _of_ledger(ledger: Path, head: Path | None, export: Path | None) -> Report:
    if export is not None:
        raise typer.BadParameter("--export writes the ledger of a database: leave out --ledger")
    if not ledger.is_file():
        raise typer.BadParameter(f"there is no file {ledger}: write one with billhook prove --export FILE")
    return examine_ledger(ledger, None if head is None else _heads(head))


def _of_database(context: typer.Context, head: Path | None, export: Path | None) -> Report:
    if head is not None and not head.is_dir():
        raise typer.BadParameter("--head takes the directory of heads here; a single file goes with --ledger")
    here = session(context)
    try:
        with here.database() as database:
            return examine(database, head or here.settings().ledger_head_dir, export)
    except FileExistsError:
        raise typer.BadParameter(f"{export} is there already: --export writes a new file") from None
    except OSError as cause:
        raise typer.BadParameter(f"{export} cannot be written: {cause.strerror}") from None
    except sa.exc.DatabaseError as cause:
        raise NotReady(f"the database cannot be read to its end: {str(cause.orig).splitlines()[0]}. Restore a backup beside it") from cause


def _heads(place: Path) -> list[Head]:
    found = heads_outside(place) if place.is_dir() else [head for head in [head_in(place)] if head]
    if not found:
        raise typer.BadParameter(f"{place} holds no head that can be read: name a worker's .head file, or the directory of them")
    return found


def as_data(report: Report) -> dict[str, Any]:
    """The report as JSON shows it."""
    results = [
        {
            "invariant": number,
            "title": title,
            "result": report.result(number),
            "note": report.notes.get(number),
            "broken": report.broken[number],
        }
        for number, title in TITLES.items()
    ]
    return {
        "clean": report.clean, "looked_at": dict(report.looked_at), "invariants": results,
        "findings": [asdict(one) for one in report.kept], "not_vouched": list(NOT_VOUCHED),
    }  # fmt: skip


def _print(report: Report) -> None:
    print("; ".join(f"{many} {what}" for what, many in report.looked_at.items()))
    for number, title in TITLES.items():
        note = f" ({report.notes[number]})" if number in report.notes else ""
        print(f"{MARKS[report.result(number)]}  {number if number != LEDGER else 'log':>3}  {title}{note}")
        for one in (one for one in report.kept if one.invariant == number):
            print(f"                → {plain(one.subject)}: {plain(one.what)}")
        if report.broken[number] > sum(one.invariant == number for one in report.kept):
            print(f"                → {report.broken[number]} in all")
    print("\nNot vouched for, whatever stands above:")
    for what in NOT_VOUCHED:
        print(f"  - {what}")
