"""Read-only views for operators: lists with filters, and one row whole.

Used by the command line. Queries only; the tables belong to the files that write them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
from workers.runs import UNFINISHED, RunRow

Row = dict[str, Any]
ROW_MAX, AMONG = 2**63 - 1, 100_000
SLACK = timedelta(hours=1)  # rows made at once by several processes lie this far apart at most
BIG = ("body", "headers", "request", "reply", "before", "data")


@dataclass(frozen=True, kw_only=True)
class View:
    """A list over one table, newest first. `filters` maps an option's name to a column; `shown` are the columns of its table.

    A value is the column's own, but for `since`, from which instant on, and `reason`, how the reason begins.

    `more` gives what is told of rows beside their columns, one for each, `whole` what `show` tells of one. `indexed`: the options that
    an index answers, each with the values for which it does, none for all; `large`: everything else is looked for row by row.
    """

    name: str
    model: type[SQLModel]
    shown: tuple[str, ...]
    filters: Mapping[str, str]
    order: str
    only: str | None = None
    more: Callable[[Connection, Sequence[Row]], Sequence[Row]] | None = None
    whole: Callable[[Connection, Row], Row] | None = None
    indexed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    large: bool = False

    def rows(self, connection: Connection, wanted: Mapping[str, Any], limit: int, *, above: Any = None) -> list[Row]:
        """At most `limit` rows that match every wanted filter, of those with an id above `above`; large fields are left out."""
        table = table_of(self.model)
        columns = [column for column in table.c if column.name not in BIG]
        fits: list[Any] = [_fits(name, table.c[self.filters[name]], value) for name, value in wanted.items()]
        fits += [sa.text(self.only)] if self.only is not None else []
        fits += [table.c.id > above] if above is not None else []
        fits += self._bounds(connection, table, wanted)
        query = sa.select(*columns).where(*fits).order_by(table.c.id.desc()).limit(limit)
        found = [dict(row) for row in connection.execute(query).mappings()]
        found.sort(key=lambda row: row[self.order], reverse=True)
        return told_more(self, connection, found)

    def horizon(self, connection: Connection, wanted: Mapping[str, Any]) -> Any:
        """The id down to which rows are looked through, AMONG of them, where no index finds what is wanted; None where there is no end."""
        named = {name: value for name, value in wanted.items() if name != "since"}
        found = any(name in self.indexed and value in (self.indexed[name] or (value,)) for name, value in named.items())
        if not self.large or not named or found:
            return None
        table = table_of(self.model)
        return connection.execute(sa.select(table.c.id).order_by(table.c.id.desc()).offset(AMONG).limit(1)).scalar_one_or_none()

    def _bounds(self, connection: Connection, table: sa.Table, wanted: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
        """What follows from the filters and lets an index be used: every index on an object begins with the source, ids follow time."""
        bounds: list[sa.ColumnElement[bool]] = []
        if self.large and not wanted.get("source") and wanted.keys() & {"customer", "invoice"}:
            bounds.append(table.c.source.in_(sources_in(connection, table)))
        if self.large and "since" in wanted:
            before = newest_before(connection, table, self.filters["since"], wanted["since"] - SLACK)
            bounds += [table.c.id >= before] if before is not None else []
        return bounds

    def one(self, connection: Connection, id: str) -> Row | None:
        """The whole row with this id, or None."""
        table = table_of(self.model)
        numbered = isinstance(table.c.id.type, sa.Integer)
        key = row_number(id) if numbered else id
        found = connection.execute(sa.select(table).where(table.c.id == key)).mappings().first()
        if found is None:
            return None
        row = dict(found)
        return {**row, **self.whole(connection, row)} if self.whole else told_more(self, connection, [row])[0]


def told_more(view: View, connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """The rows with what is told of them beside their columns."""
    return [{**row, **told} for row, told in zip(rows, view.more(connection, rows), strict=True)] if view.more else list(rows)


def sources_in(connection: Connection, table: sa.Table) -> list[str]:
    """Every source that stands in a table, one look for each into an index that begins with it."""
    found = [""]
    while (after := connection.execute(sa.select(sa.func.min(table.c.source)).where(table.c.source > found[-1])).scalar_one()) is not None:
        found.append(after)
    return found[1:]


def newest_before(connection: Connection, table: sa.Table, at: str, until: datetime) -> Any:
    """The largest id whose row came before `until`, found by halving: ids are given in the order of time, a few rows apart."""
    low, high = (connection.execute(sa.select(end(table.c.id))).scalar_one() for end in (sa.func.min, sa.func.max))  # one look each
    if low is None:
        return None
    numbered = isinstance(low, int)
    width = 0 if numbered else len(high)
    bottom, top = (low, high) if numbered else (int(low, 16), int(high, 16))
    while bottom < top:
        middle = (bottom + top + 1) // 2
        mark = middle if numbered else f"{middle:0{width}x}"
        row = connection.execute(sa.select(table.c[at]).where(table.c.id >= mark).order_by(table.c.id).limit(1)).scalar_one_or_none()
        if row is not None and row < until:
            bottom = middle
        else:
            top = middle - 1
    return bottom if numbered else f"{bottom:0{width}x}"


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
    told = {**advice.open_matters(connection, [run])[0], **advice.of_run(connection, run)}
    return {"sends": sorted(sends, key=lambda one: one["at"]), **told}


def _each(tells: Callable[[Connection, Row], Row]) -> Callable[[Connection, Sequence[Row]], list[Row]]:
    """What is told of each row while it is open."""
    return lambda connection, rows: [tells(connection, row) if row.get("closed_at") is None else {} for row in rows]


OBJECT: Mapping[str, tuple[str, ...]] = {"customer": (), "invoice": ()}
OBJECTS = {"source": "source", "invoice": "invoice_id", "customer": "customer_id"}

VIEWS = {
    view.name: view
    for view in (
        View(
            name="deliveries", model=Delivery, order="id", large=True,
            filters={"source": "source", "type": "native_type", "state": "outcome"},
            shown=("id", "received_at", "source", "origin", "native_type", "native_id", "repeats", "outcome", "reason"),
        ),
        View(
            name="events", model=EventRow, order="id", filters={**OBJECTS, "type": "type"}, indexed=OBJECT, large=True,
            shown=("id", "recorded_at", "source", "type", "customer_id", "invoice_id", "delivery_id", "outcome"),
        ),
        View(
            name="runs", model=RunRow, order="started_at", more=advice.open_matters, whole=_run,
            indexed={**OBJECT, "state": UNFINISHED}, large=True,
            filters={**OBJECTS, "state": "status", "type": "workflow", "workflow": "workflow", "reason": "reason", "since": "started_at"},
            shown=("id", "started_at", "source", "workflow", "key", "mode", "status", "outcome", "reason", "told", "wake_at"),
        ),
        View(
            name="effects", model=EffectRow, order="intended_at", whole=advice.of_effect, indexed={**OBJECT, "state": ()}, large=True,
            filters={"source": "source", "state": "state", "type": "service", "customer": "customer_id", "invoice": "object_id"},
            shown=("id", "intended_at", "source", "service", "object_kind", "object_id", "state", "reason", "reference"),
        ),
        View(
            name="parked", model=Parked, order="id", more=_each(advice.of_parked),
            filters={"source": "source", "type": "kind"}, only="closed_at IS NULL",
            shown=("id", "opened_at", "source", "kind", "invoice_id", "customer_id", "reason", "known"),
        ),
        View(
            name="approvals", model=EffectRow, order="intended_at", more=_each(advice.of_effect), only="state = 'proposed'",
            filters={"source": "source", "type": "service", "customer": "customer_id", "invoice": "object_id"},
            shown=("id", "intended_at", "source", "object_id", "customer_id", "reason", "known", "valid_until"),
        ),
        View(
            name="alerts", model=Alert, order="id", more=_each(advice.of_alert), only="closed_at IS NULL",
            filters={"source": "source", "type": "reason", "state": "state"},
            shown=("id", "last_at", "source", "subject", "reason", "known", "count", "state"),
        ),
        View(
            name="tasks", model=Task, order="id", more=_each(advice.of_task),
            filters={"source": "source", "type": "reason"}, only="closed_at IS NULL",
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
