"""When nobody can know: an effect whose call was made and whose outcome was lost.

Used by workers/effects.py, and where a run ends before its effect is settled. The service's class decides: look and believe what the
provider shows, repeat under the provider's own key, or ask a person. Never a second call on a guess.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.errors import Retryable
from receiver.log import get_logger
from workers import breaker, chain, desk, journal, ledger, runs
from workers.absence import BELIEVED_AFTER
from workers.deed import Deed
from workers.errors import OWN_RATE, Cancelled, NotFound, RateHeld, StateConflict, Suspend
from workers.limits import Rank
from workers.providers.service import Asked, Find, Idempotent, Look

log = get_logger(__name__)
LOOK_AFTER = timedelta(seconds=25)
WORKER_LOST = "worker_lost"
FIRST_NO = "look_says_no_once"
NOT_KEPT = "answer_not_kept"


def lost(deed: Deed, row: sa.RowMapping) -> None:
    """A call was under way when its worker was lost. Raises LostLease: a call of whoever has the run now is not lost."""

    def act(connection: Connection) -> None:
        deed.hold(connection)
        _forget(connection, deed, row, WORKER_LOST)

    _unknown(deed, row, WORKER_LOST, act)


def unknown(deed: Deed, row: sa.RowMapping, why: str) -> None:
    """Our own call, the one after `row`, came to nothing that can be told."""

    def act(connection: Connection) -> None:
        breaker.failed(connection, deed.source, why, at=deed.now(connection))
        _forget(connection, deed, row, why, calls=row["calls"] + 1)

    _unknown(deed, row, why, act)


def _unknown(deed: Deed, row: sa.RowMapping, why: str, act: Callable[[Connection], None]) -> None:
    try:
        deed.runtime.db.write(act)
    except StateConflict:
        return  # whoever made the call settled it meanwhile
    log.warning("effect unknown", effect=row["id"], run=deed.claim.run_id, reason=why)
    deed.runtime.point("unknown")


def _forget(connection: Connection, deed: Deed, row: sa.RowMapping, why: str, *, calls: int | None = None) -> None:
    """calling → unknown, for the `calls`-th call only where that is given."""
    ledger.move(connection, row["id"], "unknown", since=["calling"], at=deed.now(connection), reason=why, calls=calls)


def not_kept(deed: Deed, row: sa.RowMapping, said: str) -> NoReturn:
    """Our own call, the one after `row`, was answered with `said`, and the answer cannot be kept: only a person can settle it now."""

    def act(connection: Connection) -> sa.RowMapping:
        now, calls = deed.now(connection), row["calls"] + 1
        called = ledger.load(connection, row["id"])
        if called is None or called["state"] not in ("calling", "unknown") or called["calls"] != calls:
            raise StateConflict(effect=row["id"])  # a person settled it meanwhile
        if called["state"] == "calling":
            ledger.move(connection, row["id"], "unknown", since=["calling"], at=now, reason=NOT_KEPT, calls=calls)
        else:
            ledger.postpone(connection, row["id"], "unknown", attempts=row["attempts"], wake_at=None, reason=NOT_KEPT)
        if breaker.answered(connection, deed.source, at=now):
            runs.let_go(connection, breaker.OPEN, at=now, source=deed.source)
        return called

    called = deed.runtime.db.write(act)
    deed.runtime.point("not-kept")
    park(deed, called, f"the provider answered ({said}), and its answer cannot be kept")


def repeats(deed: Deed, row: sa.RowMapping) -> bool:
    """Whether an unknown effect may be called again now, under the provider's own key; past its life, or cancelled, a person is asked."""
    kind = deed.effect.service.effect_class
    if not isinstance(kind, Idempotent):
        return False
    with deed.runtime.db.read() as connection:
        now, cancelled = deed.now(connection), deed.cancel_reason(connection)
        first_at = chain.first_calling(connection, row["id"])
    if cancelled:
        park(deed, row, f"cancelled ({cancelled}) while nobody knows whether it happened")
    if not ledger.is_as_planned(row):
        park(deed, row, "its stored request is not the one that was planned")
    if first_at is None or now >= first_at + kind.life:
        park(deed, row, "the provider's key is past its life")
    due_at = max(row["calling_at"] + LOOK_AFTER, row["wake_at"] or row["calling_at"])
    if now < due_at:
        raise Suspend(due_at)
    return True


