"""What replaying stored events would do, before anything is ordered: what starts, what would be skipped at once and why, and the money.

Called by the CLI; writes nothing. It knows the modes, the instant of the switch and the slots; what a workflow itself decides when it
looks at the object, only the run tells.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers import control, engine, events, ledger, mirror, modes, policies, runs
from workers.errors import NotHere
from workers.registry import Registry, Workflow, concerns

AT_ONCE = 500  # events, keys or invoices in one statement
OFF, OBSERVES, BEFORE = "the workflow is off", "it only observes, and calls nothing", "completed before the switch at"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What replaying these events would do for one workflow of one source.

    `start`: runs that would begin and go on. `live`: a run of the key is under way and would look again. `skip`: those that would not
    start, or end at once; `why` says for what reason. `done`: of those that start, how many objects already have an effect of the
    workflow that is done, whose slot stays taken. `totals`: printed totals per currency of the invoices of the others that start.
    """

    source: str
    workflow: str
    mode: str
    start: int = 0
    live: int = 0
    skip: int = 0
    done: int = 0
    why: str = ""
    totals: dict[str, Decimal] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Sum:
    """A Preview being counted. `switched_at` is None where the workflow takes what is older too; `keys`: each event with its run's key."""

    mode: str
    switched_at: datetime | None
    keys: list[tuple[str, events.Recorded]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)

    def why(self) -> str:
        """Why something is skipped, or why nothing that starts is called; empty where all goes its way."""
        if self.mode == "off":
            return OFF
        before = f"{BEFORE} {self.switched_at:%Y-%m-%d %H:%M} UTC" if self.counts["skip"] else ""
        return "; ".join(filter(None, (before, OBSERVES if self.mode == "observe" else "")))


def preview(connection: Connection, registry: Registry, firsts: dict[str, str], ids: Iterable[int], only: str | None) -> list[Preview]:
    """What a replay of these events would do, by source and workflow; `firsts` are billhook.toml's modes.

    Asks AT_ONCE events at a time. Raises NotHere for an event that nobody here can read any more.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    for recorded in _loaded(connection, sorted(set(ids))):
        for workflow in registry.started_by(recorded.event):
            key = engine.key_of(workflow, recorded) if only in (None, workflow.name) else None
            if key is not None:
                place = (recorded.event.source, workflow.name)
                if place not in sums:
                    sums[place] = _sum(connection, place[0], workflow, firsts)
                sums[place].keys.append((key, recorded))
    for (source, name), one in sums.items():
        for first in range(0, len(one.keys), AT_ONCE):
            _count(connection, one, source, name, one.keys[first : first + AT_ONCE])
    return [
        Preview(
            source=source, workflow=workflow, mode=one.mode, start=one.counts["start"], live=one.counts["live"], skip=one.counts["skip"],
            done=one.counts["done"], why=one.why(), totals={currency: Decimal(total) for currency, total in one.totals.items()},
        )
        for (source, workflow), one in sorted(sums.items())
    ]  # fmt: skip


def _loaded(connection: Connection, ids: Sequence[int]) -> Iterator[events.Recorded]:
    """The stored events. Raises NotHere."""
    for first in range(0, len(ids), AT_ONCE):
        some = ids[first : first + AT_ONCE]
        rows = events.rows_of(connection, some)
        for event_id in some:
            try:
                yield events.recorded_of(rows[event_id])
            except (KeyError, ValidationError):
                known = "its type or its shape is known to no workflow here: load the one that has it, or leave the event out"
                raise NotHere(f"Event {event_id} cannot be replayed: {known}") from None


def _sum(connection: Connection, source: str, workflow: Workflow, firsts: dict[str, str]) -> _Sum:
    mode = modes.in_force(connection, source, workflow, firsts.get(workflow.name, "observe"))
    return _Sum(mode=mode, switched_at=control.switched_at(connection, source, workflow.name) if workflow.only_new else None)


def _count(connection: Connection, found: _Sum, source: str, workflow: str, keys: Sequence[tuple[str, events.Recorded]]) -> None:
    if found.mode == "off":
        found.counts["skip"] += len(keys)
        return
    live = runs.live_keys(connection, source, workflow, {key for key, _ in keys})
    starting: list[str | None] = []
    for key, recorded in keys:
        if key[:256] in live:
            found.counts["live"] += 1
        elif found.switched_at is not None and recorded.event.at < found.switched_at:
            found.counts["skip"] += 1
        else:
            starting.append(concerns(recorded.event)[1])
    invoices = {id for id in starting if id}
    done = _done(connection, source, workflow, invoices)
    totals = _totals(connection, source, invoices - done)
    found.counts["start"] += len(starting)
    found.counts["done"] += sum(id in done for id in starting)
    for id in starting:
        found.totals.update(totals.get(id or "", {}))


def unlike_running(connection: Connection, workflow: str, policy: type[BaseModel], written: Mapping[str, Any]) -> list[str]:
    """The fields in which the policy of the last run that began differs from the one written now; none where none began yet."""
    run, own = table_of(runs.RunRow), {name: value for name, value in written.items() if name != "mode"}
    last = sa.select(run.c.policy_id).where(run.c.workflow == workflow, run.c.policy_id.is_not(None)).order_by(run.c.started_at.desc())
    policy_id = connection.execute(last.limit(1)).scalar_one_or_none()
    if policy_id is None:
        return []
    now, then = policy.model_validate(own).model_dump(mode="json"), policies.body_of(connection, policy_id)
    return sorted(name for name in {*now, *then} if now.get(name) != then.get(name))


def _done(connection: Connection, source: str, workflow: str, object_ids: Collection[str]) -> set[str]:
    """Those of the objects that already have an effect of the workflow that is done."""
    table = table_of(ledger.EffectRow)
    own = sa.and_(table.c.source == source, table.c.object_id.in_(sorted(object_ids)))
    query = sa.select(table.c.object_id).where(own, table.c.workflow == workflow, table.c.state == "done")
    return set(connection.execute(query).scalars())


def _totals(connection: Connection, source: str, invoice_ids: Collection[str]) -> dict[str, dict[str, Decimal]]:
    """Each invoice's printed total by its currency, where the mirror knows both."""
    table = table_of(mirror.Mirror)
    named = sa.and_(table.c.source == source, table.c.kind == "invoice", table.c.object_id.in_(sorted(invoice_ids)))
    rows = connection.execute(sa.select(table.c.object_id, table.c.fields).where(named))
    return {row.object_id: _total(row.fields or {}) for row in rows}


def _total(fields: Mapping[str, Any]) -> dict[str, Decimal]:
    try:
        return {str(fields.get("currency") or "?"): Decimal(fields["total"])}
    except (KeyError, TypeError, InvalidOperation):
        return {}
