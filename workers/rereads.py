"""Re-reads: objects the provider must be asked about, because no delivery can tell enough.

Owns table `reread` and its queries, and writes what a read found into the inbox as `origin=poll`. A read that changes nothing
writes nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver import inbox
from receiver.db import UtcDateTime, canonical_json, insert_of, table_of
from receiver.errors import Retryable
from receiver.log import get_logger
from workers import mirror
from workers.errors import NotFound
from workers.fold import normalized
from workers.retry import backoff
from workers.runtime import Runtime

log = get_logger(__name__)


_LISTS = {"invoice": ("invoice.get", "INVOICES", "INVOICE_ID"), "customer": ("customer.get", "CUSTOMERS", "CUSTOMER_ID")}


class Reads(Protocol):
    """What a provider client offers for looking at many objects."""

    def one(self, service: str, listed: str, filters: Mapping[str, Any], key: str, id: str) -> Mapping[str, Any]: ...

    def customers(self, offset: int = 0) -> Any: ...

    def invoices(self, *, offset: int = 0, **filters: str) -> Any: ...

    def invoices_by_id(self, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]: ...


def record_of(client: Reads, kind: str, object_id: str) -> Mapping[str, Any]:
    """The provider's own record of one object. Raises NotFound or Retryable."""
    service, listed, key = _LISTS[kind]
    return client.one(service, listed, {key: object_id}, key, object_id)


class Reread(SQLModel, table=True):
    """One object to be read again, when, and why."""

    __tablename__ = "reread"

    source: str = Field(primary_key=True, max_length=64)
    kind: str = Field(primary_key=True, max_length=16)
    object_id: str = Field(primary_key=True, max_length=128)
    reason: str = Field(default="", max_length=64)
    due_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False, index=True))
    asked: int = 1
    attempts: int = 0


def ask(connection: Connection, source: str, kind: str, object_id: str, *, reason: str, at: datetime) -> None:
    """Have an object read soon; asking again while it waits asks once."""
    table = table_of(Reread)
    row = {"source": source, "kind": kind, "object_id": object_id, "reason": reason[:64], "due_at": at, "asked": 1, "attempts": 0}
    again = {"asked": table.c.asked + 1}
    connection.execute(
        insert_of(connection, Reread).values(row).on_conflict_do_update(index_elements=["source", "kind", "object_id"], set_=again)
    )


def due(connection: Connection, *, now: datetime, limit: int) -> list[sa.RowMapping]:
    """What is to be read now, the longest due first."""
    table = table_of(Reread)
    return list(connection.execute(sa.select(table).where(table.c.due_at <= now).order_by(table.c.due_at).limit(limit)).mappings())


def next_due(connection: Connection) -> datetime | None:
    """When the next re-read is due, or None."""
    return connection.execute(sa.select(sa.func.min(table_of(Reread).c.due_at))).scalar_one_or_none()


def perform(runtime: Runtime, row: sa.RowMapping) -> int | None:
    """Read the object, put what differs into the inbox, and forget the request; the new delivery's id, or None."""
    account = runtime.accounts.get(row["source"])
    if account is None or account.client is None:
        runtime.db.write(lambda c: _forget(c, row))
        return None
    with runtime.db.read() as connection:
        read_at = runtime.clock.business(connection)
    try:
        record: Mapping[str, Any] | None = record_of(cast(Reads, account.client), row["kind"], row["object_id"])
    except NotFound:
        record = None
    except Retryable as cause:
        due_at = read_at + backoff(row["attempts"] + 1, cause, key=f"{row['kind']}:{row['object_id']}")
        runtime.db.write(lambda c: _later(c, row, due_at))
        return None

    def act(connection: Connection) -> int | None:
        added = keep_read(connection, runtime, row["source"], row["kind"], row["object_id"], record, read_at=read_at)
        _forget(connection, row)
        return added

    added = runtime.db.write(act)
    if added is not None:
        runtime.announcer.announce_delivery(added)
    return added


def keep_read(
    connection: Connection,
    runtime: Runtime,
    source: str,
    kind: str,
    object_id: str,
    record: Mapping[str, Any] | None,
    *,
    read_at: datetime,
    baseline: bool = False,
) -> int | None:
    """Put a read of one object into the inbox where it differs from the mirror; the delivery's id, or None."""
    account = runtime.accounts[source]
    content: dict[str, Any] = {"read_at": read_at.isoformat(), "record": record}
    if baseline:
        content["baseline"] = True
    body = canonical_json(content).encode()
    notice = account.interpret(body, f"poll.{kind}", object_id)
    held = mirror.load(connection, source, kind, object_id)
    said = notice.snapshots[0] if notice.snapshots else None
    if said is None or (held is None and said.deleted) or (held is not None and held.state.seen and _same(held, said)):
        return None
    hashed = hashlib.sha256(canonical_json(record).encode()).hexdigest()[:24]
    identity = f"{object_id}:{held.revision if held else 0}-{hashed}"
    arrival = inbox.Arrival(source=source, origin="poll", native_type=f"poll.{kind}", native_id=identity, body=body, received_at=read_at)
    kept = inbox.append(connection, arrival)
    return kept.delivery_id if kept.new else None


def _same(held: mirror.Held, said: Any) -> bool:
    if said.deleted:
        return held.state.deleted
    before = held.state.fields
    return all(normalized(value) == normalized(before.get(name)) for name, value in said.fields.items() if name != "extra")


def _forget(connection: Connection, row: sa.RowMapping) -> None:
    """Drop the request, unless it was made again since it was read."""
    table = table_of(Reread)
    same = sa.and_(
        table.c.source == row["source"], table.c.kind == row["kind"], table.c.object_id == row["object_id"], table.c.asked == row["asked"]
    )
    connection.execute(sa.delete(table).where(same))


def _later(connection: Connection, row: sa.RowMapping, due_at: datetime) -> None:
    table = table_of(Reread)
    same = sa.and_(table.c.source == row["source"], table.c.kind == row["kind"], table.c.object_id == row["object_id"])
    connection.execute(sa.update(table).where(same).values(due_at=due_at, attempts=table.c.attempts + 1))