def settle_unknown(deed: Deed, row: sa.RowMapping) -> journal.Entry | None:
    """unknown → done, intended or a person, by what the provider shows; None to look at the row again."""
    kind = deed.effect.service.effect_class
    with deed.runtime.db.read() as connection:
        now, cancelled = deed.now(connection), deed.cancel_reason(connection)
    if not isinstance(kind, Find):
        park(deed, row, "its outcome cannot be read back")
    if now < row["calling_at"] + LOOK_AFTER:
        raise Suspend(row["calling_at"] + LOOK_AFTER)
    if row["wake_at"] and now < row["wake_at"]:
        raise Suspend(row["wake_at"])
    look = _look(deed, row, kind)
    deed.runtime.point("looked")
    if look.found:
        return _found(deed, row, look)
    if look.found is None:
        park(deed, row, look.detail or "reading back cannot tell")
    if kind.calls_max is not None and row["calls"] >= kind.calls_max:
        park(deed, row, f"it was called {row['calls']} times and reading back shows nothing")
    counts_at: datetime = row["calling_at"] + timedelta(seconds=kind.no_counts_after_s)
    if now < counts_at and not kind.apart_s:
        raise Suspend(counts_at)
    if kind.apart_s and row["reason"] != FIRST_NO:
        raise _look_again(deed, row, max(counts_at, now + timedelta(seconds=kind.apart_s)))
    _say_no(deed, row, cancelled)
    return None


def _look_again(deed: Deed, row: sa.RowMapping, at: datetime) -> Suspend:
    """What to raise after a *no* that is believed only beside a second one at `at`."""

    def act(connection: Connection) -> None:
        deed.hold(connection)
        ledger.postpone(connection, row["id"], "unknown", attempts=row["attempts"], wake_at=at, reason=FIRST_NO)

    deed.runtime.db.write(act)
    deed.runtime.point("said-no-once")
    return Suspend(at, FIRST_NO)


def _look(deed: Deed, row: sa.RowMapping, kind: Find) -> Look:
    query = deed.effect.fresh.query
    before = query.result.model_validate(row["before"]) if row["before"] else None
    asked = Asked(called_at=row["calling_at"], request_id=row["id"], before=before)
    try:
        return kind.look(deed.runtime.operation(deed.source, Rank.PREFLIGHT, 1), deed.request(row), asked)
    except RateHeld as held:
        with deed.runtime.db.read() as connection:
            raise Suspend(deed.now(connection) + held.wait, OWN_RATE) from held
    except Retryable as cause:
        raise deed.postpone(row, cause, "look_failed") from cause
    except NotFound as cause:
        with deed.runtime.db.read() as connection:
            waited = deed.now(connection) - row["calling_at"]
        if waited >= BELIEVED_AFTER:
            return Look(found=None, detail="the provider does not show it any more")
        raise deed.postpone(row, Retryable(provider=deed.source, kind="not_there"), "look_failed") from cause


def _found(deed: Deed, row: sa.RowMapping, look: Look) -> journal.Entry:
    """It did happen."""

    def act(connection: Connection) -> journal.Entry:
        now = deed.now(connection)
        ledger.move(connection, row["id"], "done", since=["unknown"], at=now, reason="found", reference=look.reference)
        desk.close_parked(connection, effect_id=row["id"], resolution="found", actor="billhook", at=now)
        return deed.keep(connection, {"state": "done", "reason": "found", "effect": row["id"], "reference": look.reference})

    entry = deed.runtime.db.write(act)
    deed.runtime.point("found")
    return entry


def _say_no(deed: Deed, row: sa.RowMapping, cancelled: str | None) -> None:
    """It did not happen: call again, unless the run was cancelled meanwhile. Raises LostLease: a look tells nothing of a later call."""
    after, why = ("cancelled", cancelled) if cancelled else ("intended", "look_says_no")

    def act(connection: Connection) -> None:
        deed.hold(connection)
        now = deed.now(connection)
        ledger.move(connection, row["id"], after, since=["unknown"], at=now, reason=why, wake_at=None)

    deed.runtime.db.write(act)
    deed.runtime.point("said-no")
    if cancelled:
        raise Cancelled(cancelled)


def leave_open(connection: Connection, row: sa.RowMapping, *, why: str, at: datetime) -> None:
    """Ask a person about an effect whose run ends and whose call may have happened: nothing else will ever settle it."""
    if row["state"] == "calling":
        ledger.move(connection, row["id"], "unknown", since=["calling"], at=at, reason=WORKER_LOST)
    _ask_person(connection, row, why, at=at)


def _ask_person(connection: Connection, row: sa.RowMapping, why: str, *, at: datetime) -> None:
    known = {"service": row["service"], "object": row["object_id"], "called_at": row["calling_at"].isoformat(), "step": row["step"]}
    desk.park(
        connection,
        kind="unknown",
        source=row["source"],
        subject=f"effect:{row['id']}",
        reason=why,
        at=at,
        run_id=row["run_id"],
        effect_id=row["id"],
        detail=known,
    )


def park(deed: Deed, row: sa.RowMapping, why: str) -> NoReturn:
    """Ask a person, and wait."""

    def act(connection: Connection) -> None:
        state = ledger.load(connection, row["id"])
        if state is not None and state["state"] == "unknown":
            _ask_person(connection, row, why, at=deed.now(connection))

    deed.runtime.db.write(act)
    deed.runtime.point("person-asked")
    raise Suspend(None)
