"""Claims: who may work on a run now, and all that a worker writes on the run it has.

Part of the queries of table `run` (workers/runs.py). A claim is a compare-and-set that raises the fence; every later write of that worker
names the fence, and one that was overtaken gets LostLease. A run may only go to sleep when the claim has seen all the router brought.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import UtcDateTime, table_of
from workers.errors import LostLease
from workers.runs import RunRow

LEASE = timedelta(seconds=30)
SPREAD = timedelta(seconds=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on a run until the lease ends. `seen` is the pending_seq this claim has in view.

    `noted`: journal entries of this claim that are written with the next one (workers/journal.py).
    """

    run_id: str
    fence: int
    seen: int
    row: sa.RowMapping
    noted: list[Any] = field(default_factory=list)


_RUN = table_of(RunRow)
_ABANDONED = sa.and_(_RUN.c.status == "running", _RUN.c.lease_until < sa.bindparam("machine"))
_DUE = sa.and_(_RUN.c.status == "waiting", _RUN.c.wake_at <= sa.bindparam("business"))
_LEASED = {"lease_until": sa.bindparam("lease", type_=UtcDateTime())}
_OWN = sa.and_(_RUN.c.id == sa.bindparam("of_run"), _RUN.c.fence == sa.bindparam("of_fence"), _RUN.c.status == "running")
_TAKEN_IN = sa.and_(sa.bindparam("looked", type_=sa.Boolean), _RUN.c.successor_seq <= _RUN.c.seen_seq)
_CLAIM = (
    sa.update(_RUN)
    .where(_RUN.c.id == sa.bindparam("of_run"), sa.or_(_RUN.c.status == "ready", _DUE, _ABANDONED))
    .values(
        status="running",
        fence=_RUN.c.fence + 1,
        owner=sa.bindparam("to_owner"),
        wake_at=None,
        seen_seq=_RUN.c.pending_seq,
        hinted_at=None,
        hints=0,
        takeovers=sa.case((_RUN.c.status == "running", _RUN.c.takeovers + 1), else_=0),
        **_LEASED,
    )
    .returning(_RUN)
)
_CLAIMABLE = (
    sa.select(_RUN.c.id).where(sa.or_(_RUN.c.status == "ready", _DUE, _ABANDONED)).order_by(_RUN.c.ready_at).limit(sa.bindparam("at_most"))
)
_HOLD = sa.update(_RUN).where(_OWN).values(**_LEASED)
_FOLLOWED_BY = sa.case((_TAKEN_IN, None), else_=_RUN.c.successor_trigger_id)
_PROGRESS = (
    sa.update(_RUN)
    .where(_OWN)
    .values(progress=_RUN.c.progress + 1, takeovers=0, failures=0, retries=0, successor_trigger_id=_FOLLOWED_BY, **_LEASED)
)
_ENDED = {"lease_until": None, "owner": None, "wake_at": None, "ended_at": sa.bindparam("now", type_=UtcDateTime())}
_FINISH = (
    sa.update(_RUN)
    .where(_OWN)
    .values(
        status=sa.bindparam("to_status"),
        outcome=sa.bindparam("to_status"),
        reason=sa.bindparam("to_reason"),
        **_ENDED,
    )
    .returning(_RUN.c.successor_trigger_id)
)

_FENCED = sa.and_(_RUN.c.id == sa.bindparam("of_run"), _RUN.c.fence == sa.bindparam("of_fence"))
_SUSPEND = (
    sa.update(_RUN)
    .where(_FENCED, _RUN.c.pending_seq <= sa.bindparam("seen"))
    .values(
        status="waiting",
        wake_at=sa.bindparam("to_wake", type_=UtcDateTime()),
        reason=sa.bindparam("to_reason"),
        retries=_RUN.c.retries + sa.bindparam("retried"),
        lease_until=None,
        owner=None,
    )
)
_BACK = sa.update(_RUN).where(_FENCED).values(status="ready", lease_until=None, owner=None)


