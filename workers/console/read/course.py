"""The course of a run in time: each step, how long it waited, each effect from its plan to its outcome, and what is still to come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers import ledger, runs
from workers.journal import JournalRow

STEPS_MAX = 80
WAITS = ("sleep", "wait")
Shape = Literal["step", "wait", "effect"]

_JOURNAL, _EFFECT = table_of(JournalRow), table_of(ledger.EffectRow)
_TIMES = ("id", "step", "state", "intended_at", "calling_at", "settled_at", "wake_at")


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line of the picture, from `begin` to `end`; `called_at`: when an effect's call began. `open`: it is not over yet."""

    name: str
    shape: Shape
    begin: datetime
    end: datetime
    said: str
    called_at: datetime | None = None
    state: str = ""
    open: bool = False


@dataclass(frozen=True, kw_only=True)
class Course:
    """A run's bars in their order. `now` where it is not over yet; `left_out`: how many of its first steps are not shown."""

    begin: datetime
    end: datetime
    now: datetime | None
    bars: list[Bar]
    left_out: int = 0


def course(connection: Connection, run: Mapping[str, Any], *, now: datetime) -> Course | None:
    """The course of a run, or None where it has done nothing yet."""
    steps = sa.select(_JOURNAL.c.name, _JOURNAL.c.kind, _JOURNAL.c.at).where(_JOURNAL.c.run_id == run["id"])
    entries = connection.execute(steps.order_by(_JOURNAL.c.id.desc()).limit(STEPS_MAX + 1)).mappings().all()
    query = (
        sa.select(*(_EFFECT.c[name] for name in _TIMES)).where(_EFFECT.c.run_id == run["id"]).order_by(_EFFECT.c.id.desc()).limit(STEPS_MAX)
    )
    effects = {row["step"]: row for row in reversed(connection.execute(query).mappings().all())}
    more = len(entries) > STEPS_MAX
    bars = [*_past(list(reversed(entries))[int(more) :], effects, run["started_at"]), *_open(entries, effects, run, now)]
    if not bars:
        return None
    live = run["status"] in runs.UNFINISHED
    ends = [bar.end for bar in bars] + ([now] if live else [run["ended_at"] or bars[-1].end])
    return Course(
        begin=min(run["started_at"], *(bar.begin for bar in bars)), end=max(ends), now=now if live else None, bars=bars, left_out=more
    )


def _past(entries: Sequence[sa.RowMapping], effects: dict[str, sa.RowMapping], started_at: datetime) -> Iterator[Bar]:
    """The journal's entries; each began when the one before was over."""
    before = started_at
    for entry in sorted(entries, key=lambda one: one["at"]):
        effect = effects.get(entry["name"])
        if effect is not None:
            yield _effect(effect, effect["settled_at"] or entry["at"], still=False)
        else:
            waited = entry["kind"] in WAITS
            yield Bar(
                name=entry["name"], shape="wait" if waited else "step", begin=before if waited else entry["at"], end=entry["at"],
                said="waited" if waited else entry["kind"],
            )  # fmt: skip
        before = max(before, entry["at"])


def _open(entries: Sequence[sa.RowMapping], effects: dict[str, sa.RowMapping], run: Mapping[str, Any], now: datetime) -> Iterator[Bar]:
    """Effects the journal does not have yet, and what the run waits for."""
    known = {entry["name"] for entry in entries}
    for step, effect in effects.items():
        if step not in known and (effect["state"] in ledger.OPEN or not known):
            yield _effect(effect, max(effect["settled_at"] or now, effect["intended_at"]), still=effect["state"] in ledger.OPEN)
    if run["status"] == "waiting":
        begin = max((entry["at"] for entry in entries), default=run["started_at"])
        until = run["wake_at"] or now
        yield Bar(name="waits", shape="wait", begin=begin, end=max(until, begin), said=run["reason"] or "waits until then", open=True)


def _effect(row: sa.RowMapping, end: datetime, *, still: bool) -> Bar:
    return Bar(
        name=row["step"], shape="effect", begin=row["intended_at"], end=max(end, row["intended_at"]), called_at=row["calling_at"],
        said=row["state"], state=row["state"], open=still,
    )  # fmt: skip
