"""The call: read fresh, commit `calling`, keep the ledger's head outside, ask, settle.

Used by workers/effects.py for an intended or approved effect. Everything that may forbid the call is asked again in the very
transaction that commits `calling`; the first byte leaves within five seconds of it.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NoReturn

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection

from receiver.db import canonical_json
from receiver.errors import DatabaseBusy, OutcomeUnknown, Rejected, Retryable
from receiver.log import get_logger
from workers import (
    approvals,
    attempts,
    breaker,
    desk,
    drain,
    holds,
    journal,
    ledger,
    limits,
    mirror,
    modes,
    reconcile,
    rereads,
    restored,
    runs,
    waits,
)
from workers.chain import Head
from workers.deed import Deed, Later
from workers.errors import OWN_RATE, LostLease, NotFound, RateHeld, StateConflict, Suspend
from workers.limits import Rank
from workers.providers.service import Mirrored, NotLetIn
from workers.retry import backoff, settle_pause, told

log = get_logger(__name__)
FIRST_BYTE_S = 5.0
READ_AGE = timedelta(seconds=60)
REQUEST_CHANGED = "request_changed"
NEVER_KEPT = (sa.exc.DataError, ValueError, OverflowError)  # such as NUL, half a surrogate pair, or a number of 30 digits
TOLD_WITHIN = timedelta(seconds=60)  # by then the webhook of our own write is there, or is lost


def call(deed: Deed, row: sa.RowMapping) -> journal.Entry | None:
    """The journaled outcome, or None where the effect's row must be looked at again. Raises Suspend where it must wait."""
    now = deed.look(row)
    if row["valid_until"] and now >= row["valid_until"]:
        return deed.end(row, "expired", "expired")
    if row["wake_at"] and now < row["wake_at"]:
        raise Suspend(row["wake_at"], row["reason"])
    with deed.runtime.db.read() as connection:
        _refuse_held(connection, deed, now)
        drained = drain.holds(connection, row["intended_at"])
    if drained:
        _await_turn(deed, row, now)
    try:
        read = _read(deed)
    except RateHeld as held:
        raise Suspend(now + held.wait, OWN_RATE) from held
    except Retryable as cause:
        raise deed.postpone(row, cause, "read_failed") from cause
    except NotFound:
        _note_read(deed)
        return deed.end(row, "cancelled", "not_found")
    attempts.heard(deed.runtime, deed.source, row["attempts"])
    for fresh in read:
        if refused := deed.refusal(fresh):
            _note_read(deed)
            return deed.end(row, "cancelled", refused)
    deed.runtime.point("read")
    why = approvals.still_needed(deed, row)
    started = deed.runtime.clock.boot_s()
    begun = deed.runtime.db.write(lambda c: _begin(c, deed, row, read, now, why))
    if not isinstance(begun, Head):
        deed.runtime.point("not-called")
        _note_read(deed)
        return begun
    deed.runtime.point("calling")
    return _ask(deed, row, begun, started)


def _read(deed: Deed) -> list[BaseModel]:
    """The fresh reads. Their tokens and that of the call itself are taken together. Raises RateHeld, Retryable, NotFound.

    Reads that took so long that the first of them is too old for the call are made again after a pause, and people hear of it.
    """
    query, ids = deed.effect.fresh.query, deed.fresh_ids()
    begun = deed.runtime.clock.boot_s()
    client = deed.runtime.operation(deed.source, Rank.PREFLIGHT, query.calls(len(ids)) + 1)
    read = list(client.metered(deed.lease.renew).query_all(query, ids))
    if deed.runtime.clock.boot_s() - begun > READ_AGE.total_seconds():
        raise Retryable(provider=deed.source, call=query.name, kind="slow")
    return read


def _note_read(deed: Deed) -> None:
    """The provider could be read, and nothing is called now: no call will tell the breaker."""

    def act(connection: Connection) -> None:
        now = deed.now(connection)
        if breaker.read(connection, deed.source, at=now):
            runs.let_go(connection, breaker.OPEN, at=now, source=deed.source)

    with deed.runtime.db.read() as connection:
        is_open = breaker.is_open(connection, deed.source)
    if is_open:
        deed.runtime.db.write(act)
        deed.runtime.point("read-noted")


