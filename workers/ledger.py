"""The effect ledger: what was meant to be done to the world, in which slot, and how it came out.

Owns tables `effect` and `slot` and their queries. Every change of state is a compare-and-set that also writes the
chained log. A slot is held by one effect per generation until that effect is cancelled, rejected or expired.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import Json, UtcDateTime, canonical_json, row_id, table_of
from workers import budgets, chain, facts
from workers.errors import StateConflict

FREED = ("cancelled", "rejected", "expired")
UNCALLED = ("proposed", "approved", "intended")
OPEN = ("proposed", "approved", "intended", "calling", "unknown")
EDGES = {
    "": {"proposed", "intended"},
    "proposed": {"approved", "cancelled", "expired"},
    "approved": {"intended", "calling", "cancelled", "expired", "proposed"},
    "intended": {"calling", "cancelled", "expired", "proposed"},
    "calling": {"done", "rejected", "unknown", "intended"},
    "unknown": {"done", "intended", "cancelled", "rejected", "calling"},  # calling: only under the provider's own key
}


class EffectRow(SQLModel, table=True):
    """One thing to be done once. `request` never changes.

    `approved_for`: what a person said yes to (`bound_to`); `approval_life_s`: how long such a yes holds, where the author says.
    `retired`: it was rejected and a person let its run's step plan anew.
    """

    __tablename__ = "effect"
    __table_args__ = (
        sa.Index(  # SQLite takes a partial index only for the very words of the query
            "effect_step", "run_id", "step", unique=True, sqlite_where=sa.text("retired = 0"), postgresql_where=sa.text("NOT retired")
        ),
        sa.Index("effect_state", "state", "id"),
        sa.Index("effect_run", "run_id"),
        sa.Index("effect_object", "source", "object_id"),
        sa.Index("effect_customer", "source", "customer_id"),
    )

    id: str = Field(primary_key=True, max_length=32)
    run_id: str = Field(max_length=32)
    step: str = Field(max_length=128)
    workflow: str = Field(max_length=64)
    source: str = Field(max_length=64)
    service: str = Field(max_length=64)
    object_kind: str = Field(max_length=16)
    object_id: str = Field(max_length=128)
    customer_id: str | None = Field(default=None, max_length=128)
    purpose: str = Field(max_length=64)
    state: str = Field(max_length=12)
    reason: str | None = Field(default=None, max_length=256)
    request: Any = Field(default=None, sa_column=sa.Column(Json, nullable=False))
    request_hash: str = Field(max_length=64)
    amount: str | None = Field(default=None, max_length=40)
    reply: Any = Field(default=None, sa_column=sa.Column(Json))
    reference: str | None = Field(default=None, max_length=128)
    before: Any = Field(default=None, sa_column=sa.Column(Json))
    fresh_hash: str | None = Field(default=None, max_length=64)
    attempts: int = 0
    calls: int = 0
    retired: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    approved_by: str | None = Field(default=None, max_length=128)
    approved_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    approved_for: str | None = Field(default=None, max_length=64)
    approval_life_s: int | None = None
    intended_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    valid_until: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    wake_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    calling_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    settled_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))


class SlotRow(SQLModel, table=True):
    """The right to do one thing to one object; `live` until its effect frees it."""

    __tablename__ = "slot"
    __table_args__ = (
        sa.Index(
            "slot_live",
            "source",
            "object_id",
            "purpose",
            "version",
            "generation",
            unique=True,
            sqlite_where=sa.text("live = 1"),
            postgresql_where=sa.text("live"),
        ),
        sa.Index("slot_effect", "effect_id"),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    object_id: str = Field(max_length=128)
    purpose: str = Field(max_length=64)
    version: str = Field(max_length=80)
    generation: int = 0
    effect_id: str = Field(max_length=32)
    live: bool = Field(sa_column=sa.Column(sa.Boolean, nullable=False))


@dataclass(frozen=True, slots=True)
class Slot:
    """(source, object, purpose, level or version). `exclusive`: refused while any version of the purpose is called, unknown or done."""

    source: str
    object_id: str
    purpose: str
    version: str = ""
    exclusive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An effect about to be intended."""

    run_id: str
    step: str
    workflow: str
    source: str
    service: str
    object_kind: str
    object_id: str
    customer_id: str | None
    purpose: str
    request: dict[str, Any]
    amount: str | None = None
    valid_until: datetime | None = None
    approval_life_s: int | None = None

    @property
    def request_hash(self) -> str:
        return hash_of(self.service, self.request)


