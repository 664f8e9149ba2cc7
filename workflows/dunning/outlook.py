"""One look at all overdue invoices of a customer in one currency: what is due now, what comes when, and why the rest waits.

The first step of every round of a run. Works on the mirror and dunning's own tables, in the step's transaction; nothing leaves on its
word alone: composing.py decides again on fresh reads.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from workers.authoring import InvoiceDoc, LookAgain, instant, next_open, open_invoices
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.byhand import NoticeSent, take_in
from workflows.dunning.eligibility import last_level_for, why_not_dunned
from workflows.dunning.handing import figures_today
from workflows.dunning.notice import Notice
from workflows.dunning.pauses import cut_pauses
from workflows.dunning.planning import NextStep, next_step, resumed_on
from workflows.dunning.plans import PlanAgreed, take_in_plan
from workflows.dunning.settling import bounce, reopen, settle
from workflows.dunning.whose import is_anothers, why_frozen

LOOK_AGAIN = timedelta(days=7)
ONE_DAY = timedelta(days=1)
STALE = "stale_bank_data"
NOT_TOLD = "outstanding_unknown"
CLAIMS_LEFT = "claims_left"
END_REASON = {"hand_over": "hand_over_proposed", "task": "reminder_only_unpaid"}


class HandOff(BaseModel):
    """Something a person is to do about one invoice. `figures`: what it comes to today, where that is told with it."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    reason: str
    figures: dict[str, str] = {}


class Outlook(BaseModel):
    """What one look found. `due`: invoices whose notice goes out now. `reason`: one line for `explain`, invoice by invoice.

    `live`: an invoice is still open, `open`: which. `cut`: those whose pause was longer than the policy allows.
    `deleted`: the customer is, at the provider. `stale`: which data was too old ("sync", "bank").
    `blind`: the first invoice of the source of which the provider does not tell what is owed, else None.
    """

    model_config = ConfigDict(frozen=True)

    due: tuple[str, ...] = ()
    tasks: tuple[HandOff, ...] = ()
    wake_at: datetime
    live: bool
    open: tuple[str, ...] = ()
    cut: tuple[HandOff, ...] = ()
    deleted: bool = False
    stale: str | None = None
    blind: str | None = None
    rate_gap: str | None = None
    reason: str = ""


def look(connection: Connection, account: Account) -> Outlook:
    """Write every ladder of the customer as it stands now, and say what is due."""
    ladders = tables.ladders_of(connection, account.source, account.customer_id, account.currency)
    invoices = {
        doc.id: doc
        for doc in open_invoices(connection, account.source, customer_id=account.customer_id)
        if doc.currency == account.currency and (doc.id in ladders or _is_overdue(doc, account.today))
    }
    account = account.reading(connection, list(invoices), (NoticeSent, PlanAgreed))
    tasks = [*_settled(connection, account, ladders, invoices)]
    owed = {doc.id: doc.outstanding.amount for doc in invoices.values() if doc.outstanding is not None}
    tables.see(connection, account.source, owed, on=account.today, same_on=account.verified_on(connection))
    deleted = account.known is not None and account.known.deleted
    news = any(doc.outstanding is None for doc in invoices.values()) and not _is_known_blind(connection, account)
    found = [_one(connection, account, doc, ladders.get(doc.id), deleted=deleted) for doc in invoices.values()]
    tasks += [task for one in found for task in one.tasks]
    cut = (
        ()
        if account.observed_by
        else tuple(HandOff(invoice_id=id, reason="pause_cut") for id in invoices if cut_pauses(connection, account, id))
    )
    stale = account.stale(connection) if any(one.due for one in found) else None
    due = tuple(one.invoice_id for one in found if one.due)
    for invoice_id in due if stale else ():
        tables.put_ladder(connection, account.source, invoice_id, at=account.now, reason=STALE)
    wakes = [one.wake_at for one in found if one.wake_at is not None and one.wake_at > account.now]
    if stale:
        wakes.append(instant(account.next_working_day, account.policy.hours.opens, account.zone))
    gap = _rate_gap(connection, account) if any(one.asks for one in found) else None
    blind = next((one.invoice_id for one in found if news and one.said == NOT_TOLD), None)
    said = "; ".join(f"{one.invoice_id}: {STALE if stale and one.due else one.said}" for one in found)
    return Outlook(
        due=() if stale else due, tasks=tuple(tasks), wake_at=min(wakes, default=account.now + LOOK_AGAIN), live=bool(found),
        open=tuple(invoices), cut=cut, deleted=deleted, stale=stale, blind=blind,
        rate_gap=gap, reason=said[:400],
    )  # fmt: skip


