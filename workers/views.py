"""Read-only views for operators: lists with filters, and one row whole.

Used by the command line. Queries only; the tables belong to the files that write them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from receiver.db import table_of
from receiver.inbox import Delivery
from workers.desk import Alert, Parked, Task
from workers.events import EventRow
from workers.ledger import EffectRow
from workers.runs import RunRow

Row = dict[str, Any]
ROW_MAX = 2**63 - 1
BIG = ("body", "headers", "request", "reply", "before", "data")


@dataclass(frozen=True, kw_only=True)
class View:
    """A list over one table, newest first. `filters` maps an option's name to a column; `shown` are the columns of its table."""

    name: str
    model: type[SQLModel]
    shown: tuple[str, ...]
    filters: Mapping[str, str]
    order: str
    only: str | None = None
    extra: tuple[str, ...] = field(default=())

    def rows(self, connection: Connection, wanted: Mapping[str, str], limit: int) -> list[Row]:
        """At most `limit` rows that match every wanted filter; large fields are left out."""
        table = table_of(self.model)
        columns = [column for column in table.c if column.name not in BIG]
        query = sa.select(*columns).where(*(table.c[self.filters[name]] == value for name, value in wanted.items()))
        if self.only is not None:
            query = query.where(sa.text(self.only))
        order = table.c[self.order].desc()
        return [dict(row) for row in connection.execute(query.order_by(order).limit(limit)).mappings()]

    def one(self, connection: Connection, id: str) -> Row | None:
        """The whole row with this id, or None."""
        table = table_of(self.model)
        numbered = isinstance(table.c.id.type, sa.Integer)
        key = row_number(id) if numbered else id
        found = connection.execute(sa.select(table).where(table.c.id == key)).mappings().first()
        return dict(found) if found is not None else None


def row_number(text: str) -> int | None:
    """The row id that `text` is, or None: a person wrote it, and a database takes no number of twenty digits."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(ROW_MAX)) else 0
    return number if 0 < number <= ROW_MAX else None


OBJECTS = {"source": "source", "invoice": "invoice_id", "customer": "customer_id"}

VIEWS = {
    view.name: view
    for view in (
        View(
            name="deliveries", model=Delivery, order="id", filters={"source": "source", "type": "native_type", "state": "outcome"},
            shown=("id", "received_at", "source", "origin", "native_type", "native_id", "repeats", "outcome", "reason"),
        ),
        View(
            name="events", model=EventRow, order="id", filters={**OBJECTS, "type": "type"},
            shown=("id", "recorded_at", "source", "type", "customer_id", "invoice_id", "delivery_id", "outcome"),
        ),
        View(
            name="runs", model=RunRow, order="started_at", filters={**OBJECTS, "state": "status", "type": "workflow"},
            shown=("id", "started_at", "source", "workflow", "key", "mode", "status", "outcome", "reason", "wake_at"),
        ),
        View(
            name="effects", model=EffectRow, order="intended_at",
            filters={"source": "source", "state": "state", "type": "service", "customer": "customer_id", "invoice": "object_id"},
            shown=("id", "intended_at", "source", "service", "object_kind", "object_id", "state", "reason", "reference"),
        ),
        View(
            name="parked", model=Parked, order="id", filters={"source": "source", "type": "kind"}, only="closed_at IS NULL",
            shown=("id", "opened_at", "source", "kind", "subject", "reason", "effect_id", "run_id"),
        ),
        View(
            name="approvals", model=EffectRow, order="intended_at", only="state = 'proposed'",
            filters={"source": "source", "type": "service", "customer": "customer_id", "invoice": "object_id"},
            shown=("id", "intended_at", "source", "service", "object_id", "customer_id", "amount", "valid_until"),
        ),
        View(
            name="alerts", model=Alert, order="id", filters={"source": "source", "type": "reason"}, only="closed_at IS NULL",
            shown=("id", "last_at", "source", "subject", "reason", "count"),
        ),
        View(
            name="tasks", model=Task, order="id", filters={"source": "source", "type": "reason"}, only="closed_at IS NULL",
            shown=("id", "opened_at", "source", "name", "reason", "run_id"),
        ),
    )
}  # fmt: skip