PLANNED = frozenset(Plan.__dataclass_fields__) - {"valid_until"} | {"request_hash"}


def hash_of(service: str, request: Any) -> str:
    """SHA-256 of the service and the canonical request, hex."""
    return hashlib.sha256(f"{service}\n{canonical_json(request)}".encode()).hexdigest()


def is_as_planned(row: sa.RowMapping) -> bool:
    """Whether the request is still the one that was intended, and perhaps approved."""
    return hash_of(row["service"], row["request"]) == str(row["request_hash"])


def bound_to(row: sa.RowMapping) -> str:
    """What an approval of this effect is for: its request as it stands and its amount, as one SHA-256, hex."""
    return hashlib.sha256(f"{hash_of(row['service'], row['request'])}\n{row['amount']}".encode()).hexdigest()


def take_slots(connection: Connection, effect_id: str, slots: Sequence[Slot], *, reissue: bool = False) -> str | None:
    """Take every slot for the effect, or none: then the id of the effect that holds one. The caller holds the objects' mirror rows."""
    for slot in slots:
        holder = taken_by(connection, slot, reissue=reissue)
        if holder is not None:
            return holder
    for slot in slots:
        generation = latest_generation(connection, slot)
        values = {
            "source": slot.source,
            "object_id": slot.object_id,
            "purpose": slot.purpose,
            "version": slot.version,
            "generation": 0 if generation is None else generation + int(reissue),
            "effect_id": effect_id,
            "live": True,
        }
        connection.execute(_ADD_SLOT, values)
    return None


def leave_slots(connection: Connection, effect_id: str) -> None:
    """Give back what `take_slots` took: the effect is not planned after all."""
    connection.execute(_LEAVE_SLOTS, {"of_effect": effect_id})


def intend(connection: Connection, effect_id: str, plan: Plan, *, state: str, at: datetime, reason: str = "") -> None:
    """Plan the effect, which holds its slots. `reason`: why it is only proposed."""
    content = {n: getattr(plan, n) for n in Plan.__dataclass_fields__}
    row = {
        **content,
        "id": effect_id,
        "state": state,
        "reason": reason or None,
        "request_hash": plan.request_hash,
        "intended_at": at,
        "attempts": 0,
        "calls": 0,
        "retired": False,
    }
    connection.execute(_ADD, row)
    vouched = facts.of_plan(row, _taken(connection, effect_id))
    chain.append(
        connection, effect_id=effect_id, before="", after=state, at=at, request_hash=plan.request_hash, facts=vouched, reason=reason
    )


def _taken(connection: Connection, effect_id: str) -> list[facts.Taken]:
    return [tuple(row) for row in connection.execute(_TAKEN, {"of_effect": effect_id})]


def taken_by(connection: Connection, slot: Slot, *, reissue: bool = False, besides: str = "") -> str | None:
    """The effect that holds this slot, or, for an exclusive one, whose purpose may have been carried out already."""
    named = {**_purpose(slot), "besides": besides}
    if reissue:
        return connection.execute(_UNFINISHED, named).scalar_one_or_none()
    if slot.exclusive:
        holder = connection.execute(_ACTED, named).scalar_one_or_none()
        if holder is not None:
            return str(holder)
    return connection.execute(_HOLDER, {**named, "of_version": slot.version}).scalar_one_or_none()


def latest_generation(connection: Connection, slot: Slot) -> int | None:
    """The highest generation whose effect was not freed, over all versions of the slot's purpose; None where there is none."""
    return connection.execute(_GENERATION, _purpose(slot)).scalar_one_or_none()


def _purpose(slot: Slot) -> dict[str, str]:
    return {"of_source": slot.source, "of_object": slot.object_id, "of_purpose": slot.purpose}


