"""`billhook explain KEY`: one timeline, from the wire to the provider's reference, with every reason for not acting."""

import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from workers import keys
from workers.cli.output import complain, plain, print_json, show_acts
from workers.cli.session import Json, Source, session
from workers.errors import NotHere
from workers.keys import Fit
from workers.story import PREFIXES, Line, Told, split, told

MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"]
Key = Annotated[
    str, typer.Argument(help="An id, an invoice's or customer's number, an e-mail address; invoice:ID, customer:ID, run:ID and so on.")
]  # fmt: skip


Until = Annotated[datetime | None, typer.Option("--until", formats=MOMENTS, help="Only what happened up to this instant, UTC.")]


def explain(context: typer.Context, key: Key, source: Source = None, until: Until = None, json: Json = False) -> None:
    """Everything that was received, decided and done about one thing, oldest first; of a long story the newest lines."""
    here, until = session(context), until.replace(tzinfo=UTC) if until else None
    if (elsewhere := here.elsewhere()) is not None:
        warning, story = elsewhere.story(key, source, until)
        _show(key, warning, story, json)
        return
    with here.database() as database, database.read() as connection:
        found, story = story_of(connection, key, source, until)
    lines = story.lines
    if not lines and source is not None:
        here.settings().source(source)
    if not lines:
        raise _nothing(key, found)
    _show(key, keys.told(key, found) if len(found) > 1 else "", story, json)


def _show(key: str, warning: str, story: Told, json: bool) -> None:
    lines = story.lines
    if warning:
        complain(warning)
    if story.older is not None:
        complain(f"these are the newest {len(lines)} lines: `{older_of(key, story.older)}` tells what was before")
    if json:
        print_json([asdict(line) for line in lines])
        return
    for line in lines:
        print(_sentence(line))
    show_acts({f"{line.what}:{line.id}": line.acts for line in lines if line.acts})


def older_of(key: str, older: datetime) -> str:
    """The command that goes on with a story."""
    return shlex.join(["billhook", "explain", key, "--until", f"{older.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"])


def story_of(
    connection: Connection, key: str, source: str | None, until: datetime | None = None, most: int | None = None
) -> tuple[list[Fit], Told]:
    """What else a key fits, and the story of the key as an id and of all it fits, each line once, oldest first."""
    found = [] if split(key)[0] else keys.fits(connection, key, source)
    return found, told(connection, [(key, source), *((fit.key, fit.source) for fit in found)], until=until, most=most)


def _nothing(key: str, found: list[Fit]) -> Exception:
    word = keys.prefix_of(key)
    if word is not None and word not in PREFIXES:
        return typer.BadParameter(f"{word}: is not known; before the colon stands one of {', '.join(PREFIXES)}")
    if found:
        known = ", ".join(f"{fit.key} on {fit.source} ({fit.why})" for fit in found)
        return NotHere(f"{known} is known, and nothing happened with it since billhook watches: see `billhook deliveries`")
    return NotHere(f"nothing is known about {key}: try `billhook deliveries`, or `billhook doctor` if nothing arrives")


def _sentence(line: Line) -> str:
    reason = f" — {line.reason}" if line.reason else ""
    return plain(f"{plain(line.at)}  {line.what:<8}  {line.text}{reason}  [{line.id}]")
