"""Deed: one effect of one step of one run, with everything the rooms that carry it out share.

Made by workers/effects.py, passed to workers/calls.py and workers/reconcile.py.
"""

import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import Connection

from receiver.errors import Rejected, Retryable
from workers import breaker, claims, desk, journal, ledger, limits, mirror, policies, waits
from workers.claims import Claim
from workers.errors import Cancelled, Diverged, EffectCancelled, EffectExpired, StepInvalid, Suspend
from workers.lease import Lease
from workers.registry import EffectDef, Workflow
from workers.retry import backoff, told
from workers.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an effect came out: "done", "observed" (it would have been carried out) or "duplicate" (another effect holds its slot)."""

    state: str
    reference: str | None = None
    reply: Any = None


def outcome_of(result: dict[str, Any]) -> Outcome:
    """The journaled outcome, or the error it stands for: EffectExpired, EffectCancelled or Rejected."""
    state, reason = result["state"], result.get("reason") or ""
    if state == "expired":
        raise EffectExpired(effect=result.get("effect"))
    if state == "cancelled":
        raise EffectCancelled(reason, effect=result.get("effect"))
    if state == "rejected":
        raise Rejected("The provider rejected the request", reasons=tuple(result.get("reasons") or ()), effect=result.get("effect"))
    return Outcome(state, result.get("reference"), result.get("reply"))


class Later(Suspend):
    """Raised inside a transaction that keeps nothing: wait, then look again."""


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One effect about to be carried out."""

    runtime: Runtime
    claim: Claim
    workflow: Workflow
    step: str
    effect: EffectDef
    obj: Any
    kwargs: dict[str, Any]
    valid_until: datetime | None
    cancel_reason: Callable[[Connection], str | None]
    lease: Lease

    @property
    def source(self) -> str:
        return str(self.claim.row["source"])

    @property
    def mode(self) -> str:
        """The mode the run started under."""
        return str(self.claim.row["mode"])

    def request(self, row: sa.RowMapping) -> BaseModel:
        """The stored request. Raises Diverged, without values, where today's code has another one."""
        service = self.effect.service
        try:
            return service.request.model_validate(row["request"])
        except ValidationError as cause:
            now = ", ".join(f"{'.'.join(str(p) for p in one['loc'])}: {one['msg']}" for one in cause.errors(include_input=False))
            raise Diverged(step=self.step, was=f"a request of {service.name}", now=now, file=self.workflow.file) from cause

    def slots(self) -> list[ledger.Slot]:
        """What the effect takes. Raises StepInvalid where the author's function gives none."""
        try:
            found = list(self.effect.slot(self.obj, **self.kwargs))
        except TypeError as cause:
            raise StepInvalid(f'slot= of effect "{self.step}" does not take what it is given: {cause}', file=self.workflow.file) from cause
        if not found or not all(isinstance(slot, ledger.Slot) for slot in found):
            raise StepInvalid(f'slot= of effect "{self.step}" gives no Slot: an effect takes at least one', file=self.workflow.file)
        return found

    def fits(self, fn: Callable[..., Any], what: str, *args: Any, **kwargs: Any) -> None:
        """Raise StepInvalid where the author's function does not take these arguments."""
        try:
            inspect.signature(fn).bind(*args, **kwargs)
        except TypeError as cause:
            named = f'{what} of effect "{self.step}" ({self.effect.service.name})'
            raise StepInvalid(f"{named} does not take what the effect is given: {cause}", file=self.workflow.file) from cause

    def policy(self) -> Any:
        """The policy the run started under."""
        return policies.model_of(self.workflow.policy, self.runtime.policy_body(self.claim.row["policy_id"]))

    def refusal(self, fresh: BaseModel) -> str | None:
        """Why the author's `must` forbids the call, or None. Raises StepInvalid where it gives no text."""
        refused: Any = self.effect.fresh.must(fresh, self.obj, **self.kwargs)
        if refused is not None and not isinstance(refused, str):
            named = f'must= of effect "{self.step}" ({self.effect.service.name}) gives {type(refused).__name__}'
            raise StepInvalid(f"{named}: return the reason why the call must not be made, or None", file=self.workflow.file)
        return refused

    def fresh_id(self) -> str:
        """The id of the object whose fresh read decides: the argument named for its kind, else the effect's own object."""
        named = self.kwargs.get(self.effect.fresh.query.object_kind)
        return str(self.obj.id if named is None else getattr(named, "id", named))

    def fresh_ids(self) -> list[str]:
        """The ids of every object whose fresh read decides, `fresh_id` first. Raises StepInvalid where each= gives other than texts."""
        first, each = self.fresh_id(), self.effect.fresh.each
        if each is None:
            return [first]
        self.fits(each, "each=", self.obj, **self.kwargs)
        found = each(self.obj, **self.kwargs)
        if isinstance(found, str) or not all(isinstance(id, str) for id in found):
            raise StepInvalid(f'each= of the fresh read of effect "{self.step}" gives no list of ids', file=self.workflow.file)
        return list(dict.fromkeys([first, *found]))

    def customers(self, connection: Connection, read: Sequence[Any]) -> set[str]:
        """Whose blocks forbid the call: the customers the fresh reads and the invoice's mirror name, which the trigger may not have."""
        shown = {getattr(doc, "customer_id", None) for fresh in read for doc in (fresh, getattr(fresh, "invoice", None))}
        kept = {waits.customer_of(connection, self.source, id) for id in (self.claim.row["invoice_id"], self._fresh_invoice())}
        return {str(id) for id in shown | kept if id}

    def invoices(self) -> set[str]:
        """Whose blocks forbid the call beside the run's own: the invoice that is read fresh, and those the slots name with it."""
        fresh = self._fresh_invoice()
        return set() if fresh is None else {*self.fresh_ids(), *(slot.object_id for slot in self.slots())}

    def no_longer(self, connection: Connection) -> str | None:
        """Why the author's `still` says that this is not the right effect any more, or None."""
        return None if self.effect.still is None else self.effect.still(connection, self.obj, self.today(connection))

    def _fresh_invoice(self) -> str | None:
        return self.fresh_id() if self.effect.fresh.query.object_kind == "invoice" else None

    def now(self, connection: Connection) -> datetime:
        return self.runtime.clock.business(connection)

    def today(self, connection: Connection) -> date:
        return self.now(connection).astimezone(self.runtime.zone_of(self.source)).date()

    def hold_ground(self, connection: Connection, customers: Collection[str] = ()) -> None:
        """Lock in the order of the house: mirror rows, those of further `customers` among them, then the run. Raises LostLease.

        The effect's own object is locked for us only: of two effects in one exclusive slot the second sees the first.
        """
        row, kind = self.claim.row, self.effect.fresh.query.object_kind
        ids = {"customer": row["customer_id"], "invoice": row["invoice_id"], kind: self.fresh_id()}
        named = self.invoices() - {ids["invoice"]}
        invoices = {id for id in named if mirror.load(connection, self.source, "invoice", id) is not None}
        waits.hold_objects(connection, self.source, ids, customers=customers, invoices=invoices, alone=kind)
        self.hold(connection)

    def hold(self, connection: Connection) -> None:
        """Prove that the run is still ours. Raises LostLease."""
        claims.hold(connection, self.claim.run_id, self.claim.fence, machine=self.runtime.clock.machine(connection))

    def keep(self, connection: Connection, result: dict[str, Any]) -> journal.Entry:
        """Journal the outcome. Raises LostLease."""
        entry = journal.Entry(name=self.step, kind="effect", result=result, at=self.now(connection))
        journal.write(connection, self.claim, entry, machine=self.runtime.clock.machine(connection))
        return entry

    def settle_as(self, connection: Connection, row: sa.RowMapping, state: str, reason: str) -> journal.Entry:
        """End an effect that was not called, and journal it."""
        ledger.move(connection, row["id"], state, since=[row["state"]], at=self.now(connection), reason=reason)
        return self.keep(connection, {"state": state, "reason": reason, "effect": row["id"]})

    def end(self, row: sa.RowMapping, state: str, reason: str) -> journal.Entry:
        """`settle_as` in a transaction of its own."""
        entry = self.runtime.db.write(lambda c: self.settle_as(c, row, state, reason))
        self.runtime.point("ended")
        return entry

    def look(self, row: sa.RowMapping) -> datetime:
        """The business time now. Raises Cancelled, with the effect cancelled, where an event of cancel_on came before the call."""
        with self.runtime.db.read() as connection:
            now, reason = self.now(connection), self.cancel_reason(connection)
        if reason:
            self.runtime.db.write(lambda c: self.drop(c, row, reason))
            self.runtime.point("dropped")
            raise Cancelled(reason)
        return now

    def drop(self, connection: Connection, row: sa.RowMapping, reason: str) -> None:
        ledger.move(connection, row["id"], "cancelled", since=["proposed", "approved", "intended"], at=self.now(connection), reason=reason)

    def postpone(self, row: sa.RowMapping, cause: Retryable, reason: str) -> Suspend:
        """What to raise after a read that could not be made: the run waits as long as workers/retry.py says."""
        attempts, why = row["attempts"] + 1, told(reason, cause)

        def act(connection: Connection) -> datetime:
            now = self.now(connection)
            later = now + backoff(attempts, cause, key=row["id"])
            self.hold(connection)
            if cause.context.get("kind") == "rate":
                limits.empty(connection, self.source, machine=self.runtime.clock.machine(connection))
            breaker.unread(connection, self.source, cause, why, at=now)
            ledger.postpone(connection, row["id"], row["state"], attempts=attempts, wake_at=later, reason=why)
            desk.tell_unreadable(connection, source=self.source, tries=attempts, why=why, at=now)
            return later

        later = self.runtime.db.write(act)
        self.runtime.point("postponed")
        return Suspend(later, why)


def result_of(row: sa.RowMapping) -> dict[str, Any]:
    """The journal's words for an effect settled elsewhere, by a person or by the worker that lost its lease."""
    return {"state": row["state"], "reason": row["reason"], "effect": row["id"], "reference": row["reference"], "reply": row["reply"]}
