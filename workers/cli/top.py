"""`billhook top`: what happens now, in the terminal, with the numbers of the console's first page."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from receiver.db import Database
from workers.cli.output import plain, print_json
from workers.cli.remote import Remote, timed
from workers.cli.session import Json, session
from workers.console.figures import age, rate, span, until
from workers.console.read.now import Moving, Standing, moving, standing
from workers.loading import load_folders
from workers.settings import WorkerSettings

Once = Annotated[bool, typer.Option("--once", help="Look once and end.")]
Every = Annotated[float, typer.Option("--every", min=0.5, max=3600, help="Look again after so many seconds.")]
Looked = tuple[Moving, Standing]
_MOVING, _STANDING = TypeAdapter(Moving), TypeAdapter(Standing)


def top(context: typer.Context, once: Once = False, every: Every = 2.0, json: Json = False) -> None:
    """What happens now, again and again: arrivals, what stands in line, latencies, money at risk, what is held. Ctrl-C ends it."""
    here, once_only = session(context), once or not (json or sys.stdout.isatty())
    if (elsewhere := here.elsewhere()) is not None:
        _show(_looks_there(elsewhere, every, once=once_only), once, json)
        return
    with here.database() as database:
        _show(_looks(here.chosen(), database, every, once=once_only), once, json)


def _show(looks: Iterator[Looked], once: bool, json: bool) -> None:
    try:
        if json:
            for looked in looks:
                print_json(as_json(*looked))
        elif once or not sys.stdout.isatty():
            Console(highlight=False).print(shown(*next(looks)))
        else:
            _live(looks)
    except KeyboardInterrupt:
        return


def _looks_there(elsewhere: Remote, every: float, *, once: bool) -> Iterator[Looked]:
    """The looks of a console elsewhere."""
    while True:
        found = elsewhere.look("now", {})
        moves = {**found, "breakers": [timed(one) for one in found["breakers"]]}
        yield _MOVING.validate_python(moves), _STANDING.validate_python(found)
        if once:
            return
        time.sleep(every)


def _looks(chosen: WorkerSettings, database: Database, every: float, *, once: bool) -> Iterator[Looked]:
    registry = load_folders(chosen.settings.workflows)
    kinds = {name: source.kind for name, source in chosen.settings.sources.items()}
    while True:
        with database.read() as connection:
            now = database.machine_now(connection)
            stands = standing(connection, now=now, sources=kinds, registry=registry, policies=chosen.policies)
            looked = moving(connection, now=now), stands
        yield looked
        if once:
            return
        time.sleep(every)


def _live(looks: Iterator[Looked]) -> None:
    with Live(screen=True, auto_refresh=False) as screen:
        for looked in looks:
            screen.update(shown(*looked), refresh=True)


def as_json(moves: Moving, stands: Standing) -> dict[str, Any]:
    """Everything as an object; counts as {"number": N, "more": whether there are others}."""
    return {**asdict(moves), "needed": moves.needed, **asdict(stands)}


def shown(moves: Moving, stands: Standing) -> RenderableType:
    """What the terminal shows."""
    parts: list[RenderableType] = [Text(f"billhook  {plain(moves.at)}", style="bold"), _line(moves), *_held(moves), *_risk(moves)]
    for one in stands.replays:
        parts.append(Text(f"replay {plain(one.replay)}: {one.done} of {one.ordered} done, {one.due} due, {one.later} later"))
    parts += [Text(f"{source}: {_modes(of_mode)}") for source, of_mode in stands.modes.items()]
    return Group(*parts)


def _line(moves: Moving) -> Table:
    line, pace, drain = moves.backlog, moves.pace, moves.drain
    ends = (
        "empty"
        if not drain.in_line
        else "grows"
        if drain.grows
        else ""
        if drain.minutes is None
        else f"empty in {span(drain.minutes * 60)}"
    )
    rows = (
        ("arriving", f"{rate(pace.arrived)} a minute", "routing", _latency(pace.routing.median_s, pace.routing.p95_s)),
        ("to route", f"{line.unrouted}{_age(line.oldest_unrouted, moves)}", "calls", _latency(pace.calls.median_s, pace.calls.p95_s)),
        ("ready", f"{line.ready}{_age(line.oldest_run, moves)}", "answered", f"{rate(pace.answered)} a minute"),
        ("running", str(line.running), "line", ends),
        ("waiting", str(line.waiting), "parked", str(line.parked)),
        ("needs you", str(moves.needed), "", ", ".join(f"{name} {count}" for name, count in moves.needs.items() if count)),
    )
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    for row in rows:
        table.add_row(*(Text(cell, style="dim" if place in (0, 2) else "") for place, cell in enumerate(row)))
    return table


def _held(moves: Moving) -> Iterator[Text]:
    if moves.frozen:
        yield Text(f"FROZEN: {plain(moves.frozen)} (billhook unfreeze)", style="bold red")
    for one in moves.breakers:
        tries = until(one["next_try"], moves.at)
        yield Text(f"{plain(one['source'])} does not answer: {one['failures']} failures, tries {tries}", style="bold red")
    for pause in moves.pauses:
        yield Text(f"paused {pause.words}: {plain(pause.reason)}", style="yellow")


def _risk(moves: Moving) -> Iterator[Text]:
    for one in moves.risk:
        money = " + ".join(f"{total} {currency}" for currency, total in one.totals.items())
        yield Text(f"at risk: {money}{' and more' if one.more else ''} {one.why} ({one.effects} effects)", style="yellow")


def _modes(of_mode: dict[str, list[str]]) -> str:
    return "; ".join(f"{mode} {', '.join(names)}" for mode, names in of_mode.items())


def _age(at: Any, moves: Moving) -> str:
    return f", oldest {age(at, moves.at)}" if at is not None else ""


def _latency(median_s: float | None, p95_s: float | None) -> str:
    return "none in the last hour" if median_s is None else f"{span(median_s)}, 95 % {span(p95_s)}"
