"""What happens now, in one look: pace, what stands in line, money at risk, what is held back, replays, modes.

Used by the page Now, its stream and `billhook top`, so that all tell the same. Cheap at any size: samples of the last rows, counts up to
a limit (workers/pace.py, workers/backlog.py). What moves is asked each time; what stands, such as modes, may be asked less often.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers import breaker, control, drain, holds, modes, pulse, replays
from workers.backlog import Backlog, Count, backlog, counted, together
from workers.console.read.needs import totals
from workers.console.read.waiting import counts
from workers.desk import Parked
from workers.ledger import EffectRow
from workers.pace import Pace, pace
from workers.registry import Registry
from workers.replays import Progress

RISK_OF = 1_000
TREND = timedelta(minutes=5)
AT_RISK = {"proposed": "waits for a yes", "unknown": "may have happened", "parked": "stopped"}

_EFFECT, _PARKED = table_of(EffectRow), table_of(Parked)
_AMOUNT = sa.select(_EFFECT.c.amount).where(_EFFECT.c.amount.is_not(None))
_STOPPED = _AMOUNT.join(_PARKED, _PARKED.c.effect_id == _EFFECT.c.id).where(
    _PARKED.c.closed_at.is_(None), _EFFECT.c.state.not_in(("proposed", "unknown"))
)
_HELD = [sa.select(_EFFECT.c.id).where(_EFFECT.c.state == state) for state in ("approved", "intended")]  # IN may cost the index


@dataclass(frozen=True, kw_only=True)
class Risk:
    """Money whose outcome a person holds or nobody knows. `more`: only the first RISK_OF effects of a kind were added up."""

    why: str
    effects: int
    totals: dict[str, Decimal]
    more: bool


@dataclass(frozen=True, kw_only=True)
class Drain:
    """How the line shrinks: `minutes` until it is empty; None where it does not shrink, or nothing is known of the last minutes.

    `per_minute`: at which rate an operator lets a frozen backlog of `held` effects go; None where there is no such drain.
    """

    in_line: int
    minutes: float | None
    grows: bool
    held: Count
    per_minute: int | None


@dataclass(frozen=True, kw_only=True)
class Pause:
    """One pause. `words` says what it holds, `source` and `workflow` are "" for every one."""

    words: str
    reason: str
    source: str
    workflow: str


@dataclass(frozen=True, kw_only=True)
class Moving:
    """What changes from second to second."""

    at: datetime
    pace: Pace
    backlog: Backlog
    risk: list[Risk]
    drain: Drain
    frozen: str | None
    pauses: list[Pause]
    breakers: list[dict[str, Any]]
    needs: dict[str, int]

    @property
    def needed(self) -> int:
        """How many things wait for a person."""
        return sum(self.needs.values())


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What changes seldom. `modes`: by source, the workflows in each mode, in the order of control.MODES from auto down."""

    modes: dict[str, dict[str, list[str]]]
    replays: list[Progress]


def moving(connection: Connection, *, now: datetime) -> Moving:
    """What changes from second to second, at `now`."""
    line = backlog(connection, now=now)
    return Moving(
        at=now, pace=pace(connection, now=now), backlog=line, risk=risk(connection), drain=_drain(connection, line, now),
        frozen=control.frozen(connection), pauses=_pauses(connection), breakers=breaker.opened(connection), needs=counts(connection),
    )  # fmt: skip


def standing(
    connection: Connection, *, now: datetime, sources: Mapping[str, str], registry: Registry, policies: Mapping[str, Mapping[str, Any]]
) -> Standing:
    """What changes seldom. `sources`: the kind of each by its name."""
    told = {source: _modes(connection, source, kind, registry, policies) for source, kind in sources.items()}
    return Standing(modes=told, replays=replays.under_way(connection, now=now))


def _modes(
    connection: Connection, source: str, kind: str, registry: Registry, policies: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[str]]:
    found = modes.switches(connection, source, kind, registry, policies)
    of_mode = {mode: [one.workflow for one in found if one.mode == mode] for mode in reversed(control.MODES)}
    return {mode: names for mode, names in of_mode.items() if names}


def risk(connection: Connection) -> list[Risk]:
    """The money that waits for a yes, may have moved, or is stopped."""
    queries = {state: _AMOUNT.where(_EFFECT.c.state == state) for state in ("proposed", "unknown")} | {"parked": _STOPPED}
    found = {state: connection.execute(query.limit(RISK_OF + 1)).scalars().all() for state, query in queries.items()}
    return [
        Risk(why=AT_RISK[state], effects=len(amounts[:RISK_OF]), totals=totals(amounts[:RISK_OF]), more=len(amounts) > RISK_OF)
        for state, amounts in found.items()
        if amounts
    ]


def _drain(connection: Connection, line: Backlog, now: datetime) -> Drain:
    """From how the line changed since the pulse of TREND ago, and from the rate of a drain."""
    rate = (control.get(connection, drain.NAME) or {}).get("per_minute")
    held = together(counted(connection, query) for query in _HELD) if rate else Count(0)
    before = next(iter(pulse.since(connection, now - TREND)), None)
    spent = (now - before["at"]) / timedelta(minutes=1) if before is not None else 0.0
    shrinks = (before["backlog"] - line.in_line) / spent if before is not None and spent > 0 else 0.0
    minutes = line.in_line / shrinks if shrinks > 0 and line.in_line else None
    if rate and held.number:
        minutes = max(minutes or 0.0, held.number / rate)
    return Drain(
        in_line=line.in_line, minutes=None if minutes is None else round(minutes, 1), grows=shrinks < 0 and line.in_line > 0, held=held,
        per_minute=rate,
    )  # fmt: skip


def _pauses(connection: Connection) -> list[Pause]:
    found = []
    for name, value in sorted(control.named(connection, "pause:").items()):
        _, source, workflow = name.split(":", 2)
        whose = {"source": source.removeprefix("*"), "workflow": workflow.removeprefix("*")}
        found.append(Pause(words=holds.pause_in_words(name), reason=value["reason"], **whose))
    return found