def _await_turn(deed: Deed, row: sa.RowMapping, now: datetime) -> None:
    """Take a held effect's turn before anything is read for it; raises Later, with its place kept, where it is not its turn."""
    clock = deed.runtime.clock
    turn = deed.runtime.db.write(lambda c: drain.wait_for(c, row["intended_at"], machine=clock.machine(c)))
    deed.runtime.point("turn-taken")
    if turn is not None:
        raise Later(now + turn, drain.HELD)


def repeat(deed: Deed, row: sa.RowMapping) -> journal.Entry | None:
    """The same call once more under the provider's own key; where something forbids it by now, a person is asked."""
    started = deed.runtime.clock.boot_s()
    begun = deed.runtime.db.write(lambda c: _again(c, deed, row))
    if isinstance(begun, str):
        reconcile.park(deed, row, f"forbidden ({begun}) while nobody knows whether it happened")
    deed.runtime.point("calling")
    return _ask(deed, row, begun, started)


def _again(connection: Connection, deed: Deed, row: sa.RowMapping) -> Head | str:
    """unknown → calling, or what forbids a second call: nobody knows whether there was a first. Its approval and mode held for both."""
    deed.hold_ground(connection)
    now = deed.now(connection)
    _refuse_held(connection, deed, now)
    if restored.put_back(connection, deed.runtime.head, at=now):
        return restored.FREEZE
    forbidden = _forbidden(connection, deed, row, ())
    if forbidden:
        return forbidden
    deed.request(row)
    _admit(connection, deed, now)
    _take_token(connection, deed, now)
    return ledger.move(connection, row["id"], "calling", since=["unknown"], at=now, reason="same_key", calling_at=now, wake_at=None)


def _begin(
    connection: Connection, deed: Deed, row: sa.RowMapping, read: Sequence[BaseModel], read_at: datetime, why: str | None
) -> Head | journal.Entry | None:
    """intended → calling with every check at the last moment: the log's head, a journal entry, or None to look again.

    `why`: the author's reason for asking a person first.
    `read`: the fresh reads, that of the effect's own object first; it is kept, and all of them are hashed.
    """
    customers = deed.customers(connection, read)
    deed.hold_ground(connection, customers)
    now = deed.now(connection)
    if deed.cancel_reason(connection) or now - read_at > READ_AGE:
        return None
    _refuse_held(connection, deed, now)
    if restored.put_back(connection, deed.runtime.head, at=now):
        return None
    if not ledger.is_as_planned(row):
        return _drop_changed(connection, deed, row, now)
    deed.request(row)
    mode = modes.in_force(connection, deed.source, deed.workflow, deed.runtime.first_mode(deed.workflow.name))
    reason = "mode_changed" if mode in ("off", "observe") else _forbidden(connection, deed, row, customers)
    if reason:
        return deed.settle_as(connection, row, "cancelled", reason)
    if row["valid_until"] and now >= row["valid_until"]:
        return deed.settle_as(connection, row, "expired", "expired")
    why = restored.word_needed(connection, deed.claim) or why or ("mode_changed" if mode == "propose" else None)
    if why and not approvals.given(connection, row):
        ledger.move(connection, row["id"], "proposed", since=[row["state"]], at=now, reason=why)
        return None
    _admit(connection, deed, now)
    shown = [fresh.model_dump(mode="json") for fresh in read]
    before = shown[0]
    hashed = hashlib.sha256(canonical_json(before if len(shown) == 1 else shown).encode()).hexdigest()
    return ledger.move(
        connection, row["id"], "calling", since=[row["state"]], at=now, calling_at=now, wake_at=None, before=before, fresh_hash=hashed
    )


def _drop_changed(connection: Connection, deed: Deed, row: sa.RowMapping, now: datetime) -> journal.Entry:
    """End an effect whose stored request is not the one that was planned: somebody wrote to the database, so people are told."""
    desk.alert(connection, source=deed.source, subject=f"effect:{row['id']}", reason=REQUEST_CHANGED, at=now)
    return deed.settle_as(connection, row, "cancelled", REQUEST_CHANGED)


