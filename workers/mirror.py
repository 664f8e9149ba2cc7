"""The mirror: what we believe each provider object is, folded from everything that was said of it.

Owns tables `mirror` and `snapshot` and their queries. The router locks a row, adds a snapshot and takes the changes; settling
an effect writes its own request and reply. Never asked before an effect: a fresh read decides there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import BIGINT, Json, UtcDateTime, insert_new, row_id, table_of
from workers.fold import VOLATILE, Change, Entry, Folded, Tail, added, arranged, changes, differ, order_unsure

NAME_MAX = 128


class Mirror(SQLModel, table=True):
    """One object of one source; `revision` counts the snapshots folded into it.

    `number` and `email` are what a person calls it by, in small letters. `tail`: where its order ends. `untold`: our own write made
    something true that no event tells yet.
    """

    __tablename__ = "mirror"
    __table_args__ = (
        sa.UniqueConstraint("source", "kind", "object_id", name="mirror_object"),
        sa.Index("mirror_customer", "source", "customer_id"),
        sa.Index("mirror_object_id", "object_id"),
        sa.Index("mirror_number", "number"),
        sa.Index("mirror_email", "email"),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    kind: str = Field(max_length=16)
    object_id: str = Field(max_length=128)
    customer_id: str | None = Field(default=None, max_length=128)
    number: str | None = Field(default=None, max_length=NAME_MAX)
    email: str | None = Field(default=None, max_length=NAME_MAX)
    fields: Any = Field(default=None, sa_column=sa.Column(Json, nullable=False))
    seen: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    deleted: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    completed: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    canceled: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    paid: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    revision: int = 0
    touches: Any = Field(default=None, sa_column=sa.Column(Json))
    tail: Any = Field(default=None, sa_column=sa.Column(Json))
    untold: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    changed_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))


class SnapshotRow(SQLModel, table=True):
    """What one delivery said of one object."""

    __tablename__ = "snapshot"
    __table_args__ = (sa.Index("snapshot_mirror", "mirror_id"),)

    id: int | None = Field(default=None, sa_column=row_id())
    mirror_id: int = Field(sa_column=sa.Column(BIGINT, sa.ForeignKey("mirror.id"), nullable=False))
    delivery_id: int = Field(sa_column=sa.Column(BIGINT, nullable=False))
    sequence: int | None = Field(default=None, sa_column=sa.Column(BIGINT))
    created_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    received_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    read_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    deleted: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    partial: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    baseline: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    fields: Any = Field(default=None, sa_column=sa.Column(Json, nullable=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A mirror row under lock: its id, its state and what the own writes still echo. `tail`: None before the first snapshot."""

    id: int
    source: str
    kind: str
    object_id: str
    state: Folded
    revision: int
    touches: Mapping[str, Any]
    tail: Tail | None
    untold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What one more snapshot did: the state before and after, what it made true, and whether a read must decide.

    `changes` are those of the whole fold where the snapshot came late. `first` is the object's first snapshot, where the whole fold
    was needed to know; `baseline`, whether a baseline read is among them.
    """

    before: Folded
    after: Folded
    changes: list[Change]
    first: Entry | None
    baseline: bool
    echo: bool
    unsure: bool


_MIRROR, _SNAPSHOT = table_of(Mirror), table_of(SnapshotRow)
_OF = (
    _MIRROR.c.source == sa.bindparam("of_source"),
    _MIRROR.c.kind == sa.bindparam("of_kind"),
    _MIRROR.c.object_id == sa.bindparam("of_object"),
)
_LOAD = sa.select(_MIRROR).where(*_OF)
_LOCK, _SHARE = _LOAD.with_for_update(), _LOAD.with_for_update(read=True)
_SNAPSHOTS = sa.select(_SNAPSHOT).where(_SNAPSHOT.c.mirror_id == sa.bindparam("of_mirror")).order_by(_SNAPSHOT.c.id)
_ADD = sa.insert(_SNAPSHOT)
_FLAGS = ("seen", "deleted", "completed", "canceled", "paid")
_STORED = (*_FLAGS, "fields", "revision", "customer_id", "number", "email", "touches", "tail", "untold", "changed_at")
_STORE = (
    sa.update(_MIRROR)
    .where(_MIRROR.c.id == sa.bindparam("of_mirror"))
    .values({name: sa.bindparam(f"to_{name}", type_=_MIRROR.c[name].type) for name in _STORED})
)


_TAIL = TypeAdapter(Tail)
_BLANK = {"fields": {}, "untold": False, "revision": 0, **dict.fromkeys(_FLAGS, False)}


def lock(connection: Connection, source: str, kind: str, object_id: str) -> Held:
    """The object's row, created where missing, locked until the transaction ends."""
    named = _named(source, kind, object_id)
    row = connection.execute(_LOCK, named).mappings().first()
    if row is None:
        insert_new(connection, Mirror, {"source": source, "kind": kind, "object_id": object_id, **_BLANK})
        row = connection.execute(_LOCK, named).mappings().one()
    return _held(row)


def lock_shared(connection: Connection, source: str, kind: str, object_id: str) -> None:
    """Hold the object's row against `lock` of others until the transaction ends; a missing row is created first."""
    if connection.dialect.name != "postgresql":
        return  # SQLite has one writer
    if connection.execute(_SHARE, _named(source, kind, object_id)).first() is None:
        lock(connection, source, kind, object_id)


def load(connection: Connection, source: str, kind: str, object_id: str) -> Held | None:
    """The object's row without a lock, or None."""
    row = connection.execute(_LOAD, _named(source, kind, object_id)).mappings().first()
    return _held(row) if row else None


