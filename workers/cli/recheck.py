"""`billhook recheck SOURCE`: what was refused for its signature, checked again with today's secret and, with --yes, taken in."""

from typing import Annotated, Any

import typer

from workers import recheck as refused
from workers.cli.output import print_json, show_rows
from workers.cli.session import Json, Reason, Session, actor, session

Place = Annotated[str, typer.Argument(metavar="SOURCE", help="The source whose secret was put right.")]
Yes = Annotated[bool, typer.Option("--yes", help="Take in what verifies; without this, only show how many those are.")]
COLUMNS = ("requests", "came_to")


def recheck(context: typer.Context, source: Place, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Check refused requests again with today's secret, and take in those that now verify."""
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        said = {"source": source, "reason": reason}
        shown = elsewhere.act("recheck", said)
        came = elsewhere.act("recheck", said, shown["confirm"])["rows"] if yes else {**shown["would"], "taken": 0}
    else:
        came = _checked(here, source, reason, yes)
    counted = came.pop("rows")
    if json:
        print_json(came)
        return
    show_rows(counted, COLUMNS, as_json=False, nothing="nothing was refused there for its signature")
    if came["verify"]:
        print(f"{came['taken']} taken in" if yes else f"{len(came['verify'])} would be taken in; add --yes to do it")


def _checked(here: Session, name: str, reason: str, yes: bool) -> dict[str, Any]:
    """What checking came to here, and with `yes` how many were taken in."""
    place, taken = here.settings().source(name), 0
    secrets = here.settings().door_secrets(place.name)
    with here.database() as database:
        with database.read() as connection:
            found = refused.check(connection, place, secrets)
        if yes and found.verify:
            through, who = found.through, actor()
            taken = database.write(
                lambda c: refused.take_in(c, place, secrets, through=through, at=database.machine_now(c), actor=who, reason=reason)
            )
    return {**told(found), "rows": rows(found), "taken": taken}


def rows(found: refused.Checked) -> list[dict[str, Any]]:
    """What checking came to, counted by what came of each."""
    counted = {"verify now": len(found.verify), "are here already, or came twice": found.here}
    counted |= {f"not taken in: {why}": count for why, count in found.why_not.items()}
    counted["were only counted and not kept: their sender has to repeat them"] = found.uncounted
    return [{"requests": count, "came_to": said} for said, count in counted.items() if count]


def told(found: refused.Checked) -> dict[str, Any]:
    """The same for programs."""
    return {
        "verify": found.verify, "here": found.here, "why_not": dict(found.why_not), "not_kept": found.uncounted, "through": found.through,
        "more": found.more,
    }  # fmt: skip
