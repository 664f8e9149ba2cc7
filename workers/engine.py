"""The engine: advances one run, from a claim to its next wait or its end.

Called by the worker's `advance` actor, by the sweeper, and by tests. A workflow's own errors end here: a bug is tried three
times and then parked with its traceback; nothing that one run does can stop another.
"""

import traceback
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import is_trouble
from receiver.errors import DatabaseBusy, Rejected
from receiver.event import Event
from receiver.log import get_logger
from workers import claims, desk, events, holds, journal, ledger, modes, policies, reconcile, restored, runs, strict, waits
from workers.claims import Claim
from workers.errors import Cancelled, Diverged, EffectCancelled, LostLease, Skip, StepInvalid, Suspend
from workers.places import missing_name, place_of
from workers.registry import Workflow, concerns
from workers.replay import perform
from workers.retry import failure_pause
from workers.run import RetryRead, Run
from workers.runtime import Runtime
from workers.witness import Witness

log = get_logger(__name__)
TAKEOVERS_MAX = 5
TRACEBACK_MAX = 8000


def advance(runtime: Runtime, run_id: str) -> bool:
    """Work on the run as far as it goes now; false where it was not ours to work on."""
    worked = False
    while (claim := _claim(runtime, run_id)) is not None:
        worked = True
        try:
            again = _activated(runtime, claim)
        except LostLease:
            log.warning("lease lost", run=run_id)
            return worked
        except (sa.exc.DBAPIError, DatabaseBusy):
            _let_go(runtime, claim)
            raise
        if not again:
            return worked
    return worked


def begin(
    connection: Connection,
    runtime: Runtime,
    workflow: Workflow,
    trigger: events.Recorded,
    *,
    at: datetime,
    key: str | None = None,
    reissue: dict[str, object] | None = None,
    came_at: datetime | None = None,
) -> tuple[str | None, str]:
    """(id of the run this event started or None, what to note on the event). `came_at`: when it came, where that was before `at`."""
    source = trigger.event.source
    account = runtime.accounts.get(source)
    if account is not None and not workflow.is_for(account.kind):
        return None, f"not for {account.kind}"
    mode = modes.in_force(connection, source, workflow, runtime.first_mode(workflow.name))
    if mode == "off":
        return None, "off"
    key = key or key_of(workflow, trigger)
    if key is None:
        reason = f"key= of workflow {workflow.name} gives no text for this event"
        desk.park(connection, kind="failed", source=source, subject=f"event:{trigger.id}/{workflow.name}", reason=reason, at=at)
        return None, "no key"
    customer_id, invoice_id = _objects(connection, workflow, trigger.event)
    policy_id = policies.version(connection, workflow.name, runtime.policy_now(source, workflow), at=at)
    run_id = runs.start(
        connection,
        id=runtime.new_id(),
        source=source,
        workflow=workflow.name,
        key=key,
        trigger_id=trigger.id,
        mode=mode,
        policy_id=policy_id,
        customer_id=customer_id,
        invoice_id=invoice_id,
        at=at,
        reissue=reissue,
        joins=workflow.start == "one-per-key",
        quiet=None if reissue else workflow.debounce,
        came_at=came_at,
        doubted=restored.doubts(connection, trigger.event.so_since),
    )
    return run_id, f"started {run_id}" if run_id else "joined a live run"


def follow(connection: Connection, runtime: Runtime, ended: sa.RowMapping, successor: int | None, *, at: datetime) -> str | None:
    """The id of the run that begins for a trigger that came while the ended one was live, or None where there is none."""
    workflow = runtime.registry.get(ended["workflow"])
    if successor is None:
        return None
    if workflow is None:
        why = f"came while a run of {ended['workflow']} was live, and this worker does not know that workflow"
        reason = f"event {successor} {why}: once it does, `billhook replay {successor} --workflow {ended['workflow']}`"
        desk.park(connection, kind="failed", source=ended["source"], subject=f"event:{successor}/{ended['workflow']}", reason=reason, at=at)
        return None
    if workflow.start == "one-per-key" and journal.waited_for(connection, ended["id"], successor):
        runs.took_in(connection, ended["id"])
        return None
    trigger = events.load(connection, successor)
    return begin(connection, runtime, workflow, trigger, at=at, came_at=trigger.recorded_at)[0]


def _objects(connection: Connection, workflow: Workflow, event: Event) -> tuple[str | None, str | None]:
    """(customer id, invoice id) whose events the run is given."""
    customer_id, invoice_id = concerns(event)
    if workflow.about != "customer":
        return customer_id, invoice_id
    customer_id = customer_id or waits.customer_of(connection, event.source, invoice_id)
    return customer_id, None if customer_id else invoice_id


