"""The inbox: every delivery, whatever brought it, byte-exact and once per identity.

Owns tables `delivery` and `refusal` and their queries. The door appends pushes in batches (receiver/commit.py); pollers,
schedules and operators append through `append`. The router reads unrouted rows and marks them.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import UtcDateTime, insert_new, row_id, table_of

ORIGINS = ("push", "poll", "clock", "operator")
NO_SOURCE = "-"  # stands for the source of what belongs to none


class Delivery(SQLModel, table=True):
    """What arrived. Its identity is (source, native_type, native_id, body_hash)."""

    __tablename__ = "delivery"
    __table_args__ = (
        sa.UniqueConstraint("source", "native_type", "native_id", "body_hash", name="delivery_identity"),
        sa.Index("delivery_unrouted", "id", sqlite_where=sa.text("routed_at IS NULL"), postgresql_where=sa.text("routed_at IS NULL")),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    origin: str = Field(max_length=8)
    native_type: str = Field(max_length=128)
    native_id: str = Field(max_length=256)
    body_hash: str = Field(max_length=64)
    received_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    headers: str = Field(default="", sa_column=sa.Column(sa.Text, nullable=False, server_default=""))
    body: bytes = Field(sa_column=sa.Column(sa.LargeBinary, nullable=False))
    actor: str | None = Field(default=None, max_length=128)
    repeats: int = Field(default=0, sa_column=sa.Column(sa.Integer, nullable=False, server_default="0"))
    last_repeat_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    tries: int = Field(default=0, sa_column=sa.Column(sa.Integer, nullable=False, server_default="0"))
    route_after: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    routed_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    outcome: str | None = Field(default=None, max_length=32)
    reason: str | None = Field(default=None, max_length=256)


class Refusal(SQLModel, table=True):
    """What the door did not take, with its cause: capped and sampled, never with a credential."""

    __tablename__ = "refusal"

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    status: int
    cause: str = Field(max_length=32)
    detail: str = Field(default="", max_length=256)
    method: str = Field(default="", max_length=16)
    peer: str = Field(default="", max_length=64)
    headers: str = Field(default="", sa_column=sa.Column(sa.Text, nullable=False, server_default=""))
    body: bytes = Field(default=b"", sa_column=sa.Column(sa.LargeBinary, nullable=False))
    body_size: int = 0
    seen: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """A request the door did not take, as it is kept. `headers` is a JSON object of allow-listed headers, or ""."""

    source: str
    at: datetime
    status: int
    cause: str
    detail: str = ""
    method: str = ""
    peer: str = ""
    headers: str = ""
    body: bytes = b""
    body_size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A delivery on its way into the inbox. `headers` is a JSON object of allow-listed headers, or ""."""

    source: str
    origin: str
    native_type: str
    native_id: str
    body: bytes
    received_at: datetime
    headers: str = ""
    actor: str | None = None

    @property
    def body_hash(self) -> str:
        """SHA-256 of the raw body, hex."""
        return hashlib.sha256(self.body).hexdigest()


class Kept(NamedTuple):
    """Where an arrival is: `new` is false where the inbox already had it."""

    delivery_id: int
    new: bool


def append(connection: Connection, arrival: Arrival) -> Kept:
    """Keep one arrival; a repeat is counted on the row that was there first."""
    table = table_of(Delivery)
    values = {
        "source": arrival.source, "origin": arrival.origin, "native_type": arrival.native_type, "native_id": arrival.native_id,
        "body_hash": arrival.body_hash, "received_at": arrival.received_at, "headers": arrival.headers, "body": arrival.body,
        "actor": arrival.actor,
    }  # fmt: skip
    added = insert_new(connection, Delivery, values)
    if added is not None:
        return Kept(added, True)
    same = sa.and_(*(table.c[name] == values[name] for name in ("source", "native_type", "native_id", "body_hash")))
    counted = sa.update(table).where(same).values(repeats=table.c.repeats + 1, last_repeat_at=arrival.received_at).returning(table.c.id)
    return Kept(connection.execute(counted).scalar_one(), False)


