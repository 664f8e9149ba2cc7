"""The event table: what deliveries meant, once each.

Owns table `event` and its queries. The router records; runs ask for what concerns their objects.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import BIGINT, Json, UtcDateTime, insert_new, row_id, table_of
from receiver.event import Event, from_data, kind_of, to_data


class EventRow(SQLModel, table=True):
    """One canonical event; `identity` keeps it single."""

    __tablename__ = "event"
    __table_args__ = (
        sa.UniqueConstraint("source", "identity", name="event_identity"),
        sa.Index("event_invoice", "source", "invoice_id", "type"),
        sa.Index("event_customer", "source", "customer_id", "type"),
        sa.Index("event_type", "source", "type"),
        sa.Index("event_delivery", "delivery_id"),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    delivery_id: int = Field(sa_column=sa.Column(BIGINT, nullable=False))
    source: str = Field(max_length=64)
    type: str = Field(max_length=64)
    kind: str = Field(max_length=8)
    identity: str = Field(max_length=256)
    customer_id: str | None = Field(default=None, max_length=128)
    invoice_id: str | None = Field(default=None, max_length=128)
    data: Any = Field(default=None, sa_column=sa.Column(Json, nullable=False))
    at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    recorded_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    proof: str = Field(default="claimed", max_length=8)
    late: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    historical: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    echo: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    outcome: str = Field(default="", max_length=256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A stored event."""

    id: int
    event: Event
    delivery_id: int
    recorded_at: datetime
    late: bool = False
    historical: bool = False
    echo: bool = False


REPORTED, READ = "payment.reported", ":read:"  # what stands in the identity of a report that a read made
_EVENT = table_of(EventRow)
_NOTE = sa.update(_EVENT).where(_EVENT.c.id == sa.bindparam("of_event")).values(outcome=sa.bindparam("to_outcome"))
_TOLD = sa.select(_EVENT.c.type, _EVENT.c.identity, _EVENT.c.delivery_id, _EVENT.c.historical, _EVENT.c.id)
_OF_OBJECT = {
    kind: _TOLD.where(_EVENT.c.source == sa.bindparam("of_source"), column == sa.bindparam("of_object"), _EVENT.c.type.like(f"{kind}.%"))
    for kind, column in (("invoice", _EVENT.c.invoice_id), ("customer", _EVENT.c.customer_id))
}
AT_ONCE = 500  # ids in one statement
_OF_TYPES: Any = sa.bindparam("of_types", expanding=True)
_OF_SOURCE = sa.select(_EVENT).where(_EVENT.c.source == sa.bindparam("of_source"), _EVENT.c.type.in_(_OF_TYPES)).order_by(_EVENT.c.id)
_INVOICES: Any = sa.bindparam("of_invoices", expanding=True)
_OF_INVOICES = (
    sa.select(_EVENT)
    .where(_EVENT.c.source == sa.bindparam("of_source"), _EVENT.c.invoice_id.in_(_INVOICES), _EVENT.c.type.in_(_OF_TYPES))
    .where(sa.not_(_EVENT.c.echo))
    .order_by(_EVENT.c.id)
)
_LOAD = sa.select(_EVENT).where(_EVENT.c.id == sa.bindparam("of_event"))


def record(
    connection: Connection,
    event: Event,
    identity: str,
    *,
    delivery_id: int,
    at: datetime,
    proof: str = "claimed",
    late: bool = False,
    historical: bool = False,
    echo: bool = False,
) -> Recorded | None:
    """Keep `event` under its identity; None where it was known."""
    values = {
        "delivery_id": delivery_id,
        "source": event.source,
        "type": event.type,
        "kind": kind_of(type(event)),
        "identity": identity[:256],
        "customer_id": getattr(event, "customer_id", None),
        "invoice_id": getattr(event, "invoice_id", None),
        "data": to_data(event),
        "at": event.at,
        "recorded_at": at,
        "proof": proof,
        "late": late,
        "historical": historical,
        "echo": echo,
        "outcome": "",
    }
    added = insert_new(connection, EventRow, values)
    marks = {"late": late, "historical": historical, "echo": echo}
    return None if added is None else Recorded(id=added, event=event, delivery_id=delivery_id, recorded_at=at, **marks)


def note_outcomes(connection: Connection, outcomes: Sequence[tuple[int, str]]) -> None:
    """What each event started, woke, or why it did not, by event id."""
    if outcomes:
        connection.execute(_NOTE, [{"of_event": id, "to_outcome": said[:256]} for id, said in outcomes])


def of_object(connection: Connection, source: str, kind: str, object_id: str) -> list[tuple[str, str, int, bool, int]]:
    """(type, identity, delivery id, historical, event id) of every event of one invoice or customer of its own kind."""
    rows = connection.execute(_OF_OBJECT[kind], {"of_source": source, "of_object": object_id})
    return [(row.type, row.identity, row.delivery_id, row.historical, row.id) for row in rows]


def not_history(connection: Connection, event_id: int) -> None:
    """A delivery from after the baseline outweighs the baseline read: its fact is news after all."""
    table = table_of(EventRow)
    connection.execute(sa.update(table).where(table.c.id == event_id).values(historical=False))


def newest(connection: Connection) -> int:
    """The id of the last event recorded, 0 where there is none."""
    return int(connection.execute(sa.select(sa.func.max(table_of(EventRow).c.id))).scalar_one() or 0)


