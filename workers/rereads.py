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
from receiver.db import UtcDateTime, canonical_json, insert_of, is_trouble, table_of
from receiver.errors import Retryable
from receiver.log import get_logger
from workers import absence, mirror
from workers.errors import NotFound, RateHeld
from workers.fold import differ
from workers.limits import Rank
from workers.retry import backoff
from workers.runtime import Runtime

log = get_logger(__name__)
SCAN, REREAD = "scan:", "reread:"  # with what the finder of a delivery begins, as the inbox keeps it in `actor`
OWN_WRITE = "own_write"  # only where no delivery has told by then what our own write made true
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
    """One object to be read again, when, and why. `missing_at`: when the provider first showed it no more, while that is not believed."""

    __tablename__ = "reread"

    source: str = Field(primary_key=True, max_length=64)
    kind: str = Field(primary_key=True, max_length=16)
    object_id: str = Field(primary_key=True, max_length=128)
    reason: str = Field(default="", max_length=64)
    due_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False, index=True))
    asked: int = 1
    attempts: int = 0
    missing_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))


_REREAD = table_of(Reread)
_DUE = sa.select(_REREAD).where(_REREAD.c.due_at <= sa.bindparam("now")).order_by(_REREAD.c.due_at).limit(sa.bindparam("at_most"))
_NEXT = sa.select(sa.func.min(_REREAD.c.due_at))


def ask(connection: Connection, source: str, kind: str, object_id: str, *, reason: str, at: datetime) -> None:
    """Have an object read at `at`; asking again while it waits asks once, at the earlier instant."""
    table = table_of(Reread)
    row = {"source": source, "kind": kind, "object_id": object_id, "reason": reason[:64], "due_at": at, "asked": 1, "attempts": 0}
    again = {
        "asked": table.c.asked + 1,
        "due_at": sa.case((table.c.due_at > at, at), else_=table.c.due_at),
        "reason": sa.case((table.c.reason == OWN_WRITE, row["reason"]), else_=table.c.reason),
    }
    connection.execute(
        insert_of(connection, Reread).values(row).on_conflict_do_update(index_elements=["source", "kind", "object_id"], set_=again)
    )


def due(connection: Connection, *, now: datetime, limit: int) -> list[sa.RowMapping]:
    """What is to be read now, the longest due first."""
    return list(connection.execute(_DUE, {"now": now, "at_most": limit}).mappings())


def next_due(connection: Connection) -> datetime | None:
    """When the next re-read is due, or None."""
    return connection.execute(_NEXT).scalar_one_or_none()


def perform(runtime: Runtime, row: sa.RowMapping) -> int | None:
    """Read the object, put what differs into the inbox, and forget the request; the new delivery's id, or None.

    One that cannot be made is put off, and stops no other.
    """
    try:
        return _perform(runtime, row)
    except Exception as error:  # what nobody thought of, in one object
        if is_trouble(error):
            raise
        log.error("re-read failed", source=row["source"], kind=row["kind"], object=row["object_id"], error_type=type(error).__name__)
        _put_off(runtime, row, None)
        return None


def _put_off(runtime: Runtime, row: sa.RowMapping, cause: Retryable | None) -> None:
    pause = backoff(row["attempts"] + 1, cause, key=f"{row['kind']}:{row['object_id']}")
    runtime.db.write(lambda c: _later(c, row, runtime.clock.business(c) + pause, attempts=row["attempts"] + 1))
    runtime.point("put-off")


