"""The desk: everything that waits for a person, and what people hold against customers and invoices.

Owns tables `parked`, `task`, `alert` and `block` and their queries.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import BIGINT, Json, UtcDateTime, insert_new, insert_of, row_id, table_of

_OPEN = "closed_at IS NULL"
UNREADABLE, UNREADABLE_AFTER = "provider_unreadable", 5


class Parked(SQLModel, table=True):
    """Something only a person can decide. `kind`: variant, invalid, unknown, failed, diverged, rejected, changed_after_send."""

    __tablename__ = "parked"
    __table_args__ = (
        sa.Index("parked_open", "subject", "kind", unique=True, sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)),
        sa.Index("parked_effect", "effect_id"),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    kind: str = Field(max_length=24)
    source: str = Field(max_length=64)
    subject: str = Field(max_length=160)
    run_id: str | None = Field(default=None, max_length=32)
    effect_id: str | None = Field(default=None, max_length=32)
    delivery_id: int | None = Field(default=None, sa_column=sa.Column(BIGINT))
    reason: str = Field(max_length=512)
    detail: Any = Field(default=None, sa_column=sa.Column(Json))
    opened_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    resolution: str | None = Field(default=None, max_length=256)
    actor: str | None = Field(default=None, max_length=128)
    told_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))


class Task(SQLModel, table=True):
    """Work for a person that no API can do."""

    __tablename__ = "task"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "name", name="task_step"),
        sa.Index("task_open", "id", sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    run_id: str = Field(max_length=32)
    name: str = Field(max_length=128)
    source: str = Field(max_length=64)
    reason: str = Field(max_length=256)
    detail: Any = Field(default=None, sa_column=sa.Column(Json))
    opened_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    actor: str | None = Field(default=None, max_length=128)
    told_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))


class Alert(SQLModel, table=True):
    """Something a person should know; one open row per subject and reason, repeats are counted.

    `state`: open, acknowledged (somebody sees to it), ignored (nobody wants to hear of it while it lasts), or resolved: it is closed.
    """

    __tablename__ = "alert"
    __table_args__ = (
        sa.Index("alert_open", "subject", "reason", unique=True, sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    subject: str = Field(max_length=160)
    reason: str = Field(max_length=128)
    detail: Any = Field(default=None, sa_column=sa.Column(Json))
    opened_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    last_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    count: int = 1
    state: str = Field(default="open", max_length=12)
    actor: str | None = Field(default=None, max_length=128)
    told_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    closed_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))


class Block(SQLModel, table=True):
    """A State a person set on a customer or an invoice."""

    __tablename__ = "block"
    __table_args__ = (
        sa.Index(
            "block_open", "source", "scope", "object_id", "kind", unique=True, sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)
        ),
        sa.Index("block_object", "source", "object_id"),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    scope: str = Field(max_length=8)
    object_id: str = Field(max_length=128)
    kind: str = Field(max_length=24)
    reason: str = Field(max_length=512)
    until: date | None = None
    data: Any = Field(default=None, sa_column=sa.Column(Json))
    opened_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    actor: str | None = Field(default=None, max_length=128)


def park(
    connection: Connection,
    *,
    kind: str,
    source: str,
    subject: str,
    reason: str,
    at: datetime,
    run_id: str | None = None,
    effect_id: str | None = None,
    delivery_id: int | None = None,
    detail: Any = None,
) -> None:
    """Put something before a person, once while it is open."""
    values = {
        "kind": kind,
        "source": source,
        "subject": subject[:160],
        "reason": reason[:512],
        "opened_at": at,
        "run_id": run_id,
        "effect_id": effect_id,
        "delivery_id": delivery_id,
        "detail": detail,
    }
    connection.execute(insert_of(connection, Parked).values(values).on_conflict_do_nothing())


def close_parked(
    connection: Connection,
    *,
    resolution: str,
    actor: str,
    at: datetime,
    parked_id: int | None = None,
    effect_id: str | None = None,
    delivery_id: int | None = None,
) -> int:
    """Close open items by their own id, effect or delivery; how many."""
    named = {"id": parked_id, "effect_id": effect_id, "delivery_id": delivery_id}
    chosen = {f"of_{name}": value for name, value in named.items() if value is not None}
    said = {"to_closed_at": at, "to_resolution": resolution[:256], "to_actor": actor}
    return connection.execute(_close_parked(tuple(chosen)), chosen | said).rowcount


@cache
def _close_parked(chosen: tuple[str, ...]) -> Any:
    """The UPDATE that closes the open items with these ids."""
    table = table_of(Parked)
    same = (table.c[name.removeprefix("of_")] == sa.bindparam(name) for name in chosen)
    said: dict[str, Any] = {name: sa.bindparam(f"to_{name}", type_=table.c[name].type) for name in ("resolution", "actor", "closed_at")}
    return sa.update(table).where(table.c.closed_at.is_(None), *same).values(said)


def open_item(connection: Connection, parked_id: int) -> sa.RowMapping | None:
    """An open item, whole, or None."""
    table = table_of(Parked)
    return connection.execute(sa.select(table).where(table.c.id == parked_id, table.c.closed_at.is_(None))).mappings().first()


def items_of(connection: Connection, subject: str) -> Sequence[sa.RowMapping]:
    """The open items about exactly this subject, such as "run:…"; what else its run put before people is not among them."""
    table = table_of(Parked)
    return connection.execute(sa.select(table).where(table.c.subject == subject, table.c.closed_at.is_(None))).mappings().all()


def asked_about(connection: Connection, run_id: str) -> str | None:
    """The unknown effect of this run that a person is asked about, or None."""
    table = table_of(Parked)
    asked = sa.and_(table.c.run_id == run_id, table.c.kind == "unknown", table.c.closed_at.is_(None))
    return connection.execute(sa.select(table.c.effect_id).where(asked).limit(1)).scalar_one_or_none()


def asked_about_any(connection: Connection, run_ids: Collection[str]) -> dict[str, str]:
    """The same for many runs, by run."""
    table = table_of(Parked)
    asked = sa.and_(table.c.run_id.in_(run_ids), table.c.kind == "unknown", table.c.closed_at.is_(None))
    return {row.run_id: row.effect_id for row in connection.execute(sa.select(table.c.run_id, table.c.effect_id).where(asked))}


def alert(connection: Connection, *, source: str, subject: str, reason: str, at: datetime, detail: Any = None) -> None:
    """Raise an alert, or count it on the open one, which then tells the latest detail."""
    values = {
        "source": source,
        "subject": subject[:160],
        "reason": reason[:128],
        "opened_at": at,
        "last_at": at,
        "count": 1,
        "detail": detail,
        "state": "open",
    }
    table = table_of(Alert)
    insert = insert_of(connection, Alert).values(values)
    again = {"last_at": at, "count": table.c.count + 1, "detail": insert.excluded.detail}
    connection.execute(insert.on_conflict_do_update(index_elements=["subject", "reason"], index_where=sa.text(_OPEN), set_=again))


def close_alert(connection: Connection, subject: str, reason: str, *, at: datetime) -> None:
    """What was told is over."""
    table = table_of(Alert)
    same = sa.and_(table.c.subject == subject[:160], table.c.reason == reason, table.c.closed_at.is_(None))
    connection.execute(sa.update(table).where(same).values(closed_at=at, state="resolved"))


def set_alert(connection: Connection, id: int, state: str, *, actor: str) -> bool:
    """Have an open alert acknowledged or ignored, or open again; false where none is open."""
    table = table_of(Alert)
    this = sa.and_(table.c.id == id, table.c.closed_at.is_(None))
    return connection.execute(sa.update(table).where(this).values(state=state, actor=actor)).rowcount == 1


def open_alert(connection: Connection, id: int | None) -> sa.RowMapping | None:
    """An open alert, whole, or None."""
    table = table_of(Alert)
    return connection.execute(sa.select(table).where(table.c.id == id, table.c.closed_at.is_(None))).mappings().first()


def close_told(connection: Connection, kind: str, id: int, *, at: datetime, actor: str) -> bool:
    """Close an alert or a task by its id; false where none is open."""
    table = table_of({"alert": Alert, "task": Task}[kind])
    by = {"actor": actor} | ({"state": "resolved"} if kind == "alert" else {})
    this = sa.and_(table.c.id == id, table.c.closed_at.is_(None))
    return connection.execute(sa.update(table).where(this).values(closed_at=at, **by)).rowcount == 1


def close_tasks(connection: Connection, source: str, reason: str, *, about: Mapping[str, str], at: datetime, actor: str) -> int:
    """Close the open tasks of a source with this reason whose detail names what `about` does, such as {"invoice": "4711"}; how many."""
    table = table_of(Task)
    same = sa.and_(table.c.source == source, table.c.reason == reason, table.c.closed_at.is_(None))
    rows = connection.execute(sa.select(table.c.id, table.c.detail).where(same)).all()
    ids = [row.id for row in rows if isinstance(row.detail, dict) and about.items() <= row.detail.items()]
    return sum(close_told(connection, "task", id, at=at, actor=actor) for id in ids)


def tell_unreadable(connection: Connection, *, source: str, tries: int, why: str | None, at: datetime) -> None:
    """Raise an alert per source once a read failed UNREADABLE_AFTER times in a row: a key may be wrong, and asking again is no cure."""
    if tries >= UNREADABLE_AFTER:
        alert(connection, source=source, subject=source, reason=UNREADABLE, at=at, detail={"tries": tries, "why": why})


def task(connection: Connection, *, run_id: str, name: str, source: str, reason: str, at: datetime, detail: Any = None) -> None:
    """Open a task, once per run and step."""
    values = {"run_id": run_id, "name": name, "source": source, "reason": reason[:256], "opened_at": at, "detail": detail}
    connection.execute(insert_of(connection, Task).values(values).on_conflict_do_nothing())


def open_block(
    connection: Connection,
    *,
    source: str,
    scope: str,
    object_id: str,
    kind: str,
    reason: str,
    until: date | None,
    data: Any,
    actor: str | None,
    at: datetime,
) -> None:
    """Set a block; one that is open already takes the new `until` and reason. The caller holds the object's mirror row."""
    same = {"source": source, "scope": scope, "object_id": object_id, "kind": kind}
    values = {
        **same,
        "reason": reason[:512],
        "until": until,
        "data": data,
        "opened_at": at,
        "actor": actor,
    }
    table = table_of(Block)
    open_one = sa.and_(table.c.closed_at.is_(None), *(table.c[name] == value for name, value in same.items()))
    connection.execute(sa.update(table).where(open_one, table.c.until < at.date()).values(closed_at=at))
    if insert_new(connection, Block, values) is None:
        connection.execute(sa.update(table).where(open_one).values(until=until, reason=reason[:512], data=data, actor=actor))