def told_at(connection: Connection, source: str, kind: str, object_id: str) -> datetime | None:
    """When an object that was seen, and is not deleted, was last told of; None for any other."""
    row = connection.execute(_LOAD, _named(source, kind, object_id)).mappings().first()
    found: datetime | None = row["changed_at"] if row is not None and row["seen"] and not row["deleted"] else None
    return found


def apply(connection: Connection, held: Held, entry: Entry, *, at: datetime) -> Applied:
    """Fold `entry` in, store it, and say what changed. All snapshots are read only where it is not plainly the last of them."""
    touched = _touched(held, entry)
    first, reads = None, list[datetime]()
    if held.tail is not None and not held.untold and held.tail.precedes(entry):
        after, found = added(held.kind, held.state, held.tail, entry)
        tail, reads = held.tail.then(entry, found), [held.tail.read_at] if held.tail.read_at else []
    else:
        others = _entries(connection, held.id)
        entries = arranged([*others, entry])
        after, found = changes(held.kind, entries)
        tail, first, reads = _tail(entries, found), entries[0], [e.read_at for e in others if e.read_at is not None]
    connection.execute(_ADD, {"mirror_id": held.id, **_row_of(entry)})
    touches = {n: v for n, v in held.touches.items() if n not in touched}
    _store(connection, held, after, tail, touches=touches, untold=False, at=at)
    unsure = order_unsure(entry, reads)
    return Applied(before=held.state, after=after, changes=found, first=first, baseline=tail.baseline, echo=bool(touched), unsure=unsure)


def write_own(
    connection: Connection,
    source: str,
    kind: str,
    object_id: str,
    fields: Mapping[str, Any],
    *,
    touches: Mapping[str, Any],
    at: datetime,
) -> bool:
    """Our own settled write goes onto the mirror, so that its webhook differs in nothing; `touches` are fields it may move.

    True where it made something true (completed, paid, canceled, deleted) that the router has yet to tell.
    """
    held = lock(connection, source, kind, object_id)
    if not fields:
        _store(connection, held, held.state, held.tail, touches={**held.touches, **touches}, untold=held.untold, at=at)
        return held.untold
    entry = Entry(delivery_id=-(held.revision + 1), fields=fields, received_at=at, read_at=at)  # no delivery brought it
    entries = arranged([*_entries(connection, held.id), entry])
    after, found = changes(kind, entries)
    connection.execute(_ADD, {"mirror_id": held.id, **_row_of(entry)})
    untold = held.untold or any(getattr(after, name) != getattr(held.state, name) for name in _FLAGS)
    _store(connection, held, after, _tail(entries, found), touches={**held.touches, **touches}, untold=untold, at=at)
    return untold


def _tail(entries: list[Entry], found: list[Change]) -> Tail:
    tail = Tail()
    for entry in entries:
        tail = tail.then(entry, ())
    return tail.then(entries[-1], found)


def _touched(held: Held, entry: Entry) -> set[str]:
    """The touched fields in which `entry` differs, if it differs in nothing else."""
    before = held.state.fields
    compared = (n for n in entry.fields if n in before and n not in VOLATILE)
    differing = {n for n in compared if differ(before[n], entry.fields[n])}
    expected = differing & set(held.touches)
    return expected if expected and expected == differing else set()


def _entries(connection: Connection, mirror_id: int) -> list[Entry]:
    rows = connection.execute(_SNAPSHOTS, {"of_mirror": mirror_id}).mappings()
    return [Entry(**{n: row[n] for n in Entry.__dataclass_fields__}) for row in rows]


def _row_of(entry: Entry) -> dict[str, Any]:
    return {n: dict(entry.fields) if n == "fields" else getattr(entry, n) for n in Entry.__dataclass_fields__}


def _store(
    connection: Connection, held: Held, state: Folded, tail: Tail | None, *, touches: Mapping[str, Any], untold: bool, at: datetime
) -> None:
    customer = state.fields.get("customer_id") if held.kind == "invoice" else held.object_id if held.kind == "customer" else None
    row = {name: getattr(state, name) for name in _FLAGS}
    row |= {
        "fields": dict(state.fields),
        "revision": held.revision + 1,
        "customer_id": customer,
        "number": called(state.fields, "number"),
        "email": called(state.fields, "email"),
        "touches": dict(touches),
        "tail": None if tail is None else to_jsonable_python(tail),
        "untold": untold,
        "changed_at": at,
    }
    connection.execute(_STORE, {f"to_{name}": value for name, value in row.items()} | {"of_mirror": held.id})


def called(fields: Mapping[str, Any], name: str) -> str | None:
    """What a field says a thing is called, as it is looked for: without blanks around it, in small letters; None where it says nothing."""
    text = str(fields.get(name) or "").strip().casefold()
    return text[:NAME_MAX] or None


def _named(source: str, kind: str, object_id: str) -> dict[str, str]:
    return {"of_source": source, "of_kind": kind, "of_object": object_id}


def _held(row: sa.RowMapping) -> Held:
    state = Folded(**{n: row[n] for n in Folded.__dataclass_fields__})
    return Held(
        id=row["id"],
        source=row["source"],
        kind=row["kind"],
        object_id=row["object_id"],
        state=state,
        revision=row["revision"],
        touches=row["touches"] or {},
        tail=None if row["tail"] is None else _TAIL.validate_python(row["tail"]),
        untold=row["untold"],
    )
