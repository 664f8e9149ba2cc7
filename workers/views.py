"""Read-only views for operators: lists with filters, and one row whole.

Used by the command line. Queries only; the tables belong to the files that write them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from receiver.db import table_of
from receiver.inbox import Delivery, Refusal
from workers import advice, outgoing
from workers.control import Audit
from workers.desk import Alert, Parked, Task
from workers.events import EventRow
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.runs import RunRow

Row = dict[str, Any]
ROW_MAX = 2**63 - 1
BIG = ("body", "headers", "request", "reply", "before", "data")


@dataclass(frozen=True, kw_only=True)
class View:
    """A list over one table, newest first. `filters` maps an option's name to a column; `shown` are the columns of its table.

    A value is the column's own, but for `since`, from which instant on, and `reason`, how the reason begins.

    `more` gives what is told of each row beside its columns, `whole` what `show` tells of one.
    """

    name: str
    model: type[SQLModel]
    shown: tuple[str, ...]
    filters: Mapping[str, str]
    order: str
    only: str | None = None
    more: Callable[[Connection, Row], Row] | None = None
    whole: Callable[[Connection, Row], Row] | None = None

    def rows(self, connection: Connection, wanted: Mapping[str, Any], limit: int) -> list[Row]:
        """At most `limit` rows that match every wanted filter; large fields are left out."""
        table = table_of(self.model)
        columns = [column for column in table.c if column.name not in BIG]
        query = sa.select(*columns).where(*(_fits(name, table.c[self.filters[name]], value) for name, value in wanted.items()))
        if self.only is not None:
            query = query.where(sa.text(self.only))
        order = table.c[self.order].desc()
        found = [dict(row) for row in connection.execute(query.order_by(order).limit(limit)).mappings()]
        return [{**row, **(self.more(connection, row) if self.more else {})} for row in found]

    def one(self, connection: Connection, id: str) -> Row | None:
        """The whole row with this id, or None."""
        table = table_of(self.model)
        numbered = isinstance(table.c.id.type, sa.Integer)
        key = row_number(id) if numbered else id
        found = connection.execute(sa.select(table).where(table.c.id == key)).mappings().first()
        tells = self.whole or self.more
        return None if found is None else {**found, **(tells(connection, dict(found)) if tells else {})}


def _fits(option: str, column: sa.Column[Any], value: Any) -> sa.ColumnElement[bool]:
    if option == "reason":
        return column.startswith(value, autoescape=True)
    return sa.and_(column >= value if option == "since" else column == value)


def row_number(text: str) -> int | None:
    """The row id that `text` is, or None: a person wrote it, and a database takes no number of twenty digits."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(ROW_MAX)) else 0
    return number if 0 < number <= ROW_MAX else None


def _run(connection: Connection, run: Row) -> Row:
    """What the run sent, is about to send, or in mode observe would have sent, and when, oldest first; and what moves it."""
    effect, entry = table_of(EffectRow), table_of(JournalRow)
    rows = connection.execute(sa.select(effect).where(effect.c.run_id == run["id"])).mappings()
    found = [(row["settled_at"] or row["intended_at"], row["step"], row["state"], row["service"], row["request"]) for row in rows]
    steps = connection.execute(sa.select(entry).where(entry.c.run_id == run["id"], entry.c.kind == "effect")).mappings()
    seen = [(row["at"], row["name"], row["result"]) for row in steps if row["result"]["state"] == "observed"]
    found += [(at, step, "observed", result["service"], result.get("request") or {}) for at, step, result in seen]
    sends = [
        {"at": at, "step": step, "state": state, "service": service, **outgoing.outgoing(connection, run["source"], service, request)}
        for at, step, state, service, request in found
    ]
    told = {**advice.open_matters(connection, run), **advice.of_run(connection, run)}
    return {"sends": sorted(sends, key=lambda one: one["at"]), **told}


def _item(connection: Connection, row: Row) -> Row:
    return advice.of_parked(connection, row) if row["closed_at"] is None else {}


def _task(connection: Connection, row: Row) -> Row:
    return advice.of_task(connection, row) if row["closed_at"] is None else {}


def _alert(connection: Connection, row: Row) -> Row:
    return advice.of_alert(connection, row) if row["closed_at"] is None else {}


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
            name="runs", model=RunRow, order="started_at", more=advice.open_matters, whole=_run,
            filters={**OBJECTS, "state": "status", "type": "workflow", "workflow": "workflow", "reason": "reason", "since": "started_at"},
            shown=("id", "started_at", "source", "workflow", "key", "mode", "status", "outcome", "reason", "told", "wake_at"),
        ),
        View(
            name="effects", model=EffectRow, order="intended_at", whole=advice.of_effect,
            filters={"source": "source", "state": "state", "type": "service", "customer": "customer_id", "invoice": "object_id"},
            shown=("id", "intended_at", "source", "service", "object_kind", "object_id", "state", "reason", "reference"),
        ),
        View(
            name="parked", model=Parked, order="id", more=_item, filters={"source": "source", "type": "kind"}, only="closed_at IS NULL",
            shown=("id", "opened_at", "source", "kind", "invoice_id", "customer_id", "reason", "known"),
        ),
        View(
            name="approvals", model=EffectRow, order="intended_at", more=advice.of_effect, only="state = 'proposed'",
            filters={"source": "source", "type": "service", "customer": "customer_id", "invoice": "object_id"},
            shown=("id", "intended_at", "source", "object_id", "customer_id", "reason", "known", "valid_until"),
        ),
        View(
            name="alerts", model=Alert, order="id", more=_alert, only="closed_at IS NULL",
            filters={"source": "source", "type": "reason", "state": "state"},
            shown=("id", "last_at", "source", "subject", "reason", "known", "count", "state"),
        ),
        View(
            name="tasks", model=Task, order="id", more=_task, filters={"source": "source", "type": "reason"}, only="closed_at IS NULL",
            shown=("id", "opened_at", "source", "reason", "invoice_id", "customer_id", "known"),
        ),
        View(
            name="refusals", model=Refusal, order="id", filters={"source": "source", "cause": "cause"},
            shown=("id", "at", "source", "status", "cause", "detail", "method", "peer", "seen"),
        ),
        View(
            name="audit", model=Audit, order="id", filters={"type": "act", "since": "at"},
            shown=("id", "at", "actor", "act", "subject", "reason"),
        ),
    )
}  # fmt: skip