def _admit(connection: Connection, deed: Deed, now: datetime) -> None:
    """Take the call's turn at a half open breaker; raises Later where it is not its turn."""
    held = breaker.admit(connection, deed.source, now=now)
    if held is not None:
        raise Later(held, breaker.OPEN)


def _take_token(connection: Connection, deed: Deed, now: datetime) -> None:
    """Take the token of a call that nothing is read for; raises Later where there is none."""
    rate, machine = deed.runtime.client(deed.source).rate, deed.runtime.clock.machine(connection)
    wait = limits.take(connection, deed.source, rate, Rank.EFFECT, machine=machine)
    if wait is not None:
        raise Later(now + wait, OWN_RATE)


def _refuse_held(connection: Connection, deed: Deed, now: datetime) -> None:
    """Raise Later where a freeze, a pause or the source's breaker holds every call back for now."""
    held = holds.on(connection, deed.source, deed.workflow.name, now=now)
    if held is not None:
        raise Later(held.until, held.reason)


def _forbidden(connection: Connection, deed: Deed, row: sa.RowMapping, customers: Collection[str]) -> str | None:
    on, invoices = deed.today(connection), deed.invoices()
    state = waits.forbidding(connection, deed.claim.row, deed.effect.unless, on=on, customers=customers, invoices=invoices)
    state = state or deed.no_longer(connection)
    if state or deed.claim.row["reissue"]:
        return state
    others = (ledger.taken_by(connection, slot, besides=row["id"]) for slot in deed.slots() if slot.exclusive)
    return "duplicate_intent" if any(others) else None


def _ask(deed: Deed, row: sa.RowMapping, head: Head, started: float) -> journal.Entry | None:
    """Make the one call."""
    service, clock, request = deed.effect.service, deed.runtime.clock, deed.request(row)

    def in_time() -> None:
        deed.runtime.point("asking")
        if clock.boot_s() - started > FIRST_BYTE_S:
            raise Retryable("The first byte would have left too late")

    try:
        deed.runtime.head.keep(head)
        reply = deed.runtime.client(deed.source).call(service, request, before_write=in_time)
    except (Retryable, OSError) as cause:
        deed.runtime.point("called")
        _unasked(deed, row, cause)
    except Rejected as cause:
        deed.runtime.point("called")
        said = "; ".join(cause.reasons) or str(cause)
        ill, reasons = str(cause.context["kind"]) if cause.context.get("kind") == "credentials" else None, list(cause.reasons)
        return _or_person(deed, row, "rejected", lambda: _settle(deed, row, "rejected", said[:256], {"reasons": reasons}, None, ill=ill))
    except OutcomeUnknown as cause:
        deed.runtime.point("called")
        reconcile.unknown(deed, row, _doubt(cause))
        return None
    deed.runtime.point("called")

    def settle() -> journal.Entry:
        result = {"reply": service.shown(reply), "reference": service.reference(reply)}
        return _settle(deed, row, "done", "", result, service.mirror(request, reply))

    return _or_person(deed, row, "done", settle)


def _or_person(deed: Deed, row: sa.RowMapping, state: str, settle: Callable[[], journal.Entry]) -> journal.Entry:
    """What settle() gives; an answer that no database takes goes before a person, and what it answers is never called again."""
    try:
        return settle()
    except NEVER_KEPT as cause:
        log.error("answer cannot be kept", effect=row["id"], run=deed.claim.run_id, error_type=type(cause).__name__)
        reconcile.not_kept(deed, row, state)


def _doubt(cause: OutcomeUnknown) -> str:
    """Why nobody can know: what the answer was where one came, such as "unclear_answer: status 503", else how it was lost."""
    if "status" in cause.context:
        return told("unclear_answer", cause)
    return type(cause.__cause__).__name__ if cause.__cause__ else "no_answer"


