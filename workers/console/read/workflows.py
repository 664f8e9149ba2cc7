"""The workflows of every source: their mode, what holds them, what is under way, and how the last runs ended.

Used by the page Workflows. What is under way is counted in the index of live runs; how runs ended among the last RECENT only.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers import control, modes, runs
from workers.registry import Registry

RECENT = 5_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """One workflow on one source. `live` and `ended` count runs by status and by outcome; `pauses` are those that hold it, with why."""

    source: str
    workflow: str
    mode: str
    note: str
    about: str
    file: str
    live: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    pauses: dict[str, str] = field(default_factory=dict)

    @property
    def bad(self) -> int:
        """How many of the runs that ended, or stand still, did not go as they should."""
        return self.live.get("parked", 0) + self.ended.get("failed", 0)


def rows(connection: Connection, kinds: Mapping[str, str], registry: Registry, policies: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Every workflow of every source for whose kind it is, by name. `kinds`: the kind of each source."""
    live, ended = _counted(connection, _LIVE), _counted(connection, _ENDED)
    paused = control.named(connection, "pause:")
    found = []
    for source, kind in kinds.items():
        for switch in modes.switches(connection, source, kind, registry, policies):
            workflow = registry.get(switch.workflow)
            key = (source, switch.workflow)
            pauses = {name: str(paused[name]["reason"]) for name in control.pauses_of(*key) if name in paused}
            about = (workflow.fn.__doc__ or "").strip().partition("\n")[0] if workflow else ""
            found.append(
                Row(
                    source=source, workflow=switch.workflow, mode=switch.mode, note=switch.note, about=about,
                    file=workflow.file if workflow else "", live=dict(live.get(key, {})), ended=dict(ended.get(key, {})), pauses=pauses,
                )
            )  # fmt: skip
    return found


_RUN = table_of(runs.RunRow)
_LIVE = (
    sa.select(_RUN.c.source, _RUN.c.workflow, _RUN.c.status, sa.func.count())
    .where(sa.text(runs.LIVE))
    .group_by(_RUN.c.source, _RUN.c.workflow, _RUN.c.status)
)
_LAST = sa.select(_RUN.c.source, _RUN.c.workflow, _RUN.c.outcome).order_by(_RUN.c.id.desc()).limit(RECENT).subquery()
_ENDED = (
    sa.select(_LAST.c.source, _LAST.c.workflow, _LAST.c.outcome, sa.func.count())
    .where(_LAST.c.outcome.is_not(None))
    .group_by(_LAST.c.source, _LAST.c.workflow, _LAST.c.outcome)
)


def _counted(connection: Connection, query: sa.Select[Any]) -> dict[tuple[str, str], Counter[str]]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for source, workflow, word, count in connection.execute(query):
        counts.setdefault((source, workflow), Counter())[word] += count
    return counts
