"""What a run waits for and what stops it: Facts, States and Signals, asked of the database.

Pure queries over events, blocks and the mirror; used by workers/run.py and, inside intended → calling, by workers/effects.py.
"""

from collections.abc import Collection, Sequence
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


def customer_of(connection: Connection, source: str, invoice_id: str | None) -> str | None:
    """The customer the mirror of an invoice names, or None."""
    invoice = mirror.load(connection, source, "invoice", invoice_id) if invoice_id else None
    named = invoice.state.fields.get("customer_id") if invoice else None
    return str(named) if named else None


def holds(connection: Connection, run: sa.RowMapping, state: type[Event], *, on: date, customers: Collection[str] = ()) -> bool:
    """Whether a State holds now for the run's customer or invoice, or for one of further `customers`."""
    if issubclass(state, InvoicePaid):
        invoice = mirror.load(connection, run["source"], "invoice", run["invoice_id"]) if run["invoice_id"] else None
        return invoice is not None and invoice.state.paid
    if issubclass(state, BlockEvent) and state.block:
        concerned = {run["customer_id"] or customer_of(connection, run["source"], run["invoice_id"]), *customers}
        return any(
            state.block in desk.blocks(connection, source=run["source"], customer_id=id, invoice_id=run["invoice_id"], on=on)
            for id in concerned
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


def forbidding(
    connection: Connection, run: sa.RowMapping, states: Sequence[type[Event]], *, on: date, customers: Collection[str] = ()
) -> str | None:
    """The first of `states` that holds, by its short name, or None."""
    for state in states:
        if holds(connection, run, state, on=on, customers=customers):
            return str(getattr(state, "block", None) or state.type.rpartition(".")[2])
    return None


def hold_objects(
    connection: Connection, source: str, ids: dict[str, Any], *, customers: Collection[str] = (), alone: str | None = None
) -> None:
    """Hold the mirror rows of customers and an invoice against a block set meanwhile: customers first, kind `alone` for us only."""
    for kind, more in (("customer", customers), ("invoice", ())):
        for object_id in sorted({str(id) for id in (ids.get(kind), *more) if id}):
            (mirror.lock if kind == alone else mirror.lock_shared)(connection, source, kind, object_id)
