"""`billhook doctor`: what is wrong, and what to do."""

import os
from dataclasses import asdict

import typer

from workers.checkup import check_up
from workers.cli.output import print_json
from workers.cli.session import Json, session
from workers.finding import WRONG

MARKS = {"fine": "ok   ", "note": "note ", "wrong": "WRONG"}


def doctor(context: typer.Context, json: Json = False) -> None:
    """Look at everything; exit 1 where something is wrong."""
    found = check_up(session(context).config, os.environ)
    if json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            todo = f"\n         → {finding.todo}" if finding.todo else ""
            print(f"{MARKS[finding.state]}  {finding.area}: {finding.text}{todo}")
    if any(finding.state == WRONG for finding in found):
        raise typer.Exit(1)
