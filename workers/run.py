"""Run: what a workflow function works with.

One instance lives for one activation: from a claim to the next wait, or the end. Every method first looks into the journal; only
what is not there happens, and is then kept under the run's fence; what was only looked up is kept with the next thing that
happens. Time, ids and chance come from here, so a replay sees the same. What leaves a method as an Unwind leaves the function for
good: an author's code that catches it gets it again.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel
from sqlalchemy.engine import Connection

from receiver.errors import Retryable
from receiver.event import Event
from workers import absence, attempts, desk, effects, journal, policies, restored, waits
from workers.claims import Claim
from workers.deed import Deed, Outcome, outcome_of
from workers.errors import OWN_RATE, Cancelled, NotFound, RateHeld, Skip, StepInvalid, Suspend
from workers.lease import Lease
from workers.limits import Rank
from workers.providers.service import Query
from workers.recall import Recall, act
from workers.registry import EffectDef, Workflow
from workers.results import kept_as, plain, plain_ids, plain_json, wants_connection
from workers.retry import backoff, told
from workers.runs import AWAITS
from workers.runtime import Runtime
from workers.witness import Witness

NOT_SHOWN = "read_failed: not_there"

D = TypeVar("D", bound=BaseModel)
T = TypeVar("T")


class RetryRead(Suspend):
    """A read could not be made now; the run asks again at `wake_at`."""


class Run(Recall):
    """One run of a workflow, as its function sees it."""

    _runtime: Runtime

    def __init__(
        self,
        runtime: Runtime,
        claim: Claim,
        workflow: Workflow,
        kept: dict[str, journal.Entry],
        *,
        unsettled: Collection[str] = (),
        witness: Witness | None = None,
    ) -> None:
        super().__init__(runtime, claim, workflow, kept, unsettled, witness)
        self._runtime, self._lease = runtime, Lease(runtime, claim)

    @act
    def policy(self, name: str | None = None) -> Any:
        """The policy the run started under; with a step name, today's, journaled."""
        if name is None:
            body = self._archive.policy_body(self._claim.row["policy_id"])
        else:
            entry = self._entry(name, "policy")
            if entry is None:
                entry = self._live(
                    name,
                    "policy",
                    lambda c: policies.version(
                        c, self._workflow.name, self._runtime.policy_now(self.source, self._workflow), at=self._clock(c)
                    ),
                )
            body = self._archive.policy_body(entry.result)
        return policies.model_of(self._workflow.policy, body)

    @act
    def step(self, name: str, fn: Callable[..., T], *args: Any) -> T:
        """fn(*args), once. Its return annotation says how the result is kept.

        A first parameter annotated Connection gets the transaction in which the journal row is written.
        """
        adapter = kept_as(name, fn, self._workflow.file)
        entry = self._entry(name, "step")
        if entry is None:
            if wants_connection(fn):
                entry = self._live(name, "step", lambda c: plain(name, adapter, fn(c, *args), self._workflow.file))
            else:
                self._check_cancelled()
                result = plain(name, adapter, fn(*args), self._workflow.file)
                entry = self._live(name, "step", lambda c: result)
        return adapter.validate_python(entry.result)

    @act
    def read(self, name: str, query: Query[D], id: str) -> D:
        """What the provider says of one object now, journaled for decisions; it never counts as the fresh read of an effect.

        Raises NotFound where the provider does not know it; that is journaled too. What was told of within ten minutes is asked for again.
        """
        entry = self._entry(name, "read")
        if entry is None:
            self._check_cancelled()
            try:
                client = self._runtime.operation(self.source, Rank.PREFLIGHT, query.requests).metered(self._lease.renew)
                said = client.query(query, id).model_dump(mode="json")
            except NotFound as cause:
                if (later := self._look_again(query.object_kind, id)) is not None:
                    raise Suspend(later, NOT_SHOWN) from cause
                said = None
            except RateHeld as held:
                with self._runtime.db.read() as connection:
                    raise Suspend(self._clock(connection) + held.wait, OWN_RATE) from held
            except Retryable as cause:
                raise self._asked_later(name, cause) from cause
            attempts.heard(self._runtime, self.source, self._claim.row["retries"])
            entry = self._note(name, "read", lambda c: said)
        if entry.result is None:
            raise NotFound(kind=query.object_kind, id=id)
        return query.result.model_validate(entry.result)

    @act
    def effect(self, name: str, effect: EffectDef, obj: Any, /, *, valid_until: datetime | None = None, **kwargs: Any) -> Outcome:
        """Carry out an effect once in its slots. Raises EffectCancelled, EffectExpired or Rejected; waits for everything else."""
        entry = self._entry(name, "effect", self.witness.asked(effect, obj, kwargs) if self.witness else "")
        if entry is None:
            deed = Deed(
                runtime=self._runtime,
                claim=self._claim,
                workflow=self._workflow,
                step=name,
                effect=effect,
                obj=obj,
                kwargs=kwargs,
                valid_until=valid_until,
                cancel_reason=self._cancel_reason,
                lease=self._lease,
            )
            entry = self._take(effects.drive(deed))
            self._claim.noted.clear()
        return outcome_of(entry.result)

    @act
    def sleep_until(self, when: datetime, name: str | None = None) -> None:
        """Wait until business time `when`, an aware datetime."""
        name = name or self._next_wait("sleep")
        if self._entry(name, "sleep") is None:
            self._until(name, "sleep", when, lambda c: None)

    @act
    def wait_for(self, *types: type[Event], until: datetime | None = None, name: str | None = None) -> Event | None:
        """The event that came, or None at `until`.

        A Fact whenever it arrived, a State if it holds now, a Signal after the trigger, once.
        """
        name = name or self._next_wait("wait")
        entry = self._entry(name, "wait")
        if entry is None:
            row, awaits = self._claim.row, AWAITS + ", ".join(t.type for t in types)
            entry = self._until(
                name, "wait", until, lambda c: waits.awaited(c, row, types, taken=self._signals_taken(), on=self._today(c)), awaits
            )
        return None if entry.result is None else self._archive.event(entry.result)

    @act
    def holds(self, state: type[Event], name: str) -> bool:
        """Whether a State holds for the run's customer or invoice, asked once under `name`."""
        entry = self._entry(name, "holds")
        if entry is None:
            entry = self._note(name, "holds", lambda c: waits.holds(c, self._claim.row, state, on=self._today(c)))
        return bool(entry.result)

    @act
    def patched(self, name: str) -> bool:
        """True in runs that reach this line for the first time with it; false where the run passed here before it was written."""
        marker = f"patch:{name}"
        entry = self._kept.get(marker)
        if entry is None:
            entry = self._mark(marker, not self._ahead and self._used.issuperset(self._kept))
        self._used.add(marker)
        return bool(entry.result)

    @act
    def alert(self, name: str, reason: str, *, about: str | None = None, **ids: Any) -> None:
        """Tell people, once. `about` names a subject other than the run's own; alerts of one subject and reason are counted together."""
        said = plain_ids(name, ids, self._workflow.file)
        if self._entry(name, "alert") is None:
            self._live(
                name,
                "alert",
                lambda c: desk.alert(
                    c,
                    source=self.source,
                    subject=about or self._subject(),
                    reason=reason,
                    at=self._clock(c),
                    detail={"run": self.id, **said},
                ),
            )

    @act
    def task(self, name: str, reason: str, **ids: Any) -> None:
        """Give people something to do that no API can do, once."""
        said = plain_ids(name, ids, self._workflow.file)
        if self._entry(name, "task") is None:
            self._live(
                name,
                "task",
                lambda c: desk.task(c, run_id=self.id, name=name, source=self.source, reason=reason, at=self._clock(c), detail=said),
            )

    @act
    def park(self, name: str, kind: str, **ids: Any) -> None:
        """Put something before a person to decide, once; the run goes on. `kind` is the reason code."""
        said = plain_ids(name, ids, self._workflow.file)
        if self._entry(name, "park") is None:
            self._live(
                name,
                "park",
                lambda c: desk.park(
                    c, kind=kind, source=self.source, subject=self._subject(), reason=kind, at=self._clock(c), run_id=self.id, detail=said
                ),
            )

    @act
    def skip(self, reason: str) -> NoReturn:
        """End the run without (further) acting; the reason is what `explain` shows."""
        self.check_replayed("skip")
        raise Skip(reason)

    @act
    def setting(self, name: str, read: Callable[[Connection], Any]) -> Any:
        """A JSON value read from the database, journaled: None, bool, int, str, lists and dicts of these."""
        entry = self._entry(name, "setting")
        if entry is None:
            entry = self._note(name, "setting", lambda c: plain_json(name, read(c), self._workflow.file))
        return entry.result

    @act
    def check_cancelled(self) -> None:
        """Raise Cancelled where an event of cancel_on has come; the engine calls it, authors need not."""
        self._check_cancelled()

    def _mark(self, marker: str, new: bool) -> journal.Entry:
        return self._live(marker, "patch", lambda c: new)

    def _live(self, name: str, kind: str, result: Callable[[Connection], Any]) -> journal.Entry:
        """Do something new: check for a cancelling event, compute the result and keep it, in one transaction."""

        def act(connection: Connection) -> journal.Entry:
            reason = self._cancel_reason(connection)
            if reason:
                raise Cancelled(reason)
            entry = journal.Entry(name=name, kind=kind, result=result(connection), at=self._clock(connection))
            journal.write(connection, self._claim, entry, machine=self._runtime.clock.machine(connection))
            return entry

        self._runtime.point("before-journal")
        entry = self._runtime.db.write(act)
        self._claim.noted.clear()
        self._runtime.point("journaled")
        return self._take(entry)

    def _note(self, name: str, kind: str, result: Callable[[Connection], Any]) -> journal.Entry:
        """Look something up, and keep it with the next thing that is journaled: nothing happened yet that looking again could double."""
        with self._runtime.db.read() as connection:
            reason = self._cancel_reason(connection)
            if reason:
                raise Cancelled(reason)
            entry = journal.Entry(name=name, kind=kind, result=result(connection), at=self._clock(connection))
        self._claim.noted.append(entry)
        self._runtime.point("noted")
        return self._take(entry)

    def _until(self, name: str, kind: str, when: datetime | None, result: Callable[[Connection], Any], awaits: str = "") -> journal.Entry:
        """Keep `result` as soon as it is not None, or None once business time reached `when`; else suspend, with `awaits` as the cause."""
        if when is not None and when.tzinfo is None:
            raise StepInvalid(f'"{name}" waits for a time without zone: give it one, as run.now() has', file=self._workflow.file)

        def act(connection: Connection) -> journal.Entry | None:
            reason = self._cancel_reason(connection)
            if reason:
                raise Cancelled(reason)
            found, now = result(connection), self._clock(connection)
            if found is None and (when is None or now < when):
                return None
            entry = journal.Entry(name=name, kind=kind, result=found, at=now)
            journal.write(connection, self._claim, entry, machine=self._runtime.clock.machine(connection))
            restored.waited(connection, self._claim, when if found is None else None)
            return entry

        entry = self._runtime.db.write(act)
        if entry is None:
            raise Suspend(when, None if when else awaits[:512])
        self._claim.noted.clear()
        self._runtime.point("journaled")
        return self._take(entry)

    def _cancel_reason(self, connection: Connection) -> str | None:
        return waits.cancelled_by(connection, self._claim.row, self._workflow.cancel_on, on=self._today(connection))

    def _check_cancelled(self) -> None:
        if self._workflow.cancel_on:
            with self._runtime.db.read() as connection:
                reason = self._cancel_reason(connection)
            if reason:
                raise Cancelled(reason)

    def _asked_later(self, name: str, cause: Retryable) -> RetryRead:
        pause = backoff(self._claim.row["retries"] + 1, cause, key=f"{self.id}:{name}")
        with self._runtime.db.read() as connection:
            return RetryRead(self._clock(connection) + pause, told("read_failed", cause))

    def _look_again(self, kind: str, id: str) -> datetime | None:
        """When to ask once more for what is not shown, where its read may only lag behind what was told of it."""
        with self._runtime.db.read() as connection:
            now = self._clock(connection)
            return now + absence.LOOK_EVERY if absence.may_be_lag(connection, self.source, kind, id, now=now) else None

    def _signals_taken(self) -> set[int]:
        return {entry.result for entry in self._kept.values() if entry.kind == "wait" and entry.result is not None}

    def _clock(self, connection: Connection) -> datetime:
        return self._runtime.clock.business(connection)

    def _today(self, connection: Connection) -> Any:
        return self._clock(connection).astimezone(self.zone).date()

    def _subject(self) -> str:
        row = self._claim.row
        return f"{self.source}/{row['invoice_id'] or row['customer_id'] or row['key']}"
