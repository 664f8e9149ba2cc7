"""Who is dunned at all, and whose next notice a person must approve: every reason not to act has a code.

Pure. The caller gathers the facts, from fresh reads where they decide; nothing that is not known counts in favour of dunning.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from workers.authoring import InvoiceDoc, Money
from workflows.dunning.calendar import WorkingDays
from workflows.dunning.debtor import Debtor
from workflows.dunning.ladder import Ladder
from workflows.dunning.policy import AFTER_FAILED, DunningPolicy

TOP_UP_PREFIX = "billhook-topup-"
# In the order in which they are told where several hold.
BLOCKED = {
    "foreign_dunning": "foreign_dunning", "insolvency": "insolvency", "dispute": "disputed", "exclude": "excluded", "promise": "promised",
    "pause": "paused",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an invoice beside its document.

    `was_sent`: our own send is done, or an operator said so. `by_discount`: the rest is a cash discount that was taken.
    `blocks`: the kinds of open blocks on invoice or customer; a dispute of a part is left out where the rest is to be dunned.
    `words`: the customer's tags, and attributes as "name=value" (`words_of`).
    """

    was_sent: bool
    collection_failed: bool = False
    by_discount: bool = False
    blocks: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


def why_not_dunned(invoice: InvoiceDoc, facts: Facts, policy: DunningPolicy, *, fresh: bool = True) -> str | None:
    """The first reason for which this invoice gets no notice, or None.

    Not `fresh`: the document is what notifications told, which do not say how it is paid; the fresh read decides about that.
    """
    payment = _about_payment(invoice, facts, policy) if fresh or invoice.payment_type is not None else None
    return _about_invoice(invoice, policy) or payment or _about_customer(facts, policy)


def stale_data(
    *, synced_at: datetime | None, bank_checked_on: date | None, now: datetime, today: date, days: WorkingDays, policy: DunningPolicy
) -> Literal["sync", "bank"] | None:
    """Which of the data is too old to dun on: the provider's, or the bank's; None where both are fresh. Either is `stale_bank_data`."""
    if synced_at is None or now - synced_at >= timedelta(hours=policy.sync_fresh_hours):
        return "sync"
    if bank_checked_on is None or days.working_days_after(bank_checked_on, today) >= policy.bank_fresh_working_days:
        return "bank"
    return None


def last_level_for(invoice: InvoiceDoc, policy: DunningPolicy) -> int | None:
    """The highest level this invoice may get: 0 for an unpaid advance request, which is no defaulted debt; None where all may go."""
    return 0 if policy.payment_types.get(invoice.payment_type or "") == "reminder_only" else None


def why_approve(
    level: int, *, outstanding: Money, together: Money, debtor: Debtor, fee: Money, first_to_customer: bool, credit: Money | None,
    ladder: Ladder, policy: DunningPolicy,
) -> tuple[str, ...]:  # fmt: skip
    """Every reason for which a person must approve this notice; empty where it may go by itself.

    `together`: the principal of all invoices in the message. `credit`: CREDIT_BALANCE or an unapplied credit, in the debt's currency.
    Without a currency to compare in, a credit counts as enough.
    """
    step = ladder.steps[level]
    reasons = {
        "level_needs_approval": step.approval,
        "large_amount": together.amount > policy.approve_above,
        "first_notice_to_customer": first_to_customer and policy.approve_first_notice,
        "credit_covers_debt": credit is not None and _covers(credit, outstanding),
        "foreign_currency": outstanding.currency != ladder.currency,
        "consumer_fee": debtor == "consumer" and fee.amount > 0 and policy.approve_consumer_fees,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def words_of(tags: Iterable[str], attributes: Mapping[str, object]) -> frozenset[str]:
    """A customer's tags and attributes as the policy's `exclude` compares them: trimmed, lower case, "name=value"."""
    named = (f"{str(name).strip()}={str(value).strip()}" for name, value in attributes.items())
    return frozenset(word.strip().lower() for word in (*tags, *named))


def _about_invoice(invoice: InvoiceDoc, policy: DunningPolicy) -> str | None:
    if invoice.type != "outgoing":
        return "not_outgoing"
    if invoice.is_canceled:
        return "invoice_cancelled"
    if (invoice.ext_uid or "").startswith(TOP_UP_PREFIX):
        return "own_top_up"
    if invoice.due_date is None:
        return "no_due_date"
    if invoice.outstanding is None:
        return "outstanding_unknown"
    if invoice.outstanding.amount <= 0:
        return "paid"
    return "below_minimum" if invoice.outstanding.amount < policy.least(invoice.outstanding.currency) else None


def _about_payment(invoice: InvoiceDoc, facts: Facts, policy: DunningPolicy) -> str | None:
    treatment = policy.payment_types.get(invoice.payment_type or "")
    if treatment is None:
        return "unmapped_payment_type"
    if treatment == "never":
        return "payment_type_not_dunned"
    if treatment == AFTER_FAILED and not facts.collection_failed:
        return "collection_not_failed"
    return "cash_discount" if facts.by_discount else None


def _about_customer(facts: Facts, policy: DunningPolicy) -> str | None:
    if not facts.was_sent:
        return "not_sent"
    if facts.blocks:
        return next((reason for block, reason in BLOCKED.items() if block in facts.blocks), "blocked")
    return "excluded" if facts.words & words_of(policy.exclude, {}) else None


def _covers(credit: Money, outstanding: Money) -> bool:
    return credit.amount > Decimal(0) and (credit.currency != outstanding.currency or credit >= outstanding)