def claim(connection: Connection, run_id: str, *, owner: str, business: datetime, machine: datetime) -> Claim | None:
    """Take the run if it is ready, due, or abandoned; None where somebody else has it or it waits."""
    named = {"of_run": run_id, "to_owner": owner, "business": business, "machine": machine, "lease": _first_lease(run_id, machine)}
    row = connection.execute(_CLAIM, named).mappings().first()
    return Claim(run_id=run_id, fence=row["fence"], seen=row["pending_seq"], row=row) if row else None


def _first_lease(run_id: str, machine: datetime) -> datetime:
    """When a claim ends that writes nothing. Those a lost worker had come back one by one: the one that killed it kills no other again."""
    return machine + LEASE - SPREAD * (zlib.crc32(f"{run_id} {machine.isoformat()}".encode()) / 2**32)


def hold(connection: Connection, run_id: str, fence: int, *, machine: datetime) -> None:
    """Prove that the fence is still ours and renew the lease; raises LostLease."""
    if connection.execute(_HOLD, {"of_run": run_id, "of_fence": fence, "lease": machine + LEASE}).rowcount != 1:
        raise LostLease


def progress(connection: Connection, claim: Claim, *, machine: datetime, looked: bool) -> None:
    """`hold` where a journal row is written with it. `looked`: the run learned something, with every trigger before its claim in view."""
    named = {"of_run": claim.run_id, "of_fence": claim.fence, "lease": machine + LEASE, "looked": looked}
    if connection.execute(_PROGRESS, named).rowcount != 1:
        raise LostLease


def suspend(connection: Connection, claim: Claim, *, wake_at: datetime | None, retried: bool = False, reason: str | None = None) -> bool:
    """Let the run wait; false where something came since the claim, and the run must look again.

    `retried` counts a read that will be asked again; `reason` says why it waits, where that is not its own wish.
    """
    own = {"of_run": claim.run_id, "of_fence": claim.fence}
    waits = {"seen": claim.seen, "to_wake": wake_at, "to_reason": reason, "retried": int(retried)}
    if connection.execute(_SUSPEND, {**own, **waits}).rowcount == 1:
        return True
    if connection.execute(_BACK, own).rowcount != 1:
        raise LostLease
    return False


def retry_later(connection: Connection, claim: Claim, *, wake_at: datetime) -> None:
    """Put a run that failed by a bug aside until `wake_at`, counting the failure."""
    table = table_of(RunRow)
    own = sa.update(table).where(table.c.id == claim.run_id, table.c.fence == claim.fence)
    values = {"status": "waiting", "wake_at": wake_at, "failures": table.c.failures + 1, "lease_until": None, "owner": None}
    if connection.execute(own.values(**values)).rowcount != 1:
        raise LostLease


def finish(connection: Connection, claim: Claim, *, outcome: str, reason: str | None, at: datetime) -> int | None:
    """End the run; the id of a trigger that came meanwhile and that it has not taken in, or None."""
    said = {"to_status": outcome, "to_reason": None if reason is None else reason[:512], "now": at}
    row = connection.execute(_FINISH, {"of_run": claim.run_id, "of_fence": claim.fence, **said}).first()
    if row is None:
        raise LostLease
    return row[0]  # type: ignore[no-any-return]


def park(connection: Connection, claim: Claim, *, reason: str) -> None:
    """Put the run before a person; an open parked item says why."""
    table = table_of(RunRow)
    own = sa.update(table).where(table.c.id == claim.run_id, table.c.fence == claim.fence)
    if connection.execute(own.values(status="parked", reason=reason[:512], lease_until=None, owner=None, wake_at=None)).rowcount != 1:
        raise LostLease


def claimable(connection: Connection, *, business: datetime, machine: datetime, limit: int) -> Sequence[str]:
    """Ids of runs somebody may claim now, the longest ready first."""
    return connection.execute(_CLAIMABLE, {"business": business, "machine": machine, "at_most": limit}).scalars().all()