def _perform(runtime: Runtime, row: sa.RowMapping) -> int | None:
    account = runtime.accounts.get(row["source"])
    if account is None or account.client is None:
        runtime.db.write(lambda c: _forget(c, row))
        runtime.point("forgotten")
        return None
    with runtime.db.read() as connection:
        read_at = runtime.clock.business(connection)
        held = mirror.load(connection, row["source"], row["kind"], row["object_id"])
    if row["reason"] == OWN_WRITE and held is not None and not held.untold:
        runtime.db.write(lambda c: _forget(c, row))
        runtime.point("forgotten")
        return None
    try:
        record: Mapping[str, Any] | None = record_of(cast(Reads, runtime.client(row["source"], Rank.GAPS)), row["kind"], row["object_id"])
    except NotFound:
        record = None
    except RateHeld as full:
        wait = full.wait
        runtime.db.write(lambda c: _later(c, row, runtime.clock.business(c) + wait, attempts=row["attempts"]))
        runtime.point("put-off")
        return None
    except Retryable as cause:
        _put_off(runtime, row, cause)
        return None

    runtime.point("reread")
    missing_at = row["missing_at"] or read_at
    if record is None and not absence.is_deletion(held, missing_at=missing_at, read_at=read_at):
        runtime.db.write(lambda c: _still_missing(c, row, held, missing_at, read_at))
        runtime.point("put-off")
        return None
    found_by = f"{REREAD}{row['reason']}"

    def act(connection: Connection) -> int | None:
        added = keep_read(connection, runtime, row["source"], row["kind"], row["object_id"], record, read_at=read_at, found_by=found_by)
        if row["missing_at"] is not None:
            absence.is_over(connection, row["source"], row["object_id"], at=read_at)
        _forget(connection, row)
        return added

    added = runtime.db.write(act)
    runtime.point("read-kept")
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
    found_by: str | None = None,
) -> int | None:
    """Put a read of one object into the inbox where it differs from the mirror; the delivery's id, or None.

    `found_by`: SCAN or REREAD and the name of the scan, or the reason, that had it read; None for the baseline.

    What cannot be read goes there too, once: the router puts it before a person.
    """
    account = runtime.accounts[source]
    content: dict[str, Any] = {"read_at": read_at.isoformat(), "record": record}
    if baseline:
        content["baseline"] = True
    body = canonical_json(content).encode()
    held = mirror.load(connection, source, kind, object_id)
    try:
        notice = account.interpret(body, f"poll.{kind}", object_id)
        said, readable = notice.snapshots[0] if notice.snapshots else None, True
        same = (
            said is None
            or (held is None and said.deleted)
            or (held is not None and held.state.seen and not held.untold and _same(held, said))
        )
    except Exception:  # not readable: the router says why, to a person
        same, readable = False, False
    if same:
        return None
    hashed = hashlib.sha256(canonical_json(record).encode()).hexdigest()[:24]
    identity = f"{object_id}:{held.revision if held else 0}-{hashed}"
    if not readable and inbox.has(connection, source, f"poll.{kind}", identity):
        return None
    arrival = inbox.Arrival(
        source=source, origin="poll", native_type=f"poll.{kind}", native_id=identity, body=body, received_at=read_at, actor=found_by
    )
    kept = inbox.append(connection, arrival)
    return kept.delivery_id if kept.new else None


def keep_reads(
    runtime: Runtime,
    source: str,
    kind: str,
    records: Mapping[str, Mapping[str, Any] | None],
    *,
    read_at: datetime,
    baseline: bool = False,
    found_by: str | None = None,
) -> list[int]:
    """`keep_read` for many records by id, in one transaction; one that cannot be kept is left out. The new deliveries' ids."""

    def act(connection: Connection) -> list[int | None]:
        return [
            keep_read(connection, runtime, source, kind, id, record, read_at=read_at, baseline=baseline, found_by=found_by)
            for id, record in records.items()
        ]

    try:
        added = runtime.db.write(act)
    except Exception as error:  # what nobody thought of, in one record
        if is_trouble(error):
            raise
        if len(records) > 1:
            alone = ({id: record} for id, record in records.items())
            return [
                id for one in alone for id in keep_reads(runtime, source, kind, one, read_at=read_at, baseline=baseline, found_by=found_by)
            ]
        log.error("read not kept", source=source, kind=kind, object=next(iter(records), None), error_type=type(error).__name__)
        return []
    runtime.point("read-kept")
    return [id for id in added if id is not None]


def _same(held: mirror.Held, said: Any) -> bool:
    if said.deleted:
        return held.state.deleted
    if held.state.deleted and held.tail is not None and not held.tail.told_gone:
        return False  # it is there again
    before = held.state.fields
    return not any(differ(value, before.get(name)) for name, value in said.fields.items() if name != "extra")


def _still_missing(connection: Connection, row: sa.RowMapping, held: mirror.Held | None, missing_at: datetime, read_at: datetime) -> None:
    """Look again once it could be believed; of an invoice for which that never is, people are told."""
    look_at = absence.look_again_at(missing_at, read_at)
    if held is not None and look_at > missing_at + absence.BELIEVED_AFTER:
        absence.tell(connection, held, missing_at=missing_at, at=read_at)
    _later(connection, row, look_at, attempts=0, missing_at=missing_at)


def _forget(connection: Connection, row: sa.RowMapping) -> None:
    """Drop the request, unless it was made again since it was read."""
    table = table_of(Reread)
    same = sa.and_(
        table.c.source == row["source"], table.c.kind == row["kind"], table.c.object_id == row["object_id"], table.c.asked == row["asked"]
    )
    connection.execute(sa.delete(table).where(same))


def _later(connection: Connection, row: sa.RowMapping, due_at: datetime, *, attempts: int, **more: Any) -> None:
    table = table_of(Reread)
    same = sa.and_(table.c.source == row["source"], table.c.kind == row["kind"], table.c.object_id == row["object_id"])
    connection.execute(sa.update(table).where(same).values(due_at=due_at, attempts=attempts, **more))
