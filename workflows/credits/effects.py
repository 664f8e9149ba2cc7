"""The effects of credits: the top-up's invoice, its completion, its charge, the grant, and the proposal to cancel an unpaid one.

Owns their slots, caps and the fresh reads that decide. Every slot carries the order's `uid`: one order does each of them once, whoever
runs it. The caps are reserved with the grant, so what is counted is what may have been credited; one order is open at a time, so
nothing can use them up between plan and grant.
"""

from datetime import date, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection

from workers.authoring import (
    Approval,
    Budget,
    CustomerDoc,
    Disputed,
    Insolvent,
    InvoiceDoc,
    Money,
    Paused,
    Read,
    Slot,
    effect,
    is_locked,
    monsum,
)
from workflows.credits.amounts import TRANSFER_SHORT, ZERO, cents
from workflows.credits.conditions import cannot_pay
from workflows.credits.policy import CreditsPolicy

UID = "billhook-topup-"
CUSTOMER_LOCKED = "customer_locked"
LIFE = timedelta(days=30)  # `approval_ttl_hours` is shorter: the effect expires by it


class _OfOrder(BaseModel):
    """The object `id` at the provider that one order, `uid`, is about, and the order's amount."""

    model_config = ConfigDict(frozen=True)

    source: str
    id: str
    uid: str
    amount: Decimal
    currency: str

    @property
    def total(self) -> Money:
        """What a person approves."""
        return Money(self.amount, self.currency)


class TopUp(_OfOrder):
    """One top-up of the customer `id`. `balance`: what the plan, or the read before the grant, saw.

    `by_transfer`: money that came in before pays for it; `paid_on`: when the last of that came in, once the order is open.
    `linked`: (source, id) of the customer in another system, where that being locked stops a top-up.
    """

    balance: Decimal
    by_transfer: bool = False
    paid_on: date | None = None
    linked: tuple[str, str] | None = None


class TopUpInvoice(_OfOrder):
    """The invoice `id` of a top-up and the amount it must show."""


def why_not_now(fresh: CustomerDoc, topup: TopUp, **_: object) -> str | None:
    """Why the plan does not fit the customer any more: the balance rose since (a lower one only means usage)."""
    if fresh.credit_balance is None:
        return "balance_unknown"
    if fresh.currency != topup.currency:
        return "currency_differs"
    return "balance_moved" if fresh.credit_balance.amount > topup.balance else None


def why_not_billed(fresh: CustomerDoc, topup: TopUp, **_: object) -> str | None:
    return why_not_now(fresh, topup) or (None if topup.by_transfer else cannot_pay(fresh))


def still_unlocked(connection: Connection, topup: TopUp, _on: date) -> str | None:
    """Whether the linked customer was locked meanwhile."""
    return CUSTOMER_LOCKED if topup.linked is not None and is_locked(connection, *topup.linked) else None


def why_not_granted(fresh: CustomerDoc, topup: TopUp, **_: object) -> str | None:
    """What was paid is granted whatever the balance is; but the read that proves it must be the newest."""
    if fresh.credit_balance is None:
        return "balance_unknown"
    return None if fresh.credit_balance.amount == topup.balance else "balance_moved"


def invoice_problem(fresh: InvoiceDoc, amount: Decimal) -> str | None:
    """What is wrong with the top-up's invoice: another total, or a line that uses up the very credits it is to pay for."""
    if fresh.is_canceled:
        return "invoice_canceled"
    if fresh.total is None or cents(fresh.total.amount) != amount:
        return "total_differs"
    lines = [Decimal(str(line.get("complete_gross") or "0")) for line in fresh.fields.get("items") or []]
    return "credit_line" if any(gross < ZERO for gross in lines) else None


def is_paid(fresh: InvoiceDoc) -> bool:
    """Decided by the invoice, never by an event: nothing is open, and PAID_DATE ("date of received payment") says that money came.

    A part that was cancelled lowers what is open too, and no money came for it.
    """
    if fresh.type != "outgoing" or fresh.is_canceled or fresh.paid_on is None:
        return False
    return fresh.outstanding is not None and fresh.outstanding.amount <= ZERO


def why_not_completed(fresh: InvoiceDoc, invoice: TopUpInvoice, **_: object) -> str | None:
    if fresh.type != "draft":
        return "not_a_draft"
    return invoice_problem(fresh, invoice.amount)


