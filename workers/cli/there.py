"""An act given to a console elsewhere: what would happen is shown and asked about, then exactly that is confirmed.

Used by every command that acts, where --remote names a console. Without --yes a person is asked on the terminal; a program says --yes.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from workers.cli.output import complain, plain, show_rows
from workers.cli.remote import Remote

ADD_YES = "nothing was done: --remote asks on a terminal before it acts; add --yes to do it without being asked"


def carried(elsewhere: Remote, act: str, said: Mapping[str, Any], *, yes: bool, json: bool) -> Any:
    """The rows of what came of an act. Raises BadParameter where nobody can be asked, Exit where the answer is no."""
    if not yes and (json or not sys.stdin.isatty()):
        raise typer.BadParameter(ADD_YES)
    shown = elsewhere.act(act, said)
    if not yes:
        _show(shown)
        print("Do it? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            complain("nothing was done")
            raise typer.Exit(1)
    return elsewhere.act(act, said, shown["confirm"])["rows"]


def done(
    elsewhere: Remote, act: str, said: Mapping[str, Any], columns: Sequence[str], *, yes: bool, json: bool, nothing: str = ""
) -> None:  # fmt: skip
    """Carry out an act and print its rows. Exit 1 where nobody has routed it yet."""
    rows = carried(elsewhere, act, said, yes=yes, json=json)
    for row in rows:
        if row.get("warning"):
            complain(f"warning: {plain(row['warning'])}")
    show_rows(rows, columns, as_json=json, nothing=nothing)
    if any(row.get("outcome") == "waiting" for row in rows):
        raise typer.Exit(1)


def _show(shown: Mapping[str, Any]) -> None:
    """What would happen, on standard error: standard output is for what came of it."""
    lines = [shown["title"], shown["does"]]
    for one in shown["about"]:
        lines += [f"  {name}  {plain(value)}" for name, value in one.items() if value not in (None, "")]
    lines += [f"- {line}" for line in shown["preview"]]
    lines += [f"warning: {line}" for line in shown["warnings"]]
    for line in [*lines, *([shown["undo"]] if shown["undo"] else [])]:
        print(plain(line), file=sys.stderr)