def close_block(connection: Connection, *, source: str, scope: str, object_id: str, kind: str, at: datetime) -> int:
    """Release a block; how many rows were open."""
    table = table_of(Block)
    same = sa.and_(
        table.c.source == source, table.c.scope == scope, table.c.object_id == object_id, table.c.kind == kind, table.c.closed_at.is_(None)
    )
    return connection.execute(sa.update(table).where(same).values(closed_at=at)).rowcount


def blocks(connection: Connection, *, source: str, customer_id: str | None, invoice_id: str | None, on: date) -> list[str]:
    """Kinds of the blocks that hold on day `on` for this customer or invoice."""
    if not customer_id and not invoice_id:
        return []
    named = {"of_source": source, "of_customer": customer_id, "of_invoice": invoice_id, "on": on}
    return sorted(set(connection.execute(_HOLDING, named).scalars()))


_BLOCK = table_of(Block)
_WHOSE: tuple[Any, Any] = (sa.bindparam("of_customer"), sa.bindparam("of_invoice"))
_HOLDING = sa.select(_BLOCK.c.kind).where(
    _BLOCK.c.source == sa.bindparam("of_source"),
    _BLOCK.c.object_id.in_(_WHOSE),
    sa.or_(
        *(sa.and_(_BLOCK.c.scope == scope, _BLOCK.c.object_id == id) for scope, id in zip(("customer", "invoice"), _WHOSE, strict=True))
    ),
    _BLOCK.c.closed_at.is_(None),
    sa.or_(_BLOCK.c.until.is_(None), _BLOCK.c.until >= sa.bindparam("on")),
)
