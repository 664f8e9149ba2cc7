"""Carrying out one effect: from the plan to the settled outcome, over as many activations as it takes.

Used by Run.effect. `calling` is committed before the first byte, so after a crash an intended effect is safe to call and a
calling one is unknown.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import Connection

from workers import approvals, budgets, calls, journal, ledger, reconcile, restored, spending, waits
from workers.deed import Deed, result_of
from workers.errors import StateConflict, StepInvalid, Suspend
from workers.ledger import Plan
from workers.spending import Refused, Wanted


def drive(deed: Deed) -> journal.Entry:
    """The journaled outcome of the deed. Raises Suspend where it must wait, Cancelled where an event came before the call."""
    while True:
        with deed.runtime.db.read() as connection:
            row = ledger.of_step(connection, deed.claim.run_id, deed.step)
        try:
            entry = _intend(deed) if row is None else _advance(deed, row)
        except StateConflict:
            continue  # a person, or another worker, moved it on meanwhile
        if entry is not None:
            return entry


def _advance(deed: Deed, row: sa.RowMapping) -> journal.Entry | None:
    state = row["state"]
    if state == "proposed":
        return _await_approval(deed, row)
    if state in ("approved", "intended"):
        return calls.call(deed, row)
    if state == "calling":
        reconcile.lost(deed, row)
        return None
    if state == "unknown" and row["reason"] == reconcile.NOT_KEPT:
        reconcile.park(deed, row, "the provider's answer could not be kept")
    if state == "unknown":
        return calls.repeat(deed, row) if reconcile.repeats(deed, row) else reconcile.settle_unknown(deed, row)
    entry = deed.runtime.db.write(lambda c: deed.keep(c, result_of(row)))
    deed.runtime.point("journaled")
    return entry


def _intend(deed: Deed) -> journal.Entry | None:
    """Plan the effect in its slots: None once the row is there, an entry where it ends at once."""
    request, slots = _request(deed), deed.slots()
    plan = _plan(deed, request, slots[0].purpose)
    wanted, why = spending.wanted(deed, request, plan.purpose), approvals.needed(deed, request)
    if deed.mode == "observe":
        seen = {"service": plan.service, "object": plan.object_id, "request": plan.request, "request_hash": plan.request_hash}
        entry = deed.runtime.db.write(lambda c: deed.keep(c, {"state": "observed", **seen}))
        deed.runtime.point("journaled")
        return entry
    made = deed.runtime.db.write(lambda c: _make(c, deed, plan, slots, wanted, why))
    deed.claim.noted.clear()
    deed.runtime.point("intended")
    if isinstance(made, datetime):
        raise Suspend(made)
    return made


def _request(deed: Deed) -> BaseModel:
    """The request, before anything is planned. Raises StepInvalid, without values, where the author's arguments do not make one."""
    service, what = deed.effect.service, f'effect "{deed.step}" ({deed.effect.service.name})'
    _same_kind(deed)
    deed.fits(deed.effect.fresh.must, "must=", None, deed.obj, **deed.kwargs)
    try:
        return service.build(deed.obj, **deed.kwargs)
    except ValidationError as cause:
        wrong = ", ".join(f"{'.'.join(str(p) for p in one['loc'])}: {one['msg']}" for one in cause.errors(include_input=False))
        raise StepInvalid(f"The request of {what} cannot be made: {wrong}", file=deed.workflow.file) from cause
    except (TypeError, AttributeError) as cause:
        raise StepInvalid(f"The request of {what} cannot be made: {cause}", file=deed.workflow.file) from cause


def _same_kind(deed: Deed) -> None:
    """Raise StepInvalid where the document is of another kind than what the service changes.

    An id says nothing of its kind: an invoice's may be that of somebody else's customer.
    """
    wanted, given = deed.effect.service.object_kind, getattr(type(deed.obj), "object_kind", "")
    if wanted and given and given != wanted:
        named = f'effect "{deed.step}" ({deed.effect.service.name}) changes one {wanted}'
        document = f"the document of one {given} ({type(deed.obj).__name__})"
        raise StepInvalid(f"{named} and is given {document}: run.read the {wanted} and give that", file=deed.workflow.file)


def _make(
    connection: Connection, deed: Deed, plan: Plan, slots: list[ledger.Slot], wanted: list[Wanted], why: str | None
) -> journal.Entry | datetime | None:
    deed.hold_ground(connection)
    journal.write_noted(connection, deed.claim, machine=deed.runtime.clock.machine(connection))
    forbidden = waits.forbidding(connection, deed.claim.row, deed.effect.unless, on=deed.today(connection), invoices=deed.invoices())
    if forbidden:
        return deed.keep(connection, {"state": "cancelled", "reason": forbidden})
    effect_id = deed.runtime.new_id()
    holder = ledger.take_slots(connection, effect_id, slots, reissue=_reissues(deed, slots))
    if holder is not None:
        return deed.keep(connection, {"state": "duplicate", "reason": "duplicate_intent", "effect": holder})
    taken = spending.take(connection, deed, wanted)
    if isinstance(taken, Refused):
        ledger.leave_slots(connection, effect_id)
        return taken.until or deed.keep(connection, {"state": "cancelled", "reason": taken.reason})
    why = restored.word_needed(connection, deed.claim) or why or (approvals.BY_MODE if deed.mode == "propose" else None)
    state = "proposed" if why else "intended"
    budgets.hold(connection, effect_id, taken)
    ledger.intend(connection, effect_id, plan, state=state, at=deed.now(connection), reason=why or "")
    return None


def _plan(deed: Deed, request: BaseModel, purpose: str) -> Plan:
    row = deed.claim.row
    return Plan(
        run_id=deed.claim.run_id,
        step=deed.step,
        workflow=deed.workflow.name,
        source=deed.source,
        service=deed.effect.service.name,
        object_kind=deed.effect.service.object_kind or deed.effect.fresh.query.object_kind,
        object_id=str(deed.obj.id),
        customer_id=row["customer_id"],
        purpose=purpose,
        request=request.model_dump(mode="json"),
        amount=_amount(deed.obj, request),
        valid_until=deed.valid_until,
        approval_life_s=int(deed.effect.approval.life.total_seconds()) if deed.effect.approval else None,
    )


def _reissues(deed: Deed, slots: list[ledger.Slot]) -> bool:
    """Whether the run was ordered to do again what this very slot stands for: one level of several, or what is there but once."""
    ordered: dict[str, Any] = deed.claim.row["reissue"] or {}
    same = (slot for slot in slots if slot.purpose == ordered.get("purpose") and slot.object_id == ordered.get("object_id"))
    return any(slot.exclusive or slot.version in ordered.get("versions", ()) for slot in same)


def _await_approval(deed: Deed, row: sa.RowMapping) -> journal.Entry:
    now = deed.look(row)
    if row["valid_until"] and now >= row["valid_until"]:
        return deed.end(row, "expired", "expired")
    with deed.runtime.db.read() as connection:
        reason = deed.no_longer(connection)
    if reason:
        return deed.end(row, "cancelled", reason)
    raise Suspend(row["valid_until"])


def _amount(obj: Any, request: BaseModel) -> str | None:
    money = getattr(request, "amount", None) or getattr(obj, "total", None)
    return None if money is None else str(money)[:40]