def key_of(workflow: Workflow, trigger: events.Recorded) -> str | None:
    """The key of the run this event starts, or None where the author's function fails: that must not stop the event's other readers."""
    try:
        key = workflow.key(trigger.event)
    except Exception as error:  # an author's bug must not stop the others
        log.error("workflow key failed", workflow=workflow.name, trigger=trigger.id, error_type=type(error).__name__)
        return None
    return key if isinstance(key, str) and key else None


def _claim(runtime: Runtime, run_id: str) -> Claim | None:
    def act(connection: Connection) -> Claim | None:
        business, machine = runtime.clock.business(connection), runtime.clock.machine(connection)
        return claims.claim(connection, run_id, owner=runtime.owner, business=business, machine=machine)

    claim = runtime.db.write(act)
    if claim is not None:
        runtime.point("claimed")
    return claim


def _activated(runtime: Runtime, claim: Claim) -> bool:
    """`_activate`. How it ended may not be possible to keep, such as a step's name too long for the database: a bug as any other."""
    workflow = runtime.registry.get(claim.row["workflow"])
    try:
        return _activate(runtime, claim, workflow)
    except Exception as error:  # an author's bug must not stop the others
        if is_trouble(error) or workflow is None:
            raise
        claim.noted.clear()
        return _failed(runtime, claim, error, workflow, None)


def _activate(runtime: Runtime, claim: Claim, workflow: Workflow | None) -> bool:
    """One activation; true where the run must be claimed again at once."""
    if workflow is None:
        return _rest(runtime, claim, 60.0, runs.FILELESS)
    if claim.row["takeovers"] >= TAKEOVERS_MAX:
        return _park(
            runtime, claim, "failed", f"{TAKEOVERS_MAX} workers were lost in a row without a new journal row", {"fence": claim.fence}
        )
    run: Run | None = None
    try:
        with runtime.db.read() as connection:
            trigger = events.load(connection, claim.row["trigger_id"])
            kept = journal.read(connection, claim.run_id)
            held = ledger.steps_held(connection, [claim.run_id]).get(claim.run_id, ()) if claim.fence > 1 else ()
        run = Run(runtime, claim, workflow, kept, unsettled=held, witness=Witness() if runtime.strict else None)
        (strict.perform if runtime.strict else perform)(run, workflow, trigger.event)
    except Suspend as waiting:
        return _suspend(runtime, claim, waiting)
    except Skip as skipped:
        return _finish(runtime, claim, "skipped", skipped.reason)
    except Cancelled as cancelled:
        return _cancel(runtime, claim, cancelled.reason)
    except EffectCancelled as ended:
        return _finish(runtime, claim, "skipped", ended.reason)
    except Rejected as rejected:
        return _park(runtime, claim, "rejected", "; ".join(rejected.reasons) or str(rejected), rejected.context)
    except Diverged as diverged:
        return _park(runtime, claim, "diverged", str(diverged), diverged.context)
    except StepInvalid as invalid:
        return _park(runtime, claim, "failed", str(invalid), invalid.context)
    except Exception as error:  # an author's bug must not stop the others
        if is_trouble(error):
            raise
        return _failed(runtime, claim, error, workflow, run.last_step if run else None)
    return _finish(runtime, claim, "done", None)


def _let_go(runtime: Runtime, claim: Claim) -> None:
    """The database's trouble is not the workflow's: have the run taken up again soon, or, where not even that is kept, after the lease."""
    with suppress(LostLease, sa.exc.DBAPIError, DatabaseBusy):
        runtime.db.write(lambda c: claims.suspend(c, claim, wake_at=runtime.clock.business(c) + timedelta(seconds=5)))
        runtime.point("let-go")


def _suspend(runtime: Runtime, claim: Claim, waiting: Suspend) -> bool:
    runtime.point("suspending")
    wake_at = waiting.wake_at if isinstance(waiting.wake_at, datetime) else None
    retried = isinstance(waiting, RetryRead)

    def act(connection: Connection) -> bool:
        _keep_noted(connection, runtime, claim)
        slept = claims.suspend(connection, claim, wake_at=wake_at, retried=retried, reason=waiting.reason)
        if retried and slept:
            tries, now = claim.row["retries"] + 1, runtime.clock.business(connection)
            desk.tell_unreadable(connection, source=claim.row["source"], tries=tries, why=waiting.reason, at=now)
        if slept and waiting.reason in holds.REASONS:
            _let_go_where_over(connection, runtime, claim, waiting.reason)
        return slept

    slept = runtime.db.write(act)
    runtime.point("suspended")
    return not slept


def _let_go_where_over(connection: Connection, runtime: Runtime, claim: Claim, reason: str) -> None:
    now = runtime.clock.business(connection)
    if holds.is_over(connection, claim.row["source"], claim.row["workflow"], reason, now=now):
        runs.due_now(connection, claim.run_id, at=now)


