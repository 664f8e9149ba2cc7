"""Random stories: scenarios that nobody wrote, played by the stage of `billhook simulate`, with what the provider knew at every mail.

Used by test_stories.py of dunning and of credits. A story is the text of a scenario, so that one that breaks a rule can be kept as a file.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from workers.loading import load_folders
from workers.providers.http import Answer, Ask
from workers.registry import REGISTRY
from workers.sandbox.core import MonsumSandbox
from workers.simulate import account, happenings
from workers.simulate.play import load
from workers.simulate.scenario import Happening
from workers.simulate.stage import Stage, Wire


def examples(count: int) -> settings:
    """So many stories, the same ones each time."""
    phases = (Phase.explicit, Phase.generate)
    return settings(
        max_examples=count, deadline=None, derandomize=True, database=None, phases=phases, suppress_health_check=list(HealthCheck),
        print_blob=False,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What the provider had of every invoice when a call reached it: (outstanding, cancelled), which blocks held, and of which part."""

    at: datetime
    service: str
    said: dict[str, Any]
    owed: dict[str, Any]
    canceled: dict[str, bool]
    blocked: set[tuple[str, str]]
    parts: dict[tuple[str, str], Decimal]


class _Seen(Wire):
    """A wire that notes what every call met."""

    note: Callable[[dict[str, Any]], None]

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        self.note(json.loads(ask.body) if ask.body else {})
        return super().send(ask, before_write=before_write, started=started)


class Watched(Stage):
    """A stage that keeps a Sight of each writing call. `blocks`: (object, kind) -> the last day, None where it has none."""

    def __init__(self, *args: Any) -> None:
        self.sights: list[Sight] = []
        self.blocks: dict[tuple[str, str], date | None] = {}
        self.parts: dict[tuple[str, str], Decimal] = {}
        super().__init__(*args)

    def _wire(self, sandbox: MonsumSandbox) -> Wire:
        wire = _Seen(sandbox)
        wire.note = self._note
        self._wires.append(wire)
        wire.passes = self._pass_in_call
        return wire

    def happen(self, one: Happening) -> None:
        """Have it happen, and know of blocks what a person would know."""
        happenings.perform(self, one)
        name = one.invoice or one.customer or ""
        if one.what in happenings.BLOCKS:
            known = (name, one.what) in self.blocks
            self.blocks[name, one.what] = one.date if one.what == "promise" else _day(one.until)
            if one.amount is not None and one.invoice is not None and not known:
                self.parts[name, one.what] = one.amount
        if one.what == "release":
            self.blocks.pop((name, one.kind or "dispute"), None)
            self.parts.pop((name, one.kind or "dispute"), None)

    def _note(self, body: dict[str, Any]) -> None:
        service = str(body.get("SERVICE", ""))
        if service.endswith((".get", ".getreminders")):
            return
        today, invoices = self.now.astimezone(self.scenario.tz).date(), self.sandbox.account.invoices
        self.sights.append(
            Sight(
                at=self.now, service=service, said=body.get("DATA") or {},
                owed={id: one["OUTSTANDING_AMOUNT"] for id, one in invoices.items()},
                canceled={id: bool(one["IS_CANCELED"]) for id, one in invoices.items()},
                blocked={key for key, until in self.blocks.items() if until is None or until >= today},
                parts=dict(self.parts),
            )
        )  # fmt: skip


def _day(said: date | datetime | None) -> date | None:
    return said.date() if isinstance(said, datetime) else said


@contextmanager
def played(text: str) -> Iterator[Watched]:
    """The stage after the whole scenario of `text`."""
    load_folders()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "story.toml"
        path.write_text(text, encoding="utf-8")
        said = load(path, even_impossible=True)
    with Watched(said, REGISTRY) as stage:
        account.fill(stage)
        for one in said.happens:
            stage.at(said.instant(one.at), partial(stage.happen, one))
        stage.perform()
        yield stage


def table(name: str, **said: Any) -> str:
    """One `[[name]]` as TOML; what is None is left out."""
    lines = [f"{key} = {_toml(value)}" for key, value in said.items() if value is not None]
    return "\n".join([f"[[{name}]]", *lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    return value.isoformat() if isinstance(value, date | datetime) else json.dumps(value)


def on(start: datetime, day: int, clock: str) -> datetime:
    """The `day`-th day after the start, at a local time such as "10:07"."""
    hour, minute = map(int, clock.split(":"))
    return (start + timedelta(days=day)).replace(hour=hour, minute=minute)
