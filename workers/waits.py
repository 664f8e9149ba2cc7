"""What a run waits for and what stops it: Facts, States and Signals, asked of the database.

Pure queries over events, blocks and the mirror; used by workers/run.py and, inside intended → calling, by workers/effects.py.
"""

from collections.abc import Collection, Sequence
from datetime import date
from itertools import zip_longest
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
        if _comes_once(run, recorded.event):
            if recorded.id > began_with(run) and recorded.id not in taken:
                return recorded.id
        elif issubclass(kind, Fact) or holds(connection, run, kind, on=on):
            return recorded.id
    return None


def _comes_once(run: sa.RowMapping, event: Event) -> bool:
    """Whether a run is given this event as it came, once: a Signal, and whatever an invoice of its customer came to."""
    return not isinstance(event, Fact | State) or (run["invoice_id"] is None and getattr(event, "invoice_id", None) is not None)


def customer_of(connection: Connection, source: str, invoice_id: str | None) -> str | None:
    """The customer the mirror of an invoice names, or None."""
    invoice = mirror.load(connection, source, "invoice", invoice_id) if invoice_id else None
    named = invoice.state.fields.get("customer_id") if invoice else None
    return str(named) if named else None


def holds(
    connection: Connection,
    run: sa.RowMapping,
    state: type[Event],
    *,
    on: date,
    customers: Collection[str] = (),
    invoices: Collection[str] = (),
) -> bool:
    """Whether a State holds now for the run's customer or invoice, or for one of further `customers` and `invoices`."""
    if issubclass(state, InvoicePaid):
        known = (mirror.load(connection, run["source"], "invoice", id) for id in _about(run, invoices))
        return any(invoice is not None and invoice.state.paid for invoice in known)
    if issubclass(state, BlockEvent) and state.block:
        return state.block in _blocks(connection, run, on=on, customers=customers, invoices=invoices)
    raise StepInvalid(f"{state.__name__} is not a State billhook can ask about: use a block State or InvoicePaid")


def _about(run: sa.RowMapping, invoices: Collection[str]) -> list[str]:
    return sorted({str(id) for id in (run["invoice_id"], *invoices) if id})


def _blocks(connection: Connection, run: sa.RowMapping, *, on: date, customers: Collection[str], invoices: Collection[str]) -> set[str]:
    """Every kind of block that holds now for the run's customer or invoice, or for one of the others."""
    source = run["source"]
    own = run["customer_id"] or customer_of(connection, source, run["invoice_id"])
    pairs = zip_longest(sorted({str(id) for id in (own, *customers) if id}), _about(run, invoices))
    return {kind for c, i in pairs for kind in desk.blocks(connection, source=source, customer_id=c, invoice_id=i, on=on)}


def cancelled_by(connection: Connection, run: sa.RowMapping, types: Sequence[type[Event]], *, on: date) -> str | None:
    """The type of the event that cancels this run, or None: a Fact, a State that holds, or a Signal after the trigger."""
    if not types:
        return None
    found = events.concerning(
        connection, run["source"], customer_id=run["customer_id"], invoice_id=run["invoice_id"], types=[t.type for t in types]
    )
    for recorded in found:
        kind = type(recorded.event)
        if _comes_once(run, recorded.event):
            if recorded.id > began_with(run):
                return recorded.event.type
        elif issubclass(kind, Fact) or holds(connection, run, kind, on=on):
            return recorded.event.type
    return None


def began_with(run: sa.RowMapping) -> int:
    """The event a run began with: Signals before it are not for this run."""
    return int((run["reissue"] or {}).get("event_id") or run["trigger_id"])


def forbidding(
    connection: Connection,
    run: sa.RowMapping,
    states: Sequence[type[Event]],
    *,
    on: date,
    customers: Collection[str] = (),
    invoices: Collection[str] = (),
) -> str | None:
    """The first of `states` that holds, by its short name, or None. Blocks are read once for all of them."""
    named: dict[str, Any] = {"on": on, "customers": customers, "invoices": invoices}
    blocks = _blocks(connection, run, **named) if any(_block_of(state) for state in states) else set()
    for state in states:
        block = _block_of(state)
        if block in blocks if block else holds(connection, run, state, **named):
            return str(block or state.type.rpartition(".")[2])
    return None


def _block_of(state: type[Event]) -> str | None:
    return state.block if issubclass(state, BlockEvent) else None


def hold_objects(
    connection: Connection,
    source: str,
    ids: dict[str, Any],
    *,
    customers: Collection[str] = (),
    invoices: Collection[str] = (),
    alone: str | None = None,
) -> None:
    """Hold the mirror rows of customers and invoices against a block set meanwhile: customers first, kind `alone` for us only."""
    for kind, more in (("customer", customers), ("invoice", invoices)):
        for object_id in sorted({str(id) for id in (ids.get(kind), *more) if id}):
            (mirror.lock if kind == alone else mirror.lock_shared)(connection, source, kind, object_id)
