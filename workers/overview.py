"""What a duty asks of a whole source inside a step: open invoices, spans of blocks, how fresh the data is, which runs live.

Plain functions that take the step's own connection, as in workers/lookups.py; exported to authors by workers/authoring.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.event import Event
from receiver.money import Money
from workers import control, events
from workers.desk import Block
from workers.mirror import Mirror
from workers.providers.monsum_docs import InvoiceDoc, outstanding
from workers.runs import UNFINISHED, RunRow

E = TypeVar("E", bound=Event)
AT_ONCE = 500  # ids in one statement


_BLOCK, _MIRROR = table_of(Block), table_of(Mirror)
_WHOSE: tuple[Any, Any] = (sa.bindparam("of_customer"), sa.bindparam("of_invoice"))
_OF_EITHER = sa.or_(
    *(sa.and_(_BLOCK.c.scope == scope, _BLOCK.c.object_id == id) for scope, id in zip(("customer", "invoice"), _WHOSE, strict=True))
)
_BLOCKS = (
    sa.select(_BLOCK).where(_BLOCK.c.source == sa.bindparam("of_source"), _BLOCK.c.object_id.in_(_WHOSE), _OF_EITHER).order_by(_BLOCK.c.id)
)
_OBJECTS: Any = sa.bindparam("of_objects", expanding=True)
_BLOCKS_AMONG = sa.select(_BLOCK).where(_BLOCK.c.source == sa.bindparam("of_source"), _BLOCK.c.object_id.in_(_OBJECTS))
_SETTLED = sa.or_(_MIRROR.c.paid, _MIRROR.c.canceled, _MIRROR.c.deleted)
_OPEN_INVOICES = (
    sa.select(_MIRROR.c.object_id, _MIRROR.c.fields)
    .where(_MIRROR.c.source == sa.bindparam("of_source"), _MIRROR.c.kind == "invoice", _MIRROR.c.completed, sa.not_(_SETTLED))
    .order_by(_MIRROR.c.id)
)
_OF_CUSTOMER = _OPEN_INVOICES.where(_MIRROR.c.customer_id == sa.bindparam("of_customer"))
_AMONG = _OPEN_INVOICES.where(_MIRROR.c.object_id.in_(_OBJECTS))

_CREDITS = (
    sa.select(_MIRROR.c.object_id, _MIRROR.c.fields)
    .where(_MIRROR.c.source == sa.bindparam("of_source"), _MIRROR.c.kind == "invoice", _MIRROR.c.customer_id == sa.bindparam("of_customer"))
    .where(sa.not_(_MIRROR.c.completed), sa.not_(_MIRROR.c.canceled), sa.not_(_MIRROR.c.deleted))
    .order_by(_MIRROR.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSpan:
    """One block on a customer, or on an invoice (`scope`): from `opened_at` until it was closed, or through the day `until`.

    `amount`: the part that is disputed or promised, None where it is all.
    """

    kind: str
    opened_at: datetime
    until: date | None
    closed_at: datetime | None
    scope: str = "invoice"
    amount: Money | None = None

    def holds_on(self, day: date) -> bool:
        return self.closed_at is None and (self.until is None or self.until >= day)


def open_invoices(connection: Connection, source: str, *, customer_id: str | None = None) -> list[InvoiceDoc]:
    """Completed invoices that are neither paid nor cancelled, as the mirror knows them; one that it cannot read is left out."""
    query = _OPEN_INVOICES if customer_id is None else _OF_CUSTOMER
    rows = connection.execute(
        query, {"of_source": source, "of_customer": customer_id} if customer_id is not None else {"of_source": source}
    )
    return [found for row in rows if (found := _readable(source, row.object_id, row.fields)) is not None]


def owed_on(connection: Connection, source: str, invoice_ids: Sequence[str]) -> dict[str, Money]:
    """What is outstanding on these invoices, by id, of those that are completed and neither paid nor cancelled.

    Of the amount alone: thousands of whole documents take as many milliseconds.
    """
    found: dict[str, Money] = {}
    for first in range(0, len(invoice_ids), AT_ONCE):
        for row in connection.execute(_AMONG, {"of_source": source, "of_objects": list(invoice_ids[first : first + AT_ONCE])}):
            owed = outstanding(row.fields)
            found |= {row.object_id: owed} if owed is not None else {}
    return found


def credit_documents(connection: Connection, source: str, customer_id: str) -> list[InvoiceDoc]:
    """The customer's credit documents (TYPE credit) that are not cancelled, as the mirror knows them; no field says what they credit."""
    rows = connection.execute(_CREDITS, {"of_source": source, "of_customer": customer_id})
    found = (_readable(source, row.object_id, row.fields) for row in rows if row.fields.get("type") == "credit")
    return [one for one in found if one is not None]


