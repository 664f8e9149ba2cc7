"""What commands print: a table for people, JSON for programs, and one sentence where something went wrong."""

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from receiver.errors import BillhookError

Row = Mapping[str, Any]
WIDTH_IN_A_PIPE = 220


def show_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, nothing: str) -> None:
    """Print rows: with `as_json` whole, as one JSON array; else the named columns as a table, or the sentence `nothing`."""
    if as_json:
        print_json(rows)
        return
    if not rows:
        print(nothing)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(row.get(name))) for name in columns))
    _console().print(table)
    show_acts({str(row["id"]): row["acts"] for row in rows if row.get("acts")})


def show_acts(acts: Mapping[str, Sequence[str]]) -> None:
    """Print the commands that move things, each on a line of its own to be pasted; `acts` by what they move."""
    if acts:
        print("\nWhat moves it:" if len(acts) == 1 else "\nWhat moves them:")
    width = max(map(len, acts), default=0)
    for id, commands in acts.items():
        for place, command in enumerate(commands):
            print(f"{'' if place else id:<{width}}  {plain(command)}")


def show_one(row: Row, *, as_json: bool) -> None:
    """Print one row, a line for each field, and for each part of a list."""
    if as_json:
        print_json(row)
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        for place, part in enumerate(value if isinstance(value, list) and value else [value]):
            print(f"{'' if place else name:<{width}}  {plain(part)}")


def print_json(value: Any) -> None:
    """`value` as JSON on standard output; times as ISO 8601."""
    print(json_of(value))


def json_of(value: Any) -> str:
    """`value` as JSON; times as ISO 8601. What the command line prints and the console answers."""
    return json.dumps(value, default=_json_value, ensure_ascii=False)


def print_error(said: str, code: int, error: Exception) -> None:
    """What went wrong as JSON on standard output: {"error": sentence, "type": its class, "exit_code": 1 or 2, ...its ids}."""
    context = error.context if isinstance(error, BillhookError) else {}
    print_json({**context, "error": said, "type": type(error).__name__, "exit_code": code})


def complain(sentence: str) -> None:
    """One sentence on standard error; what it quotes may not move the cursor either."""
    print("\n".join(plain(line) for line in f"billhook: {sentence}".split("\n")), file=sys.stderr)


def plain(value: Any) -> str:
    """A value as a person reads it, without control characters: what came from outside may not move the cursor.

    Every kind of space, such as the one that keeps an amount and its currency together, is a plain one.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    text = json.dumps(value, default=_json_value, ensure_ascii=False) if isinstance(value, dict | list | tuple) else str(value)
    return "".join(letter if letter.isprintable() else " " if unicodedata.category(letter) == "Zs" else "�" for letter in text)


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Decimal):
        return str(value)
    return dict(value) if isinstance(value, Mapping) else str(value)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDTH_IN_A_PIPE)
