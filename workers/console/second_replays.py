"""The rule of two people for a replay: what it would start by itself, in mode auto, and comes to more than one person may decide about.

Called by the page Replay. The first yes is kept in `control` for exactly these events and this workflow, with its money and with what was
asked for, so that the second person finds it on the page; what waits for approvals anyway is decided there. What one person orders alone
is counted with what that person approves alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from workers import control
from workers.console import alone
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


def money(previews: Iterable[Preview]) -> dict[str, Decimal]:
    """What would start in mode auto comes to, by currency."""
    sums: dict[str, Decimal] = {}
    for one in (preview for preview in previews if preview.mode == "auto"):
        for currency, total in one.totals.items():
            sums[currency] = sums.get(currency, Decimal()) + total
    return sums


def heavy(connection: Connection, sums: Mapping[str, Decimal], person: Person, *, limits: Limits, at: datetime) -> list[str]:
    """The currencies in which so much is too much for this person alone, after what was decided alone before."""
    if not limits.any:
        return []
    before = alone.lately(connection, who(person.name), at=at)
    return sorted(currency for currency, total in sums.items() if is_heavy(total, before.get(currency, Decimal()), limits))


def alone_or_held(connection: Connection, sums: Mapping[str, Decimal], person: Person, *, limits: Limits, at: datetime) -> bool:
    """Whether a replay that comes to so much is this person's alone; it is then counted. Not for a replay that is ordered already."""
    if not limits.any:
        return True
    alone.await_turn(connection, who(person.name), at=at)
    if heavy(connection, sums, person, limits=limits, at=at):
        return False
    if limits.a_day is not None and any(sums.values()):
        alone.add(connection, who(person.name), sums, at=at)
    return True


def yes(
    connection: Connection, name: str, person: Person, *, events: int, sums: Mapping[str, Decimal], said: Mapping[str, str], reason: str,
    at: datetime,
) -> Verdict:  # fmt: skip
    """What a yes to a replay that takes two people comes to. `name` stands for its events and its workflow; `sums` is its money by
    currency: a first yes to less is none to this."""
    if person.name.startswith("token:"):
        return Verdict.NOBODY
    kept = control.get(connection, PREFIX + name)
    first = First(by=kept["by"], at=datetime.fromisoformat(kept["at"]), bound=name) if kept else None
    if first is None or not first.counts(name, at=at) or _is_more(sums, kept["money"]):
        value = {
            "by": person.name, "at": at.isoformat(), "events": events, "said": {key: text for key, text in said.items() if text},
            "money": {currency: str(total) for currency, total in sums.items()},
        }  # fmt: skip
        control.put(connection, PREFIX + name, value, at=at, actor=person.name)
        control.audited(connection, "replay.first", at=at, actor=person.name, subject=name[:12], reason=reason, detail={"events": events})
        return Verdict.FIRST
    if who(first.by) == who(person.name):
        return Verdict.SAME
    control.put(connection, PREFIX + name, None, at=at)
    return Verdict.ENOUGH


def _is_more(sums: Mapping[str, Decimal], then: Mapping[str, str]) -> bool:
    return any(total > Decimal(then.get(currency, "0")) for currency, total in sums.items())


def waiting(connection: Connection, *, at: datetime) -> list[Waiting]:
    """The replays that wait for a second person, the oldest first."""
    found = [
        Waiting(by=kept["by"], at=datetime.fromisoformat(kept["at"]), events=kept["events"], said=kept["said"])
        for kept in control.named(connection, PREFIX).values()
    ]
    return sorted((one for one in found if at < one.at + APPROVAL_LIFE), key=lambda one: one.at)