def owner_of_open_invoice(connection: Connection, source: str, invoice_id: str) -> str | None:
    """The customer who owes a completed invoice that is neither paid nor cancelled, as the mirror knows it, or None."""
    table = table_of(Mirror)
    named = sa.and_(table.c.source == source, table.c.kind == "invoice", table.c.object_id == invoice_id, table.c.completed)
    query = sa.select(table.c.customer_id).where(named, sa.not_(sa.or_(table.c.paid, table.c.canceled, table.c.deleted)))
    found: str | None = connection.execute(query).scalars().first()
    return found


def is_deleted_customer(connection: Connection, source: str, customer_id: str) -> bool:
    """Whether a customer is known to be deleted at the provider."""
    table = table_of(Mirror)
    named = sa.and_(table.c.source == source, table.c.kind == "customer", table.c.object_id == customer_id)
    return bool(connection.execute(sa.select(table.c.deleted).where(named)).scalars().first())


def _readable(source: str, id: str, fields: dict[str, object]) -> InvoiceDoc | None:
    try:
        return InvoiceDoc.from_fields(source, id, fields)
    except (ValueError, ValidationError):
        return None


def blocks_of(connection: Connection, source: str, *, customer_id: str, invoice_id: str) -> list[BlockSpan]:
    """Every block an invoice or its customer ever had, the oldest first."""
    rows = connection.execute(_BLOCKS, {"of_source": source, "of_customer": customer_id, "of_invoice": invoice_id})
    return [_span(row) for row in rows]


def blocks_of_invoices(connection: Connection, source: str, *, customer_id: str, invoice_ids: Sequence[str]) -> dict[str, list[BlockSpan]]:
    """The same of several invoices of one customer at once."""
    found: dict[int, Any] = {}
    for first in range(0, len(invoice_ids), AT_ONCE):
        objects = [customer_id, *invoice_ids[first : first + AT_ONCE]]
        found |= {row.id: row for row in connection.execute(_BLOCKS_AMONG, {"of_source": source, "of_objects": objects})}
    spans = [(row.scope, row.object_id, _span(row)) for _, row in sorted(found.items())]
    return {id: [span for *about, span in spans if tuple(about) in (("customer", customer_id), ("invoice", id))] for id in invoice_ids}


def _span(row: Any) -> BlockSpan:
    return BlockSpan(
        kind=row.kind, opened_at=row.opened_at, until=row.until, closed_at=row.closed_at, scope=row.scope,
        amount=Money(Decimal(row.data["amount"]), row.data["currency"]) if row.data else None,
    )  # fmt: skip


def synced_at(connection: Connection, source: str) -> datetime | None:
    """When the provider's open invoices were last read as a whole, or None."""
    said = control.get(connection, control.synced_name(source))
    return control.baseline_at(connection, source) if said is None else datetime.fromisoformat(said)


def events_of_source(connection: Connection, source: str, types: Sequence[type[E]]) -> list[E]:
    """Every event of `types` of a source, in the order recorded: for events that concern no invoice and no customer."""
    return [cast(E, recorded.event) for recorded in events.of_source(connection, source, [t.type for t in types])]


def live_keys(connection: Connection, source: str, workflow: str) -> set[str]:
    """The keys of the runs of a workflow that have not ended."""
    table = table_of(RunRow)
    own = sa.and_(table.c.source == source, table.c.workflow == workflow, table.c.status.in_(UNFINISHED))
    return set(connection.execute(sa.select(table.c.key).where(own)).scalars())