def load(connection: Connection, event_id: int) -> Recorded:
    """The stored event. Raises KeyError where its type is no longer registered."""
    return recorded_of(connection.execute(_LOAD, {"of_event": event_id}).mappings().one())


def stored(connection: Connection, event_ids: Collection[int]) -> Sequence[sa.RowMapping]:
    """(id, type, data) of events as they are stored, whether or not their type is still registered."""
    return connection.execute(sa.select(_EVENT.c.id, _EVENT.c.type, _EVENT.c.data).where(_EVENT.c.id.in_(event_ids))).mappings().all()


def sources_of(connection: Connection) -> list[str]:
    """Every source that events were told of, one look into an index for each: the indexes on events begin with the source."""
    found = [""]
    while (
        after := connection.execute(sa.select(sa.func.min(_EVENT.c.source)).where(_EVENT.c.source > found[-1])).scalar_one()
    ) is not None:
        found.append(after)
    return found[1:]


def of_source(connection: Connection, source: str, types: Sequence[str]) -> list[Recorded]:
    """Stored events of `types` of a source, in the order they were recorded."""
    return [recorded_of(row) for row in connection.execute(_OF_SOURCE, {"of_source": source, "of_types": list(types)}).mappings()]


class Report(NamedTuple):
    """The last thing that was told of a payment: by which event, of which number, in which status."""

    event_id: int
    number: str
    status: str


def next_report(connection: Connection, source: str, *, after: int, since: datetime, statuses: Collection[str]) -> Report | None:
    """Of the payments whose last report since `since` is in one of `statuses`, the one whose report follows event `after`, or None."""
    last = sa.func.max(_EVENT.c.id).label("last")
    reported = sa.and_(_EVENT.c.source == source, _EVENT.c.type == REPORTED, _EVENT.c.recorded_at >= since)
    newest = sa.select(last).where(reported).group_by(_EVENT.c.invoice_id).having(last > after).order_by(last)
    for event_id in connection.execute(newest).scalars():
        number, data = connection.execute(sa.select(_EVENT.c.invoice_id, _EVENT.c.data).where(_EVENT.c.id == event_id)).one()
        if data.get("status") in statuses:
            return Report(event_id, number, str(data["status"]))
    return None


def last_status(connection: Connection, source: str, number: str) -> tuple[str, bool] | None:
    """(the status a payment was last told in, whether a read told it), or None where nothing was."""
    reported = sa.and_(_EVENT.c.source == source, _EVENT.c.invoice_id == number, _EVENT.c.type == REPORTED)
    row = connection.execute(sa.select(_EVENT.c.data, _EVENT.c.identity).where(reported).order_by(_EVENT.c.id.desc()).limit(1)).first()
    return None if row is None else (str(row.data.get("status")), READ in row.identity)


def of_invoices(connection: Connection, source: str, invoice_ids: Sequence[str], types: Sequence[str]) -> list[Recorded]:
    """Stored events of `types` about these invoices, in the order they were recorded."""
    found: list[Recorded] = []
    for first in range(0, len(invoice_ids), AT_ONCE):
        named = {"of_source": source, "of_types": list(types), "of_invoices": list(invoice_ids[first : first + AT_ONCE])}
        found += [recorded_of(row) for row in connection.execute(_OF_INVOICES, named).mappings()]
    return found


def concerning(
    connection: Connection, source: str, *, customer_id: str | None, invoice_id: str | None, types: Sequence[str], after_id: int = 0
) -> list[Recorded]:
    """Stored events of `types` about this invoice, or about this customer as a whole, in the order they were recorded."""
    if not types or not (invoice_id or customer_id):
        return []
    named = {"of_source": source, "of_types": list(types), "of_invoice": invoice_id, "of_customer": customer_id, "after": after_id}
    return [recorded_of(row) for row in connection.execute(_concerning(bool(invoice_id), bool(customer_id)), named).mappings()]


@lru_cache
def _concerning(by_invoice: bool, by_customer: bool) -> Any:
    """The query of `concerning`: a run with an invoice is not concerned by the customer's other invoices."""
    event, own = table_of(EventRow), table_of(EventRow).c.customer_id == sa.bindparam("of_customer")
    about = [event.c.invoice_id == sa.bindparam("of_invoice")] if by_invoice else []
    if by_customer:
        about.append(sa.and_(own, event.c.invoice_id.is_(None)) if by_invoice else own)
    types: Any = sa.bindparam("of_types", expanding=True)
    told = sa.and_(event.c.source == sa.bindparam("of_source"), event.c.type.in_(types), sa.not_(event.c.echo))
    return sa.select(event).where(told, sa.or_(*about), event.c.id > sa.bindparam("after")).order_by(event.c.id)


def rows_of(connection: Connection, event_ids: Sequence[int]) -> dict[int, sa.RowMapping]:
    """Stored events by id, as rows for `recorded_of`: one that cannot be read any more is its reader's matter."""
    return {row["id"]: row for row in connection.execute(sa.select(_EVENT).where(_EVENT.c.id.in_(event_ids))).mappings()}


def recorded_of(row: sa.RowMapping) -> Recorded:
    """The event of a row. Raises KeyError where its type is no longer registered."""
    return Recorded(
        id=row["id"],
        event=from_data(row["type"], row["data"]),
        delivery_id=row["delivery_id"],
        recorded_at=row["recorded_at"],
        late=row["late"],
        historical=row["historical"],
        echo=row["echo"],
    )
