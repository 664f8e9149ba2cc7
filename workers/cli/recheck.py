"""`billhook recheck SOURCE`: what was refused for its signature, checked again with today's secret and, with --yes, taken in."""

from typing import Annotated, Any

import typer

from workers import recheck as refused
from workers.cli.output import print_json, show_rows
from workers.cli.session import Json, Reason, actor, session

Place = Annotated[str, typer.Argument(metavar="SOURCE", help="The source whose secret was put right.")]
Yes = Annotated[bool, typer.Option("--yes", help="Take in what verifies; without this, only show how many those are.")]
COLUMNS = ("requests", "came_to")


def recheck(context: typer.Context, source: Place, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Check refused requests again with today's secret, and take in those that now verify."""
    here = session(context)
    place, taken = here.settings().source(source), 0
    secrets = here.settings().door_secrets(place.name)
    with here.database() as database:
        with database.read() as connection:
            found = refused.check(connection, place, secrets)
        if yes and found.verify:
            through, who = found.through, actor()
            taken = database.write(
                lambda c: refused.take_in(c, place, secrets, through=through, at=database.machine_now(c), actor=who, reason=reason)
            )
    if json:
        print_json({**told(found), "taken": taken})
        return
    show_rows(rows(found), COLUMNS, as_json=False, nothing="nothing was refused there for its signature")
    if found.verify:
        print(f"{taken} taken in" if yes else f"{len(found.verify)} would be taken in; add --yes to do it")


def rows(found: refused.Checked) -> list[dict[str, Any]]:
    """What checking came to, counted by what came of each."""
    counted = {"verify now": len(found.verify), "are here already, or came twice": found.here, **found.why_not}
    counted["were only counted and not kept: their sender has to repeat them"] = found.uncounted
    return [{"requests": count, "came_to": said} for said, count in counted.items() if count]


def told(found: refused.Checked) -> dict[str, Any]:
    """The same for programs."""
    return {
        "verify": found.verify, "here": found.here, "why_not": dict(found.why_not), "not_kept": found.uncounted, "through": found.through,
        "more": found.more,
    }  # fmt: skip