def newer_than(connection: Connection, effect_id: str) -> str | None:
    """The effect that holds the latest generation of this effect's slot, where that is another one."""
    slot, own = table_of(SlotRow), table_of(SlotRow).alias("own")
    same = (slot.c[name] == own.c[name] for name in ("source", "object_id", "purpose"))
    later = sa.select(slot.c.effect_id).join(own, sa.and_(*same, slot.c.generation > own.c.generation))
    query = later.where(own.c.effect_id == effect_id, slot.c.live).order_by(slot.c.generation.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def move(
    connection: Connection,
    effect_id: str,
    after: str,
    *,
    since: Sequence[str],
    at: datetime,
    reason: str = "",
    actor: str = "",
    calls: int | None = None,
    **changed: Any,
) -> chain.Head:
    """Move an effect on, if it is in one of the states `since` (and at its `calls`-th call); raises StateConflict otherwise."""
    row = connection.execute(_STATE, {"of_effect": effect_id}).first()
    if row is None or row.state not in since or calls not in (None, row.calls) or after not in EDGES.get(row.state, set()):
        raise StateConflict(effect=effect_id, state=row.state if row else "missing", wanted=after)
    settled = {"settled_at": at} if after in ("done", *FREED) else {}
    counted = {"calls": row.calls + 1} if after == "calling" else {}
    values = {"state": after, "reason": reason[:256] or None, **settled, **counted, **changed}
    connection.execute(_move(tuple(values)), {f"to_{name}": value for name, value in values.items()} | {"of_effect": effect_id})
    if after in FREED:
        connection.execute(_FREE, {"of_effect": effect_id})
        budgets.release(connection, effect_id)
    if facts.plans(row.state, after):
        vouched = facts.of_plan(dict(connection.execute(_LOAD, {"of_effect": effect_id}).mappings().one()), _taken(connection, effect_id))
    else:
        vouched = facts.of_call({**row._mapping, **values})
    logged = {"effect_id": effect_id, "before": row.state, "after": after, "request_hash": row.request_hash, "facts": vouched}
    return chain.append(connection, **logged, at=at, reason=reason, actor=actor)


def postpone(connection: Connection, effect_id: str, state: str, *, attempts: int, wake_at: datetime | None, reason: str) -> None:
    """Note when an effect that is still in `state` is looked at again."""
    table = table_of(EffectRow)
    still = sa.and_(table.c.id == effect_id, table.c.state == state)
    connection.execute(sa.update(table).where(still).values(attempts=attempts, wake_at=wake_at, reason=reason))


def look_now(connection: Connection, run_id: str) -> bool:
    """Forget until when the run's uncalled effects were put off; false where it has none."""
    table = table_of(EffectRow)
    waiting = sa.and_(table.c.run_id == run_id, table.c.state.in_(("approved", "intended")))
    return connection.execute(sa.update(table).where(waiting).values(wake_at=None)).rowcount > 0


def forget_words(connection: Connection) -> None:
    """Let no approval of an effect that is not settled hold any longer: what was approved may have been carried out since."""
    table = table_of(EffectRow)
    connection.execute(sa.update(table).where(table.c.state.in_(OPEN), table.c.approved_for.is_not(None)).values(approved_for=None))


def retire(connection: Connection, effect_id: str) -> None:
    """Let the step of a rejected effect plan another one."""
    table = table_of(EffectRow)
    connection.execute(sa.update(table).where(table.c.id == effect_id, table.c.state == "rejected").values(retired=True))


def load(connection: Connection, effect_id: str) -> sa.RowMapping | None:
    return connection.execute(_LOAD, {"of_effect": effect_id}).mappings().first()


def of_step(connection: Connection, run_id: str, step: str) -> sa.RowMapping | None:
    return connection.execute(_OF_STEP, {"of_run": run_id, "of_step": step}).mappings().first()


def slots_of(connection: Connection, effect_id: str) -> list[Slot]:
    """The slots an effect holds."""
    return [Slot(*row[:4]) for row in connection.execute(_TAKEN, {"of_effect": effect_id})]


def first_versions(connection: Connection, effect_ids: Sequence[str]) -> dict[str, str]:
    """The version of each effect's first slot; an effect that holds none is left out."""
    table = table_of(SlotRow)
    query = sa.select(table.c.effect_id, table.c.version).where(table.c.effect_id.in_(effect_ids)).order_by(table.c.id.desc())
    return {row.effect_id: row.version for row in connection.execute(query)}


def open_of_run(connection: Connection, run_id: str) -> Sequence[sa.RowMapping]:
    """The run's effects that are not settled."""
    table = table_of(EffectRow)
    return (
        connection.execute(sa.select(table).where(table.c.run_id == run_id, table.c.state.in_(OPEN), sa.not_(table.c.retired)))
        .mappings()
        .all()
    )


def steps_held(connection: Connection, run_ids: Sequence[str]) -> dict[str, list[str]]:
    """By run, the steps whose effect holds its slots: planned, under way, unknown or done, not given up."""
    found: dict[str, list[str]] = {}
    for row in connection.execute(_STEPS_HELD, {"of_runs": list(run_ids)}):
        found.setdefault(row.run_id, []).append(row.step)
    return found


def calling_for(connection: Connection, source: str, object_ids: Sequence[str]) -> datetime | None:
    """Since when a call about one of these objects has been under way, or None."""
    return connection.execute(_CALLING, {"of_source": source, "of_objects": list(object_ids)}).scalar_one_or_none()


_EFFECT, _SLOT = table_of(EffectRow), table_of(SlotRow)
_THIS = _EFFECT.c.id == sa.bindparam("of_effect")
_ADD, _ADD_SLOT = sa.insert(_EFFECT), sa.insert(_SLOT)
_LOAD = sa.select(_EFFECT).where(_THIS)
_OF_STEP = sa.select(_EFFECT).where(
    _EFFECT.c.run_id == sa.bindparam("of_run"), _EFFECT.c.step == sa.bindparam("of_step"), sa.not_(_EFFECT.c.retired)
)
_STATE = (
    sa.select(_EFFECT.c.state, _EFFECT.c.request_hash, _EFFECT.c.calls, _EFFECT.c.calling_at, _EFFECT.c.fresh_hash)
    .where(_THIS)
    .with_for_update()
)
_TAKEN = (
    sa.select(_SLOT.c.source, _SLOT.c.object_id, _SLOT.c.purpose, _SLOT.c.version, _SLOT.c.generation)
    .where(_SLOT.c.effect_id == sa.bindparam("of_effect"))
    .order_by(_SLOT.c.id)
)
_LEAVE_SLOTS = sa.delete(_SLOT).where(_SLOT.c.effect_id == sa.bindparam("of_effect"))
_FREE = sa.update(_SLOT).where(_SLOT.c.effect_id == sa.bindparam("of_effect")).values(live=False)
_OF_PURPOSE = sa.and_(
    _SLOT.c.source == sa.bindparam("of_source"),
    _SLOT.c.object_id == sa.bindparam("of_object"),
    _SLOT.c.purpose == sa.bindparam("of_purpose"),
    _SLOT.c.live,
)
_GENERATION = sa.select(sa.func.max(_SLOT.c.generation)).where(_OF_PURPOSE)
_HELD = (
    sa.select(_EFFECT.c.id)
    .join(_SLOT, _SLOT.c.effect_id == _EFFECT.c.id)
    .where(_OF_PURPOSE, _SLOT.c.effect_id != sa.bindparam("besides"))
    .order_by(_SLOT.c.generation.desc())
    .limit(1)
)
_UNFINISHED = _HELD.where(_EFFECT.c.state != "done")
_ACTED = _HELD.where(_EFFECT.c.state.in_(("calling", "unknown", "done")))
_HOLDER = _HELD.where(_SLOT.c.version == sa.bindparam("of_version"))
_RUNS: Any = sa.bindparam("of_runs", expanding=True)
_HOLDING = sa.and_(_EFFECT.c.run_id.in_(_RUNS), _EFFECT.c.state.not_in(FREED), sa.not_(_EFFECT.c.retired))
_STEPS_HELD = sa.select(_EFFECT.c.run_id, _EFFECT.c.step).where(_HOLDING).order_by(_EFFECT.c.intended_at, _EFFECT.c.id)
_OBJECTS: Any = sa.bindparam("of_objects", expanding=True)
_CALLING = sa.select(sa.func.max(_EFFECT.c.calling_at)).where(
    _EFFECT.c.source == sa.bindparam("of_source"),
    _EFFECT.c.state == "calling",
    sa.or_(_EFFECT.c.object_id.in_(_OBJECTS), _EFFECT.c.customer_id.in_(_OBJECTS)),
)


@lru_cache(maxsize=64)
def _move(names: tuple[str, ...]) -> Any:
    """The UPDATE of one effect that sets these columns; raises ValueError for one of the plan, which never changes."""
    if PLANNED & set(names):
        raise ValueError(f"an effect's plan never changes: {', '.join(sorted(PLANNED & set(names)))}")
    return sa.update(_EFFECT).where(_THIS).values({name: sa.bindparam(f"to_{name}", type_=_EFFECT.c[name].type) for name in names})
