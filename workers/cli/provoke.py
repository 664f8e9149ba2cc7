"""`billhook provoke`: have the sandbox fail, move its clock, change how its notifications come, and see what came of it."""

import re
from typing import Annotated, Any

import typer

from receiver.errors import SettingsInvalid
from receiver.mistakes import unknown
from workers.cli.output import show_one, show_rows
from workers.cli.session import Json, session
from workers.provoking import Desk, desk
from workers.sandbox.faults import KINDS
from workers.sandbox.places import sandboxes

app = typer.Typer(help="Have the sandbox fail, late or early: docs/practice.md. Refused on a real account.", no_args_is_help=True)

Source = Annotated[str | None, typer.Option("--source", "-s", help="The source whose sandbox it is; else the only one.")]
Kind = Annotated[str, typer.Argument(help=f"What goes wrong: {', '.join(KINDS)}.")]
Service = Annotated[str | None, typer.Option("--service", help="Only calls of this service, such as invoice.sendbyemail.")]
Times = Annotated[int, typer.Option("--times", min=1, help="How many calls it meets.")]
Skip = Annotated[int, typer.Option("--skip", min=0, help="How many of them go well before.")]
Seconds = Annotated[float, typer.Option("--seconds", min=0, help="How long slow and drip take, and late hides.")]
Copies = Annotated[int | None, typer.Option("--copies", min=1, help="How often each is sent.")]
Lose = Annotated[int | None, typer.Option("--lose", min=0, help="How many of the next are lost.")]
Disorder = Annotated[bool | None, typer.Option("--disorder/--order", help="Shuffled, or in order again.")]
Delay = Annotated[str | None, typer.Option("--delay", help="How long each is held back: 90, 5m, 2h.")]
Advance = Annotated[str | None, typer.Option("--advance", help="How far ahead: 90, 10m, 2h, 14d. It never goes back.")]
Scale = Annotated[float | None, typer.Option("--scale", help="How much faster than the wall it runs.")]

FAULTS = ("kind", "service", "times", "skip", "seconds")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@app.command()
def fault(
    context: typer.Context, kind: Kind, service: Service = None, times: Times = 1, skip: Skip = 0, seconds: Seconds = 30.0,
    source: Source = None, json: Json = False,
) -> None:  # fmt: skip
    """Plan a fault for the calls to come; it is used up call by call."""
    there = _desk(context, source)
    if kind not in KINDS:
        raise SettingsInvalid(f"{kind} cannot be provoked: {unknown(kind, KINDS, 'fault')}")
    said = {"kind": kind, "service": service, "times": times, "skip": skip, "seconds": seconds}
    show_one({"source": there.source, **said, **there.told("faults", said)}, as_json=json)


@app.command()
def faults(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """What is still to go wrong, with the calls that are left of it."""
    _rows(context, source, "faults", FAULTS, json, "no fault is planned")


@app.command()
def clear(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """End every fault."""
    there = _desk(context, source)
    show_one({"source": there.source, **there.told("faults", {"clear": True})}, as_json=json)


@app.command()
def delivery(
    context: typer.Context, copies: Copies = None, lose: Lose = None, disorder: Disorder = None, delay: Delay = None,
    source: Source = None, json: Json = False,
) -> None:  # fmt: skip
    """Change how notifications come from now on; without an option, show it."""
    there = _desk(context, source)
    wanted = {"copies": copies, "lose": lose, "disorder": disorder, "delay_s": seconds_of(delay)}
    _show(there, "delivery", wanted, json)


@app.command()
def clock(context: typer.Context, advance: Advance = None, scale: Scale = None, source: Source = None, json: Json = False) -> None:
    """Move the clock of all sandboxes ahead, or have it run faster; without an option, show it."""
    any_of_them = source or next(iter(sandboxes(session(context).chosen())), None)
    _show(_desk(context, any_of_them), "clock", {"advance_s": seconds_of(advance), "scale": scale}, json)


@app.command()
def sent(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """Every mail and letter that the provider sent out."""
    _rows(context, source, "sent", None, json, "nothing went out")


@app.command()
def calls(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """Every call of the API, oldest first: whether it acted, and what was meant to go back."""
    _rows(context, source, "calls", ("at", "service", "acted", "status"), json, "nobody called")


@app.command()
def notifications(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """Every notification with its attempts."""
    columns = ("type", "id", "attempts", "taken", "given_up", "due_at")
    _rows(context, source, "notifications", columns, json, "there is no notification")


def seconds_of(given: str | None) -> float | None:
    """`90`, `45s`, `10m`, `2h` or `14d` in seconds; raises BadParameter for anything else."""
    if given is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", given, re.ASCII)
    if found is None:
        raise typer.BadParameter(f"write 90, 45s, 10m, 2h or 14d, not {given}")
    return float(found[1]) * UNITS[found[2]]


def _desk(context: typer.Context, source: str | None) -> Desk:
    there = desk(session(context).chosen(), source)
    context.call_on_close(there.client.close)
    return there


def _show(there: Desk, what: str, wanted: dict[str, Any], json: bool) -> None:
    """Tell the desk what was named of `wanted`, or nothing; then show what holds."""
    named = {name: value for name, value in wanted.items() if value is not None}
    show_one(there.told(what, named) if named else there.shown(what), as_json=json)


def _rows(context: typer.Context, source: str | None, what: str, columns: tuple[str, ...] | None, json: bool, nothing: str) -> None:
    rows = _desk(context, source).shown(what)[what]
    named = columns or tuple(dict.fromkeys(name for row in rows for name in row))
    show_rows(rows, named, as_json=json, nothing=nothing)