def write_on_trial(connection: Connection) -> None:
    """Write as an arrival would be, and leave nothing behind: whether the next one would be kept."""
    id = insert_new(connection, Delivery, {
        "source": NO_SOURCE, "origin": "push", "native_type": "billhook.trial", "native_id": uuid.uuid4().hex, "body_hash": "", "body": b"",
        "headers": "", "received_at": datetime.now(UTC),
    })  # fmt: skip
    table = table_of(Delivery)
    connection.execute(sa.delete(table).where(table.c.id == id))


def has(connection: Connection, source: str, native_type: str, native_id: str) -> bool:
    """Whether a delivery of this name is kept, whatever its body."""
    table = table_of(Delivery)
    named = sa.and_(table.c.source == source, table.c.native_type == native_type, table.c.native_id == native_id)
    return connection.execute(sa.select(table.c.id).where(named).limit(1)).first() is not None


def keep_refusals(connection: Connection, refusals: Sequence[RefusedRequest]) -> None:
    """Keep refused requests."""
    table = table_of(Refusal)
    if refusals:
        connection.execute(sa.insert(table), [{**asdict(refusal), "seen": 1} for refusal in refusals])


def count_refusals(connection: Connection, seen: Mapping[tuple[str, str], int]) -> None:
    """Count requests that were refused like the newest one kept of the same (source, cause), but not kept themselves."""
    table = table_of(Refusal)
    for (source, cause), count in seen.items():
        newest = sa.select(sa.func.max(table.c.id)).where(table.c.source == source, table.c.cause == cause).scalar_subquery()
        connection.execute(sa.update(table).where(table.c.id == newest).values(seen=table.c.seen + count))


def cap_refusals(connection: Connection, source: str, *, rows_max: int, bytes_max: int) -> int:
    """Delete the oldest refusals of `source` above either limit; how many went."""
    table = table_of(Refusal)
    newest_first = table.c.id.desc()
    ranked = (
        sa.select(
            table.c.id,
            sa.func.row_number().over(order_by=newest_first).label("place"),
            sa.func.sum(sa.func.length(table.c.body)).over(order_by=newest_first).label("bytes"),
        )
        .where(table.c.source == source)
        .subquery()
    )
    over = sa.select(ranked.c.id).where(sa.or_(ranked.c.place > rows_max, ranked.c.bytes > bytes_max))
    return connection.execute(sa.delete(table).where(table.c.id.in_(over))).rowcount


def list_refusals(connection: Connection, *, source: str | None = None, limit: int = 50) -> list[sa.Row[Any]]:
    """The newest refusals first, whole rows."""
    table = table_of(Refusal)
    wanted = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    return list(connection.execute(wanted if source is None else wanted.where(table.c.source == source)))


def refused_since(connection: Connection, at: datetime) -> list[tuple[str, str, int]]:
    """How many requests were refused since `at`: (source, cause, count), the most frequent first."""
    table = table_of(Refusal)
    count = sa.func.sum(table.c.seen).label("refused")
    counted = sa.select(table.c.source, table.c.cause, count).where(table.c.at >= at).group_by(table.c.source, table.c.cause)
    rows = connection.execute(counted.order_by(count.desc(), table.c.source, table.c.cause))
    return [(source, cause, int(refused)) for source, cause, refused in rows]