def _settle(
    deed: Deed, row: sa.RowMapping, state: str, reason: str, result: dict[str, Any], said: Mirrored | None, *, ill: str | None = None
) -> journal.Entry:
    """Keep how the call came out, on ledger, mirror and journal in one transaction; on the ledger even without the lease.

    `ill`: what the answer says against the provider or our access to it.
    """

    def act(connection: Connection) -> journal.Entry | None:
        now, closed = deed.now(connection), False
        if state == "done":
            kind, object_id, fields = said or (row["object_kind"], row["object_id"], {})
            touches = dict.fromkeys(deed.effect.touches, row["id"])
            if deed.effect.service.shut_out:
                desk.close_alert(connection, deed.source, deed.effect.service.shut_out, at=now)
            if mirror.write_own(connection, deed.source, kind, object_id, fields, touches=touches, at=now):
                rereads.ask(connection, deed.source, kind, object_id, reason=rereads.OWN_WRITE, at=now + TOLD_WITHIN)
        if ill is None:
            closed = breaker.answered(connection, deed.source, at=now)
        else:
            breaker.failed(connection, deed.source, ill, at=now)
        ledger.move(
            connection,
            row["id"],
            state,
            since=["calling", "unknown"],
            at=now,
            reason=reason,
            calls=row["calls"] + 1,
            reply=result.get("reply"),
            reference=result.get("reference"),
        )
        desk.close_parked(connection, effect_id=row["id"], resolution=state, actor="billhook", at=now)
        entry = _journal_or_wake(connection, deed, {"state": state, "reason": reason, "effect": row["id"], **result})
        if closed:
            runs.let_go(connection, breaker.OPEN, at=now, source=deed.source)
        return entry

    entry = _keep(deed, act)
    deed.runtime.point("settled")
    log.info("effect settled", effect=row["id"], run=deed.claim.run_id, state=state)
    if entry is None:
        raise LostLease
    return entry


def _keep(deed: Deed, act: Callable[[Connection], journal.Entry | None]) -> journal.Entry | None:
    """Write the provider's answer; where the database does not take it, write it again: nobody else knows it."""
    for tries in count():
        try:
            return deed.runtime.db.write(act)
        except sa.exc.DataError:
            raise
        except (sa.exc.DBAPIError, DatabaseBusy) as trouble:
            pause = settle_pause(tries)
            log.warning("answer not kept yet", run=deed.claim.run_id, error_type=type(trouble).__name__)
            if pause is None:
                raise
            time.sleep(pause)
        except StateConflict:
            if tries == 0:
                raise
            return None  # a write that seemed to fail was kept after all
    raise AssertionError("unreachable")


def _journal_or_wake(connection: Connection, deed: Deed, result: dict[str, Any]) -> journal.Entry | None:
    try:
        return deed.keep(connection, result)
    except LostLease:
        runs.wake(connection, deed.claim.run_id, at=deed.now(connection))
        return None


def _unasked(deed: Deed, row: sa.RowMapping, cause: Retryable | OSError) -> NoReturn:
    """calling → back to where it was: nothing was asked, so ask again later. Raises StateConflict where it is another's call by now."""
    attempts, before = row["attempts"] + 1, "unknown" if row["state"] == "unknown" else "intended"

    def act(connection: Connection) -> datetime:
        now = deed.now(connection)
        later = now + backoff(attempts, cause if isinstance(cause, Retryable) else None, key=row["id"])
        if isinstance(cause, Retryable) and cause.context.get("kind") == "rate":
            limits.empty(connection, deed.source, machine=deed.runtime.clock.machine(connection))
        if isinstance(cause, Retryable):
            breaker.unread(connection, deed.source, cause, told("not_asked", cause), at=now)
        if isinstance(cause, NotLetIn):
            shut_out = deed.effect.service.shut_out
            desk.alert(connection, source=deed.source, subject=deed.source, reason=shut_out, at=now, detail={"why": str(cause)})
        waits = {"attempts": attempts, "wake_at": later}
        ledger.move(connection, row["id"], before, since=["calling"], at=now, reason="not_asked", calls=row["calls"] + 1, **waits)
        return later

    later = deed.runtime.db.write(act)
    deed.runtime.point("not-asked")
    log.warning("effect not asked", effect=row["id"], run=deed.claim.run_id, attempt=attempts)
    raise Suspend(later) from cause