class _Found(BaseModel):
    """What was found of one invoice. `asks`: its ladder has a notice to come."""

    invoice_id: str
    said: str
    due: bool = False
    asks: bool = False
    wake_at: datetime | None = None
    tasks: tuple[HandOff, ...] = ()


def _rate_gap(connection: Connection, account: Account) -> str | None:
    """Why there will soon be no base rate, or None; none is needed where a rate was agreed."""
    if account.policy.agreed_rate is not None or account.agreed(connection).has_rate:
        return None
    known, ahead = account.confirmed_rates(connection), account.policy.rate_alert_days
    gap = account.policy.rate_table.gap_ahead(account.ladder.country, account.today, known, days=ahead)
    return None if gap is None else gap.why


def _is_known_blind(connection: Connection, account: Account) -> bool:
    """Whether people were told before that the provider does not tell what is owed: an invoice rests for it, not only in observe."""
    return any(not (row["detail"] or {}).get("observed") for row in tables.all_ladders(connection, account.source, reason=NOT_TOLD))


def _is_overdue(doc: InvoiceDoc, today: date) -> bool:
    return doc.due_date is None or doc.due_date < today


def _settled(
    connection: Connection, account: Account, ladders: dict[str, sa.RowMapping], invoices: dict[str, InvoiceDoc]
) -> Iterator[HandOff]:
    """Close the ladders of invoices that are no longer open; a task where their claims are for a person to decide."""
    for invoice_id, row in ladders.items():
        if row["state"] == tables.CLOSED or invoice_id in invoices or is_anothers(connection, account, invoice_id):
            continue
        if settle(connection, account, invoice_id):
            yield HandOff(invoice_id=invoice_id, reason=CLAIMS_LEFT)


def _one(connection: Connection, account: Account, doc: InvoiceDoc, row: sa.RowMapping | None, *, deleted: bool) -> _Found:
    """One open, overdue invoice; its ladder row is written."""
    take_in(connection, account, doc.id)
    take_in_plan(connection, account, doc.id)
    tasks: tuple[HandOff, ...] = (HandOff(invoice_id=doc.id, reason="notice_undelivered"),) if bounce(connection, account, doc.id) else ()
    state, detail, hold = tables.OPEN, {}, None
    if row is not None and (account.observed_by or not (row["detail"] or {}).get("observed")):
        state, detail, hold = row["state"], dict(row["detail"] or {}), row["hold_until"]
    if account.observed_by:
        detail["observed"] = True
    if state == tables.CLOSED:  # a payment was returned
        returned_on = account.reopened_on(connection, doc.id)
        state, detail["resumed_on"] = tables.OPEN, resumed_on(returned_on, grace_days=account.policy.release_grace_days).isoformat()
        hold = None
        reopen(connection, account, doc.id)
    if state in (tables.FOREIGN, tables.STOPPED) and row is not None:
        again = _taken_over(connection, account, doc.id, row)
        if again is None:
            return _Found(invoice_id=doc.id, said=str(row["reason"] or state), tasks=tasks)
        state, hold, detail["accepted"] = tables.OPEN, None, detail.pop("foreign", detail.get("accepted", []))
        detail["again"] = again
    said: dict[str, Any] = {"customer_id": account.customer_id, "currency": account.currency, "detail": detail or None, "at": account.now}
    said["before"] = row
    if (why := why_frozen(connection, account, doc.id, row, deleted=deleted)) is not None:
        tables.put_ladder(
            connection, account.source, doc.id, state=tables.STOPPED, reason=why, next_name=None, next_on=None, hold_until=None, **said
        )
        return _Found(invoice_id=doc.id, said=why, tasks=(*tasks, HandOff(invoice_id=doc.id, reason=why)))
    reason = why_not_dunned(doc, account.facts(connection, doc), account.policy, fresh=False)
    if reason is None and account.policy.transport == "observe":
        reason = "transport_observe"
    if reason == "paused":
        tasks += _warned(connection, account, doc, detail)
        said["detail"] = detail or None
    if reason is not None:
        tables.put_ladder(
            connection, account.source, doc.id, state=tables.RESTING, reason=reason, next_name=None, next_on=None, hold_until=hold, **said
        )
        return _Found(invoice_id=doc.id, said=reason, wake_at=_rest_ends(connection, account, doc), tasks=tasks)
    notices = account.notices(connection, doc)
    step = planned(connection, account, doc, detail, notices)
    send_on = max(step.send_on, account.days.sending_day(hold)) if hold else step.send_on
    if step.kind != "notice" and send_on <= account.today:
        why = END_REASON[step.kind]
        figures = figures_today(connection, account, doc, notices) if step.kind == "hand_over" else {}
        tables.put_ladder(
            connection, account.source, doc.id, state=tables.STOPPED, reason=why, next_name=step.name, next_on=None, hold_until=None,
            figures=figures or None, **said,
        )  # fmt: skip
        return _Found(invoice_id=doc.id, said=why, tasks=(*tasks, HandOff(invoice_id=doc.id, reason=why, figures=figures)))
    held = row["reason"] if row is not None and hold is not None and hold > account.today else None
    tables.put_ladder(
        connection, account.source, doc.id, state=tables.OPEN, reason=held, next_name=step.name, next_on=send_on, hold_until=hold, **said
    )
    earliest = max(account.now, instant(send_on, account.policy.hours.opens, account.zone))
    opens = next_open(account.policy.hours, earliest, account.zone, account.days.is_open)
    return _Found(
        invoice_id=doc.id, said=f"{step.name} on {send_on}" + (f" ({held})" if held else ""), due=opens <= account.now, wake_at=opens,
        asks=step.kind == "notice", tasks=tasks,
    )  # fmt: skip


