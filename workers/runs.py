"""Runs: one workflow working on one key, and what a trigger comes to.

Owns table `run` and its queries, but for those of the worker that has claimed a run (workers/claims.py). `pending_seq` counts what the
router brought. A trigger while a run of its key is live makes no second one: it is followed later, taken in, or puts off a run that
waits for quiet.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import BIGINT, Json, UtcDateTime, insert_new, table_of
from workers.ids import new_id

LET_GO_PER_S = 100
AWAITS = "awaits "  # how the reason of a run begins that waits for an event and for no instant
FILELESS = "workflow_unknown"  # why a run waits that no worker at hand has the file of
QUIET_MAX = 10
UNFINISHED = ("ready", "running", "waiting", "parked")
LIVE = "status IN ('ready', 'running', 'waiting', 'parked')"


class RunRow(SQLModel, table=True):
    """One run. `customer_id` and `invoice_id` say whose events wake it; `seen_seq` is the pending_seq its last claim had in view.

    `successor_trigger_id`: the last trigger that came while it was live and that it has not taken in. `successor_seq`: the pending_seq
    that trigger raised, where the run takes its triggers in itself. `quiet_until`: until its first claim it waits for quiet, no longer
    than until then, and nothing wakes it.
    `doubted`: a restored backup may lack what it did (workers/restored.py).
    """

    __tablename__ = "run"
    __table_args__ = (
        sa.Index("run_live_key", "source", "workflow", "key", unique=True, sqlite_where=sa.text(LIVE), postgresql_where=sa.text(LIVE)),
        sa.Index("run_due", "status", "wake_at"),
        sa.Index("run_key", "source", "key"),
        sa.Index("run_trigger", "trigger_id"),
        sa.Index("run_invoice", "source", "invoice_id"),
        sa.Index("run_customer", "source", "customer_id"),
    )

    id: str = Field(primary_key=True, max_length=32)
    source: str = Field(max_length=64)
    workflow: str = Field(max_length=64)
    key: str = Field(max_length=256)
    customer_id: str | None = Field(default=None, max_length=128)
    invoice_id: str | None = Field(default=None, max_length=128)
    trigger_id: int = Field(sa_column=sa.Column(BIGINT, nullable=False))
    successor_trigger_id: int | None = Field(default=None, sa_column=sa.Column(BIGINT))
    successor_seq: int | None = None
    status: str = Field(max_length=12)
    outcome: str | None = Field(default=None, max_length=16)
    reason: str | None = Field(default=None, max_length=512)
    mode: str = Field(max_length=8)
    policy_id: int | None = Field(default=None, sa_column=sa.Column(BIGINT))
    reissue: Any = Field(default=None, sa_column=sa.Column(Json))
    started_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    wake_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    ready_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    quiet_until: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    fence: int = 0
    owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    pending_seq: int = 0
    seen_seq: int = 0
    hinted_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    hints: int = 0
    takeovers: int = 0
    failures: int = 0
    retries: int = 0
    progress: int = 0
    doubted: bool = False


_RUN = table_of(RunRow)
QUIET = sa.and_(_RUN.c.quiet_until.is_not(None), _RUN.c.fence == 0)
_WAITING = sa.and_(_RUN.c.status == "waiting", sa.not_(QUIET))
_WOKEN = {
    "pending_seq": _RUN.c.pending_seq + 1,
    "status": sa.case((_WAITING, "ready"), else_=_RUN.c.status),
    "ready_at": sa.case((_WAITING, sa.bindparam("woken_at", type_=UtcDateTime())), else_=_RUN.c.ready_at),
    "hinted_at": sa.case((_WAITING, sa.null()), else_=_RUN.c.hinted_at),
    "hints": sa.case((_WAITING, 0), else_=_RUN.c.hints),
}
_HERE = _RUN.c.source == sa.bindparam("of_source")
_OF_SOURCE = sa.and_(_HERE, sa.text(LIVE))
_OF_CUSTOMER = sa.and_(_HERE, _RUN.c.customer_id == sa.bindparam("of_customer"))
_OF_INVOICE = sa.or_(  # the source in each of the two, so that SQLite takes both indexes and not every live run of the source
    sa.and_(_HERE, _RUN.c.invoice_id == sa.bindparam("of_invoice")), sa.and_(_OF_CUSTOMER, _RUN.c.invoice_id.is_(None))
)
_LOAD = sa.select(_RUN).where(_RUN.c.id == sa.bindparam("of_run"))
_WAKE = sa.update(_RUN).where(_RUN.c.id == sa.bindparam("of_run"), sa.text(LIVE)).values(**_WOKEN)
_WAKE_INVOICE = sa.update(_RUN).where(sa.text(LIVE), _OF_INVOICE).values(**_WOKEN).returning(_RUN.c.id)
_WAKE_CUSTOMER = sa.update(_RUN).where(_OF_SOURCE, _OF_CUSTOMER).values(**_WOKEN).returning(_RUN.c.id)
_SAME_KEY = sa.and_(_RUN.c.workflow == sa.bindparam("of_workflow"), _RUN.c.key == sa.bindparam("of_key"))
_LIVE_KEY = sa.update(_RUN).where(_OF_SOURCE, _SAME_KEY)
_DOUBTED = {"doubted": sa.or_(_RUN.c.doubted, sa.bindparam("doubtful", type_=sa.Boolean))}
_FOLLOW = _LIVE_KEY.values(successor_trigger_id=sa.bindparam("trigger"), successor_seq=None, **_WOKEN)
_JOIN = _LIVE_KEY.values(successor_trigger_id=sa.bindparam("trigger"), successor_seq=_RUN.c.pending_seq + 1, **_WOKEN, **_DOUBTED)
_STARTS_AT = sa.bindparam("starts_at", type_=UtcDateTime())
_QUIET_ENDS = sa.case((_RUN.c.quiet_until < _STARTS_AT, _RUN.c.quiet_until), else_=_STARTS_AT)
_LATEST: dict[str, Any] = {name: sa.bindparam(f"to_{name}") for name in ("customer_id", "invoice_id", "mode", "policy_id")}
_PUT_OFF = _LIVE_KEY.where(QUIET).values(
    trigger_id=sa.bindparam("trigger"), wake_at=_QUIET_ENDS, ready_at=_QUIET_ENDS, **_LATEST, **_DOUBTED
)


def start(
    connection: Connection,
    *,
    source: str,
    workflow: str,
    key: str,
    trigger_id: int,
    mode: str,
    policy_id: int | None,
    customer_id: str | None,
    invoice_id: str | None,
    at: datetime,
    reissue: Any = None,
    joins: bool = False,
    quiet: timedelta | None = None,
    came_at: datetime | None = None,
    doubted: bool = False,
    id: str | None = None,
) -> str | None:
    """The id of a new run, or None where a live one has the key: then that one is woken and, if it does not take this in, followed.

    `joins`: the live run takes its triggers in itself; only one it has not seen by its end is followed.
    `quiet`: begin so long after the last trigger, at most QUIET_MAX times that after the first; a trigger before that puts it off.
    `came_at`: when the trigger came, where that was before `at`. `doubted`: a restored backup may lack what was done about it, by
    this run or by the live one that takes it in.
    """
    starts_at = (came_at or at) + quiet if quiet else None
    values = {
        "id": id or new_id(),
        "source": source,
        "workflow": workflow,
        "key": key[:256],
        "customer_id": customer_id,
        "invoice_id": invoice_id,
        "trigger_id": trigger_id,
        "status": "waiting" if starts_at else "ready",
        "mode": mode,
        "policy_id": policy_id,
        "started_at": at,
        "ready_at": starts_at or at,
        "wake_at": starts_at,
        "quiet_until": (came_at or at) + quiet * QUIET_MAX if quiet else None,
        "reissue": reissue,
        "fence": 0,
        "doubted": doubted,
        "pending_seq": 0,
        "seen_seq": 0,
        "hints": 0,
        "takeovers": 0,
        "failures": 0,
        "retries": 0,
        "progress": 0,
    }
    same = {"of_source": source, "of_workflow": workflow, "of_key": key[:256], "trigger": trigger_id}
    latest = same | {"starts_at": starts_at, "doubtful": doubted} | {f"to_{name}": values[name] for name in _LATEST}
    follow, woken = (_JOIN, same | {"woken_at": at, "doubtful": doubted}) if joins else (_FOLLOW, same | {"woken_at": at})
    while True:  # on PostgreSQL the live run may begin or end between two of the statements: then look again
        added: str | None = insert_new(connection, RunRow, values, unique=("source", "workflow", "key"), where=LIVE)
        if added is not None or (quiet and connection.execute(_PUT_OFF, latest).rowcount):
            return added
        if connection.execute(follow, woken).rowcount:
            return None


def wake_concerned(connection: Connection, source: str, *, customer_id: str | None, invoice_id: str | None, at: datetime) -> list[str]:
    """Make every live run that concerns these objects look again; matched by key, never by status. The ids now ready."""
    if not invoice_id and not customer_id:
        return []
    named = {"of_source": source, "of_invoice": invoice_id, "of_customer": customer_id, "woken_at": at}
    return list(connection.execute(_WAKE_INVOICE if invoice_id else _WAKE_CUSTOMER, named).scalars())


def wake(connection: Connection, run_id: str, *, at: datetime) -> None:
    """Make one live run look again."""
    connection.execute(_WAKE, {"of_run": run_id, "woken_at": at})


def let_go(
    connection: Connection, reason: str, *, at: datetime, source: str | None = None, workflow: str | None = None, at_most: int | None = None
) -> int:
    """Have the runs due that wait for this reason, the longest ready first, LET_GO_PER_S of them each second; how many.

    The last statement of the transaction that ends the reason. It passes over rows that others hold: a run that is going to sleep just
    now asks by itself whether the reason still stands (workers/holds.py).
    """
    named = ((_RUN.c.source, source), (_RUN.c.workflow, workflow))
    chosen = sa.and_(_RUN.c.status == "waiting", _RUN.c.reason == reason, *(column == value for column, value in named if value))
    query = sa.select(_RUN.c.id).where(chosen).order_by(_RUN.c.ready_at, _RUN.c.id).limit(at_most).with_for_update(skip_locked=True)
    ids = connection.execute(query).scalars().all()
    for second, first in enumerate(range(0, len(ids), LET_GO_PER_S)):
        due = sa.literal(at + timedelta(seconds=second), UtcDateTime())
        values = {"wake_at": sa.case((_RUN.c.wake_at < due, _RUN.c.wake_at), else_=due), "reason": None, "hinted_at": None, "hints": 0}
        connection.execute(sa.update(_RUN).where(_RUN.c.id.in_(ids[first : first + LET_GO_PER_S])).values(**values))
    return len(ids)


def due_now(connection: Connection, run_id: str, *, at: datetime) -> None:
    """Have a waiting run due: what it waits for is over."""
    connection.execute(sa.update(_RUN).where(_RUN.c.id == run_id, _RUN.c.status == "waiting").values(wake_at=at, reason=None))


def took_in(connection: Connection, run_id: str) -> None:
    """The last trigger that came while the run was live needs no run of its own."""
    connection.execute(sa.update(_RUN).where(_RUN.c.id == run_id).values(successor_trigger_id=None))


def unpark(connection: Connection, run_id: str, *, at: datetime) -> bool:
    """Let a parked run try again; false where it was not parked."""
    table = table_of(RunRow)
    values = {"status": "ready", "ready_at": at, "failures": 0, "takeovers": 0, "hinted_at": None, "hints": 0, "reason": None}
    return connection.execute(sa.update(table).where(table.c.id == run_id, table.c.status == "parked").values(**values)).rowcount == 1


def give_up(connection: Connection, run_id: str, *, reason: str, at: datetime) -> int | None:
    """End a parked run for good; the id of a trigger that waits behind it, or None."""
    table = table_of(RunRow)
    values = {"status": "closed", "outcome": "closed", "reason": reason[:512], "ended_at": at}
    ended = sa.update(table).where(table.c.id == run_id, table.c.status == "parked").values(**values)
    row = connection.execute(ended.returning(table.c.successor_trigger_id)).first()
    return row[0] if row else None


def is_live(connection: Connection, source: str, workflow: str, key: str) -> bool:
    """Whether an unfinished run has this key."""
    same = sa.and_(_RUN.c.source == source, _RUN.c.workflow == workflow, _RUN.c.key == key[:256], _RUN.c.status.in_(UNFINISHED))
    return connection.execute(sa.select(_RUN.c.id).where(same)).first() is not None


def live_keys(connection: Connection, source: str, workflow: str, keys: Collection[str]) -> set[str]:
    """Those of the keys that an unfinished run has; keys are kept in their first 256 characters."""
    same = sa.and_(_RUN.c.source == source, _RUN.c.key.in_(sorted({key[:256] for key in keys})), _RUN.c.workflow == workflow)
    return set(connection.execute(sa.select(_RUN.c.key).where(same, _RUN.c.status.in_(UNFINISHED))).scalars())


def supersede(connection: Connection, source: str, workflow: str, *, at: datetime) -> int:
    """End every live run that only observed: the workflow acts from now on, and looks anew. How many."""
    table = table_of(RunRow)
    observing = sa.and_(table.c.source == source, table.c.workflow == workflow, table.c.mode == "observe", table.c.status.in_(UNFINISHED))
    values = {
        "status": "superseded",
        "outcome": "superseded",
        "reason": "left observe",
        "ended_at": at,
        "wake_at": None,
        "lease_until": None,
    }
    return connection.execute(sa.update(table).where(observing).values(fence=table.c.fence + 1, owner=None, **values)).rowcount


def page(
    connection: Connection, *, after: str, workflow: str | None, run_id: str | None, finished_too: bool, limit: int
) -> Sequence[sa.RowMapping]:
    """The next runs by id behind `after`, the unfinished ones alone unless `finished_too`."""
    query = sa.select(_RUN).where(_RUN.c.id > after)
    if not finished_too:
        query = query.where(_RUN.c.status.in_(UNFINISHED))
    for column, value in ((_RUN.c.workflow, workflow), (_RUN.c.id, run_id)):
        query = query if value is None else query.where(column == value)
    return connection.execute(query.order_by(_RUN.c.id).limit(limit)).mappings().all()


def load(connection: Connection, run_id: str) -> sa.RowMapping | None:
    return connection.execute(_LOAD, {"of_run": run_id}).mappings().first()


def reissued(connection: Connection, run_ids: Collection[str]) -> set[str]:
    """Those of these runs that were ordered to do something again."""
    query = sa.select(_RUN.c.id).where(_RUN.c.id.in_(list(run_ids)), _RUN.c.reissue.is_not(None))
    return set(connection.execute(query).scalars())
