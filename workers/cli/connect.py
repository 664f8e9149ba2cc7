"""`billhook connect`: walks a person through connecting a provider, and can be broken off and repeated.

Where standard input is no terminal nobody is asked anything; a secret is shown on a terminal alone, when it is made or with --show-secret.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.settings import Settings, SourceSettings
from workers import connecting, control, doorcheck, runfile
from workers.addresses import door_address
from workers.cli.output import complain, plain, print_json
from workers.cli.session import Json, Session, session
from workers.connecting import DONE, TODO, WAITS, WRONG, Step, Watch
from workers.limits import Patient
from workers.mirror import Mirror
from workers.providers.guides import GUIDES
from workers.settings import build

WAIT_S = 300.0
LATELY = timedelta(hours=1)
MARKS = {DONE: "ok   ", TODO: "TODO ", WAITS: "note ", WRONG: "WRONG"}
FOUND = {"fine": DONE, "note": WAITS, "wrong": WRONG}
Address = Annotated[str, typer.Option("--address", help="Your public address, as https://billhook.example.com; else the door's own.")]
Wait = Annotated[
    float | None, typer.Option("--wait", min=0, help="How many seconds to wait for the first delivery; 300 on a terminal, else 0.")
]
Show = Annotated[bool, typer.Option("--show-secret", help="Show the URL with its secret, on a terminal.")]


def connect(
    context: typer.Context, source: Annotated[str, typer.Argument(help="The source's name.")], address: Address = "", wait: Wait = None,
    show_secret: Show = False, json: Json = False,
) -> None:  # fmt: skip
    """Connect a provider: secrets, login, what to enter there, what it holds already, and its first delivery. Can be repeated."""
    here = session(context)
    walk = Walk(here, here.settings().source(source), json)
    with here.database() as database:
        walk.through(database, address, _wait_s(wait), show_secret)
        with database.read() as connection:
            held = _held(connection, source)
    if json:
        print_json({"source": source, **held, "enter": walk.lines, "steps": [asdict(step) for step in walk.steps]})
    else:
        print(", ".join(f"{name} {plain(value)}" for name, value in held.items()))
    if any(step.state in (TODO, WRONG) for step in walk.steps):
        raise typer.Exit(1)


class Walk:
    """One go through the steps; each is printed when it is done."""

    def __init__(self, here: Session, source: SourceSettings, json: bool) -> None:
        self._here, self._source, self._json = here, source, json
        self._guide = GUIDES[source.kind]
        self.steps: list[Step] = []
        self.lines: list[str] = []

    def through(self, database: Database, address: str, wait_s: float, show_secret: bool) -> None:
        """Every step that can be done now."""
        settings, name, guide = self._here.settings(), self._source.name, self._guide
        step, fresh = connecting.secrets(self._source, guide, settings.secrets_dir, os.environ, _ask)
        self._say(step)
        self._enter(settings, address, fresh, show_secret)
        if why := connecting.usable(lambda: settings.door_secrets(name)):
            self._say(Step(step="door", state=WRONG, says=why))
        for finding in doorcheck.receiver(settings, runfile.read(settings.data_dir)):
            self._say(Step(step="receiver", state=FOUND[finding.state], says=finding.text, todo=finding.todo))
        if step.state == DONE:
            self._ask_provider(database, settings, wait_s)

    def _ask_provider(self, database: Database, settings: Settings, wait_s: float) -> None:
        name, guide = self._source.name, self._guide
        runtime = build(self._here.chosen(), database=database, only=name)
        runtime.meter = Patient(runtime.db, runtime.clock)
        if guide.proves is not None:
            self._say(connecting.login(runtime, name, guide))
            if self.steps[-1].state != DONE:
                return
            if (there := connecting.registered(runtime, name, guide, connecting.door_of(settings, name))) is not None:
                self._say(there)
            self._say(connecting.history(runtime, name))
        if getattr(runtime.accounts[name].client, "polls", False):
            self._say(Step(step="delivery", state=DONE, says="messages are polled every minute"))
            return
        if wait_s and not self._json:
            print(f"Waiting up to {wait_s:.0f} s for the first delivery: {self._guide.first}. Ctrl-C ends this.")
        watch = Watch(runtime=runtime, source=name, since=datetime.now(UTC) - LATELY, told=complain, first=self._guide.first)
        self._say(watch.until_delivered(wait_s))

    def _enter(self, settings: Settings, address: str, fresh: str | None, show_secret: bool) -> None:
        """What to enter at the provider; the secret itself only on a terminal."""
        door = connecting.door_of(settings, self._source.name)
        running = runfile.read(settings.data_dir)
        base = address.rstrip("/") or (running.receiver if running else door_address(settings))
        self.lines = connecting.entered(self._source, self._guide, door, base)
        if self._json:
            return
        secret = (door.paths[0] if door.paths else None) if (show_secret or fresh) and sys.stdout.isatty() else None
        for line in connecting.entered(self._source, self._guide, door, base, secret=secret):
            print(f"       {line}")
        if not address and not base.startswith("https:"):
            print("       The address is this machine's own: put the one your proxy answers at in its place, or name it with --address.")

    def _say(self, step: Step) -> None:
        self.steps.append(step)
        if not self._json:
            todo = f"\n         → {step.todo}" if step.todo else ""
            print(f"{MARKS[step.state]}  {step.step}: {plain(step.says)}{todo}", flush=True)


def _ask(name: str, what: str, hidden: bool) -> str | None:
    """What a person types, or None where nobody can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    typed: str = typer.prompt(f"{name}: {what}", default="", show_default=False, hide_input=hidden)
    return typed or None


def _wait_s(wait: float | None) -> float:
    return wait if wait is not None else WAIT_S if sys.stdout.isatty() else 0.0


def _held(connection: Connection, source: str) -> Mapping[str, Any]:
    """When the baseline was read, and how many objects are known."""
    table = table_of(Mirror)

    def count(kind: str) -> int:
        counted = sa.select(sa.func.count()).select_from(table).where(table.c.source == source, table.c.kind == kind)
        return int(connection.execute(counted).scalar_one())

    return {"baseline_at": control.baseline_at(connection, source), "customers": count("customer"), "invoices": count("invoice")}
