"""`billhook explain KEY`: one timeline, from the wire to the provider's reference, with every reason for not acting."""

from dataclasses import asdict
from typing import Annotated

import typer

from workers.cli.output import plain, print_json, show_acts
from workers.cli.session import Json, Source, session
from workers.errors import NotHere
from workers.story import Line, story

Key = Annotated[str, typer.Argument(help="A run, effect, invoice or customer id; invoice:ID, customer:ID, delivery:ID or event:ID.")]


def explain(context: typer.Context, key: Key, source: Source = None, json: Json = False) -> None:
    """Everything that was received, decided and done about one thing, oldest first."""
    here = session(context)
    with here.database() as database, database.read() as connection:
        lines = story(connection, key, source)
    if not lines and source is not None:
        here.settings().source(source)
    if not lines:
        raise NotHere(f"nothing is known about {key}: try `billhook deliveries`, or `billhook doctor` if nothing arrives")
    if json:
        print_json([asdict(line) for line in lines])
        return
    for line in lines:
        print(_sentence(line))
    show_acts({f"{line.what}:{line.id}": line.acts for line in lines if line.acts})


def _sentence(line: Line) -> str:
    reason = f" — {plain(line.reason)}" if line.reason else ""
    return f"{plain(line.at)}  {line.what:<8}  {plain(line.text)}{reason}  [{line.id}]"