def planned(
    connection: Connection, account: Account, doc: InvoiceDoc, detail: dict[str, object], notices: tuple[Notice, ...]
) -> NextStep:  # fmt: skip
    """The next step of an invoice that may be dunned, after the notices it had. `doc.due_date` is known."""
    assert doc.due_date is not None
    resumed = detail.get("resumed_on")
    not_before = [*account.resumes(account.blocks(connection, doc.id)), *([date.fromisoformat(str(resumed))] if resumed else [])]
    return next_step(
        account.ladder, account.days, due_on=doc.due_date, notices=notices, not_before=not_before,
        last_level=last_level_for(doc, account.policy), min_days_between=account.policy.min_days_between,
    )  # fmt: skip


def _taken_over(connection: Connection, account: Account, invoice_id: str, row: sa.RowMapping) -> str | None:
    """When an operator last said `look.again` (ISO), where that was since the ladder stopped and was not heard before; else None."""
    said = max((one.at for one in account.told(connection, invoice_id, (LookAgain,))), default=None)
    if said is None or said < row["changed_at"] or said.isoformat() == (row["detail"] or {}).get("again"):
        return None
    return said.isoformat()


def _rest_ends(connection: Connection, account: Account, doc: InvoiceDoc) -> datetime | None:
    """When blocks that hold today are looked at again: once all ended, and the day before a pause ends; None where one never does."""
    last = _last_day(connection, account, doc)
    if last is None:
        return None
    paused = _last_day(connection, account, doc, kind="pause")
    before = [] if paused is None else [paused - ONE_DAY]
    return _opens_on(account, min(day for day in (*before, last + ONE_DAY) if day > account.today))


def _warned(connection: Connection, account: Account, doc: InvoiceDoc, detail: dict[str, Any]) -> tuple[HandOff, ...]:
    """A task on the day before a pause ends, once."""
    ends = _last_day(connection, account, doc, kind="pause")
    if ends is None or ends - ONE_DAY > account.today or detail.get("warned") == ends.isoformat():
        return ()
    detail["warned"] = ends.isoformat()
    return (HandOff(invoice_id=doc.id, reason="pause_ends"),)


def _last_day(connection: Connection, account: Account, doc: InvoiceDoc, *, kind: str | None = None) -> date | None:
    """The last day of the blocks (of one kind) that hold today; None where there is none, or one without end."""
    spans = account.holding(account.blocks(connection, doc.id), doc)
    holding = [span.until for span in spans if kind in (None, span.kind)]
    ends = [until for until in holding if until is not None]
    return max(ends) if ends and len(ends) == len(holding) else None


def _opens_on(account: Account, day: date) -> datetime:
    return instant(day, account.policy.hours.opens, account.zone)