def why_not_charged(fresh: InvoiceDoc, invoice: TopUpInvoice, **_: object) -> str | None:
    if is_paid(fresh):
        return "already_paid"
    if fresh.type != "outgoing":
        return "not_outgoing"
    if fresh.outstanding is None or cents(fresh.outstanding.amount) != invoice.amount:
        return "outstanding_differs"
    return invoice_problem(fresh, invoice.amount)


def why_not_withdrawn(fresh: InvoiceDoc, invoice: TopUpInvoice, **_: object) -> str | None:
    if fresh.type != "outgoing" or fresh.is_canceled:
        return "nothing_to_cancel"
    if not (fresh.ext_uid or "").startswith(UID):
        return "not_a_topup"
    return None if fresh.outstanding is not None and fresh.outstanding == fresh.total else "paid_in_part"


def _amount(topup: TopUp, request: BaseModel) -> Money:
    return topup.total


def _caps() -> tuple[Budget, Budget]:
    return (
        Budget(
            "cap_day", limit=lambda policy: policy.money(policy.cap_day), scope=lambda topup, **_: topup.id, full="cancel", amount=_amount
        ),
        Budget(
            "cap_month", limit=lambda policy: policy.money(policy.cap_month), window="month", scope=lambda topup, **_: topup.id,
            full="cancel", amount=_amount,
        ),
    )  # fmt: skip


def _asks(policy: CreditsPolicy, topup: TopUp, request: BaseModel) -> bool:
    return topup.amount > policy.approval_over


def _always(policy: CreditsPolicy, topup: _OfOrder, request: BaseModel) -> bool:
    return True


def _daily(policy: CreditsPolicy) -> int:
    return policy.daily_cap


def _floor(policy: CreditsPolicy) -> int:
    return policy.spike_floor


CAP_DAY, CAP_MONTH = CAPS = _caps()
OVER = Approval(when=_asks, life=LIFE, why="above_approval_over")
bill, bill_short = (
    effect(
        monsum.create_invoice,
        slot=lambda topup, **_: [Slot(topup.source, topup.id, "topup-bill", topup.uid)],
        fresh=Read(monsum.customer, must=why_not_billed),
        still=still_unlocked,
        unless=(Paused, Disputed, Insolvent),
        approval=approval,
        daily_cap=_daily,
        spike_floor=_floor,
    )
    for approval in (OVER, Approval(when=_always, life=LIFE, why=TRANSFER_SHORT))
)
complete = effect(
    monsum.complete,
    slot=lambda invoice, **_: [Slot(invoice.source, invoice.id, "topup-complete")],
    fresh=Read(monsum.invoice, must=why_not_completed),
    unless=(Paused, Insolvent),
)
charge = effect(
    monsum.capture,
    slot=lambda invoice, **_: [Slot(invoice.source, invoice.id, "topup-charge")],
    fresh=Read(monsum.invoice, must=why_not_charged),
    unless=(Paused, Disputed, Insolvent),
)
set_paid = effect(
    monsum.set_paid,
    slot=lambda invoice, **_: [Slot(invoice.source, invoice.id, "topup-paid")],
    fresh=Read(monsum.invoice, must=why_not_charged),
    unless=(Paused, Disputed, Insolvent),
)
grant = effect(
    monsum.add_credits,
    slot=lambda topup, **_: [Slot(topup.source, topup.id, "topup", topup.uid)],
    fresh=Read(monsum.customer, must=why_not_granted),
    touches=("credit_balance",),
    budget=CAPS,
)
grant_at_once = effect(
    monsum.add_credits,
    slot=lambda topup, **_: [Slot(topup.source, topup.id, "topup", topup.uid)],
    fresh=Read(monsum.customer, must=why_not_now),
    still=still_unlocked,
    unless=(Paused, Disputed, Insolvent),
    touches=("credit_balance",),
    budget=CAPS,
    approval=OVER,
    daily_cap=_daily,
    spike_floor=_floor,
)
withdraw = effect(
    monsum.cancel,
    slot=lambda invoice, **_: [Slot(invoice.source, invoice.id, "topup-withdraw")],
    fresh=Read(monsum.invoice, must=why_not_withdrawn),
    approval=Approval(when=_always, life=LIFE, why="topup_unpaid"),
)