_DELIVERY = table_of(Delivery)
_THIS = _DELIVERY.c.id == sa.bindparam("of_delivery")
_IDS: Any = sa.bindparam("of_deliveries", expanding=True)
_DUE = sa.and_(_DELIVERY.c.routed_at.is_(None), sa.or_(_DELIVERY.c.route_after.is_(None), _DELIVERY.c.route_after <= sa.bindparam("now")))
_LOAD = sa.select(_DELIVERY).where(_DELIVERY.c.id.in_(_IDS), _DELIVERY.c.routed_at.is_(None)).order_by(_DELIVERY.c.id)
_CLAIM = sa.select(_DELIVERY.c.id).where(_DELIVERY.c.id.in_(_IDS), _DUE).order_by(_DELIVERY.c.id).with_for_update(skip_locked=True)
_NEXT = (
    sa.select(_DELIVERY.c.id).where(_DUE, _DELIVERY.c.id >= sa.bindparam("first")).order_by(_DELIVERY.c.id).limit(sa.bindparam("at_most"))
)
_PUT_BACK = sa.update(_DELIVERY).where(_THIS).values(route_after=sa.bindparam("later"))
_TOLD: dict[str, Any] = {"routed_at": sa.bindparam("now"), "outcome": sa.bindparam("to_outcome"), "reason": sa.bindparam("to_reason")}
_ROUTED = sa.update(_DELIVERY).where(_THIS).values(**_TOLD)
_OTHER = _DELIVERY.alias("other")
_SAME_ID = (_OTHER.c[name] == _DELIVERY.c[name] for name in ("source", "native_type", "native_id"))
_FIRSTS = (
    sa.select(_DELIVERY.c.id, sa.func.min(_OTHER.c.id))
    .join(_OTHER, sa.and_(*_SAME_ID))
    .where(_DELIVERY.c.id.in_(_IDS))
    .group_by(_DELIVERY.c.id)
)


def load_unrouted(connection: Connection, delivery_ids: Sequence[int]) -> Sequence[sa.RowMapping]:
    """Those of these deliveries that are not routed, whole, the oldest first."""
    return connection.execute(_LOAD, {"of_deliveries": list(delivery_ids)}).mappings().all()


def unrouted(connection: Connection, *, now: datetime, limit: int, first: int = 0) -> list[int]:
    """Ids of deliveries to route now, the oldest first, from `first` on."""
    return list(connection.execute(_NEXT, {"now": now, "first": first, "at_most": limit}).scalars())


def claim_unrouted(connection: Connection, delivery_ids: Sequence[int], *, now: datetime) -> dict[int, int]:
    """Lock those of these deliveries that are unrouted, due and nobody else's until the transaction ends.

    With each the lowest delivery of the same native id: the others of that id, with other content, are its variants.
    """
    claimed = list(connection.execute(_CLAIM, {"of_deliveries": list(delivery_ids), "now": now}).scalars())
    return {row[0]: row[1] for row in connection.execute(_FIRSTS, {"of_deliveries": claimed})} if claimed else {}


def count_try(connection: Connection, delivery_id: int) -> int:
    """Count a failed try to route; how many there were."""
    counted = sa.update(_DELIVERY).where(_THIS).values(tries=_DELIVERY.c.tries + 1).returning(_DELIVERY.c.tries)
    return int(connection.execute(counted, {"of_delivery": delivery_id}).scalar_one())


def unroute(connection: Connection, delivery_id: int) -> bool:
    """Have a parked delivery routed again; false where it was not parked."""
    parked = sa.and_(_THIS, _DELIVERY.c.outcome == "parked")
    again = sa.update(_DELIVERY).where(parked).values(routed_at=None, outcome=None, reason=None, route_after=None, tries=0)
    return connection.execute(again, {"of_delivery": delivery_id}).rowcount == 1


def put_back(connection: Connection, delivery_id: int, *, route_after: datetime) -> None:
    """Leave a delivery unrouted until `route_after`."""
    connection.execute(_PUT_BACK, {"of_delivery": delivery_id, "later": route_after})


def mark_routed(connection: Connection, told: Mapping[int, tuple[str, str]], *, at: datetime) -> None:
    """Keep what deliveries came to: (outcome, reason) by id."""
    if told:
        rows = [{"of_delivery": id, "now": at, "to_outcome": said[:32], "to_reason": why[:256]} for id, (said, why) in told.items()]
        connection.execute(_ROUTED, rows)
