"""The rule of two people for a replay: what it would start by itself, in mode auto, and comes to more than one person may decide about.

Called by the page Replay. The first yes is kept in `control` for exactly these events and this workflow, with what was asked for, so that
the second person finds it on the page; what waits for approvals anyway is decided there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from workers import control
from workers.console.roles import Person
from workers.console.second import First, Verdict, is_heavy, who
from workers.console.settings import Limits
from workers.operator import APPROVAL_LIFE
from workers.previews import Preview

PREFIX = "approval:replay:"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A replay that somebody said yes to and that takes a second person: of how many events, and what was asked for."""

    by: str
    at: datetime
    events: int
    said: Mapping[str, str]


def heavy(previews: Iterable[Preview], limits: Limits) -> list[str]:
    """The currencies in which what would start in mode auto is too much for one person."""
    sums: dict[str, Decimal] = {}
    for one in (preview for preview in previews if preview.mode == "auto"):
        for currency, total in one.totals.items():
            sums[currency] = sums.get(currency, Decimal()) + total
    return sorted(currency for currency, total in sums.items() if is_heavy(total, Decimal(), limits))


def yes(
    connection: Connection, name: str, person: Person, *, events: int, said: Mapping[str, str], reason: str, at: datetime
) -> Verdict:  # fmt: skip
    """What a yes to a replay that takes two people comes to. `name` stands for its events and its workflow."""
    if person.name.startswith("token:"):
        return Verdict.NOBODY
    kept = control.get(connection, PREFIX + name)
    first = First(by=kept["by"], at=datetime.fromisoformat(kept["at"]), bound=name) if kept else None
    if first is None or not first.counts(name, at=at):
        value = {"by": person.name, "at": at.isoformat(), "events": events, "said": {key: text for key, text in said.items() if text}}
        control.put(connection, PREFIX + name, value, at=at, actor=person.name)
        control.audited(connection, "replay.first", at=at, actor=person.name, subject=name[:12], reason=reason, detail={"events": events})
        return Verdict.FIRST
    if who(first.by) == who(person.name):
        return Verdict.SAME
    control.put(connection, PREFIX + name, None, at=at)
    return Verdict.ENOUGH


def waiting(connection: Connection, *, at: datetime) -> list[Waiting]:
    """The replays that wait for a second person, the oldest first."""
    found = [
        Waiting(by=kept["by"], at=datetime.fromisoformat(kept["at"]), events=kept["events"], said=kept["said"])
        for kept in control.named(connection, PREFIX).values()
    ]
    return sorted((one for one in found if at < one.at + APPROVAL_LIFE), key=lambda one: one.at)
