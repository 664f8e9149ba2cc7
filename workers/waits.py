"""What a run waits for and what stops it: Facts, States and Signals, asked of the database.

Pure queries over events, blocks and the mirror; used by workers/run.py and, inside intended → calling, by workers/effects.py.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.event import BlockEvent, Event, Fact, InvoicePaid, State
from workers import desk, events, mirror
from workers.errors import StepInvalid


def awaited(connection: Connection, run: sa.RowMapping, types: Sequence[type[Event]], *, taken: set[int], on: date) -> int | None:
    """The id of the first event that satisfies a wait of this run, or None."""
    found = events.concerning(
        connection, run["source"], customer_id=run["customer_id"], invoice_id=run["invoice_id"], types=[t.type for t in types]
    )
    for recorded in found:
        kind = type(recorded.event)
        if issubclass(kind, Fact) or (issubclass(kind, State) and holds(connection, run, kind, on=on)):
            return recorded.id
        if not issubclass(kind, Fact | State) and recorded.id > began_with(run) and recorded.id not in taken:
            return recorded.id
    return None


def holds(connection: Connection, run: sa.RowMapping, state: type[Event], *, on: date) -> bool:
    """Whether a State holds now for the run's customer or invoice."""
    if issubclass(state, InvoicePaid):
        invoice = mirror.load(connection, run["source"], "invoice", run["invoice_id"]) if run["invoice_id"] else None
        return invoice is not None and invoice.state.paid
    if issubclass(state, BlockEvent) and state.block:
        return state.block in desk.blocks(
            connection, source=run["source"], customer_id=run["customer_id"], invoice_id=run["invoice_id"], on=on
        )
    raise StepInvalid(f"{state.__name__} is not a State billhook can ask about: use a block State or InvoicePaid")


def cancelled_by(connection: Connection, run: sa.RowMapping, types: Sequence[type[Event]], *, on: date) -> str | None:
    """The type of the event that cancels this run, or None: a Fact, a State that holds, or a Signal after the trigger."""
    if not types:
        return None
    found = events.concerning(
        connection, run["source"], customer_id=run["customer_id"], invoice_id=run["invoice_id"], types=[t.type for t in types]
    )
    for recorded in found:
        kind = type(recorded.event)
        if issubclass(kind, State):
            if holds(connection, run, kind, on=on):
                return recorded.event.type
        elif issubclass(kind, Fact) or recorded.id > began_with(run):
            return recorded.event.type
    return None


def began_with(run: sa.RowMapping) -> int:
    """The event a run began with: Signals before it are not for this run."""
    return int((run["reissue"] or {}).get("event_id") or run["trigger_id"])


def forbidding(connection: Connection, run: sa.RowMapping, states: Sequence[type[Event]], *, on: date) -> str | None:
    """The first of `states` that holds, by its short name, or None."""
    for state in states:
        if holds(connection, run, state, on=on):
            return str(getattr(state, "block", None) or state.type.rpartition(".")[2])
    return None


def hold_objects(connection: Connection, source: str, ids: dict[str, Any], *, alone: str | None = None) -> None:
    """Hold the mirror rows of a customer and an invoice against a block set meanwhile: customer first, that of kind `alone` for us only."""
    for kind in ("customer", "invoice"):
        if ids.get(kind):
            (mirror.lock if kind == alone else mirror.lock_shared)(connection, source, kind, ids[kind])
