"""What replaying stored events would do, before anything is ordered: what starts, what would be skipped at once and why, and the money.

Called by the CLI; writes nothing. It knows the modes, the instant of the switch and the slots; what a workflow itself decides when it
looks at the object, only the run tells.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
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
    """A Preview being counted. `switched_at` is None where the workflow takes what is older too."""

    mode: str
    switched_at: datetime | None
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

    Raises NotHere for an event that nobody here can read any more.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    for event_id in ids:
        recorded = _load(connection, event_id)
        for workflow in registry.started_by(recorded.event):
            key = engine.key_of(workflow, recorded) if only in (None, workflow.name) else None
            if key is not None:
                place = (recorded.event.source, workflow.name)
                if place not in sums:
                    sums[place] = _sum(connection, place[0], workflow, firsts)
                _count(connection, sums[place], workflow.name, key, recorded)
    return [
        Preview(
            source=source, workflow=workflow, mode=one.mode, start=one.counts["start"], live=one.counts["live"], skip=one.counts["skip"],
            done=one.counts["done"], why=one.why(), totals={currency: Decimal(total) for currency, total in one.totals.items()},
        )
        for (source, workflow), one in sorted(sums.items())
    ]  # fmt: skip


def _load(connection: Connection, event_id: int) -> events.Recorded:
    try:
        return events.load(connection, event_id)
    except (KeyError, ValidationError):
        known = "its type or its shape is known to no workflow here: load the one that has it, or leave the event out"
        raise NotHere(f"Event {event_id} cannot be replayed: {known}") from None


def _sum(connection: Connection, source: str, workflow: Workflow, firsts: dict[str, str]) -> _Sum:
    mode = modes.in_force(connection, source, workflow, firsts.get(workflow.name, "observe"))
    return _Sum(mode=mode, switched_at=control.switched_at(connection, source, workflow.name) if workflow.only_new else None)


def _count(connection: Connection, found: _Sum, workflow: str, key: str, recorded: events.Recorded) -> None:
    source, (_, invoice_id) = recorded.event.source, concerns(recorded.event)
    if found.mode == "off":
        found.counts["skip"] += 1
    elif runs.is_live(connection, source, workflow, key):
        found.counts["live"] += 1
    elif found.switched_at is not None and recorded.event.at < found.switched_at:
        found.counts["skip"] += 1
    else:
        found.counts["start"] += 1
        if invoice_id and _is_done(connection, source, workflow, invoice_id):
            found.counts["done"] += 1
        elif invoice_id:
            found.totals.update(_total(connection, source, invoice_id))


def unlike_running(connection: Connection, workflow: str, policy: type[BaseModel], written: Mapping[str, Any]) -> list[str]:
    """The fields in which the policy of the last run that began differs from the one written now; none where none began yet."""
    run, own = table_of(runs.RunRow), {name: value for name, value in written.items() if name != "mode"}
    last = sa.select(run.c.policy_id).where(run.c.workflow == workflow, run.c.policy_id.is_not(None)).order_by(run.c.started_at.desc())
    policy_id = connection.execute(last.limit(1)).scalar_one_or_none()
    if policy_id is None:
        return []
    now, then = policy.model_validate(own).model_dump(mode="json"), policies.body_of(connection, policy_id)
    return sorted(name for name in {*now, *then} if now.get(name) != then.get(name))


def _is_done(connection: Connection, source: str, workflow: str, object_id: str) -> bool:
    table = table_of(ledger.EffectRow)
    done = sa.and_(table.c.source == source, table.c.object_id == object_id, table.c.workflow == workflow, table.c.state == "done")
    return connection.execute(sa.select(table.c.id).where(done).limit(1)).first() is not None


def _total(connection: Connection, source: str, invoice_id: str) -> dict[str, Decimal]:
    held = mirror.load(connection, source, "invoice", invoice_id)
    fields = held.state.fields if held else {}
    try:
        return {str(fields.get("currency") or "?"): Decimal(fields["total"])}
    except (KeyError, TypeError, InvalidOperation):
        return {}