def _keep_noted(connection: Connection, runtime: Runtime, claim: Claim) -> None:
    """What the activation looked up goes into the journal with how it ends."""
    journal.write_noted(connection, claim, machine=runtime.clock.machine(connection))


def _rest(runtime: Runtime, claim: Claim, seconds: float, why: str) -> bool:
    log.warning("run put back", run=claim.run_id, workflow=claim.row["workflow"], reason=why)

    def act(connection: Connection) -> None:
        claims.suspend(connection, claim, wake_at=runtime.clock.business(connection) + timedelta(seconds=seconds), reason=why)

    runtime.db.write(act)
    runtime.point("rested")
    return False


def _finish(runtime: Runtime, claim: Claim, outcome: str, reason: str | None) -> bool:
    """End the run; a trigger that came meanwhile gets a run of its own in the same transaction.

    A run that says it is done while an effect of its is open was given other code: it is parked instead.
    """

    def act(connection: Connection) -> str | None:
        now = runtime.clock.business(connection)
        _keep_noted(connection, runtime, claim)
        if outcome in ("done", "skipped"):
            _check_settled(connection, claim)
        successor = claims.finish(connection, claim, outcome=outcome, reason=reason, at=now)
        return follow(connection, runtime, claim.row, successor, at=now)

    runtime.point("finishing")
    try:
        followed = runtime.db.write(act)
    except Diverged as diverged:
        return _park(runtime, claim, "diverged", str(diverged), diverged.context)
    runtime.point("finished")
    log.info("run ended", run=claim.run_id, workflow=claim.row["workflow"], outcome=outcome, reason=reason)
    if followed:
        runtime.announcer.announce_run(followed)
    return False


def _check_settled(connection: Connection, claim: Claim) -> None:
    """Raise Diverged where the run's code no longer reaches the step of an effect that is open."""
    for row in ledger.open_of_run(connection, claim.run_id):
        raise Diverged(step=row["step"], was=f"effect, {row['state']}", now="the end")


def _cancel(runtime: Runtime, claim: Claim, reason: str) -> bool:
    """End a cancelled run; its effects before the call are cancelled, those that may have happened are put before a person."""

    def act(connection: Connection) -> bool:
        now = runtime.clock.business(connection)
        claims.hold(connection, claim.run_id, claim.fence, machine=runtime.clock.machine(connection))
        rows = ledger.open_of_run(connection, claim.run_id)
        for row in rows:
            if row["state"] in ledger.UNCALLED:
                ledger.move(connection, row["id"], "cancelled", since=[row["state"]], at=now, reason=reason)
            else:
                why = f"its run was cancelled ({reason}) while nobody knows whether it happened"
                reconcile.leave_open(connection, row, why=why, at=now)
        return any(row["state"] not in ledger.UNCALLED for row in rows)

    if runtime.db.write(act):
        log.warning("run cancelled with an effect unsettled", run=claim.run_id, reason=reason)
    return _finish(runtime, claim, "cancelled", reason)


def _failed(runtime: Runtime, claim: Claim, error: Exception, workflow: Workflow, step: str | None) -> bool:
    """A bug: tried again after a while, at last put before a person with the author's own lines."""
    pause = failure_pause(claim.row["failures"])
    kind, place = type(error).__name__ + missing_name(error), place_of(error, workflow.file)
    if pause is None:
        reason = f"{kind} in workflow {workflow.name}, {place}" + (f', at or after step "{step}"' if step else "")
        where = "".join(traceback.format_tb(error.__traceback__))
        detail: dict[str, object] = {"error": kind, "traceback": where[-TRACEBACK_MAX:]}
        return _park(runtime, claim, "failed", reason, detail)
    log.warning("run failed", run=claim.run_id, workflow=workflow.name, error_type=kind, place=place, failures=claim.row["failures"] + 1)
    runtime.db.write(lambda c: claims.retry_later(c, claim, wake_at=runtime.clock.business(c) + pause))
    runtime.point("failed")
    return False


def _park(runtime: Runtime, claim: Claim, kind: str, reason: str, detail: Mapping[str, object]) -> bool:
    def act(connection: Connection) -> None:
        now = runtime.clock.business(connection)
        _keep_noted(connection, runtime, claim)
        claims.park(connection, claim, reason=reason)
        known = {name: str(value) for name, value in detail.items()}
        desk.park(
            connection,
            kind=kind,
            source=claim.row["source"],
            subject=f"run:{claim.run_id}",
            reason=reason,
            at=now,
            run_id=claim.run_id,
            detail=known,
        )

    runtime.db.write(act)
    runtime.point("parked")
    log.error("run parked", run=claim.run_id, workflow=claim.row["workflow"], kind=kind)
    return False
