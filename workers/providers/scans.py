"""Scan sets: what of each provider is read again and again, to find what no delivery told; and what no API can recover.

Owns this as data: workers/gaps.py walks the scans, `billhook gaps` and docs/gaps.md show them. Nothing here asks anybody. A new scan is a
row here, and where it goes through a list in a new way, a walk in workers/walks.py.
Source: the Monsum and FastBill API reference; topics of the Qvickly documentation; routes of AutoDNS; read 2026-11-21.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

MINUTE, QUARTER, HOUR, DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
OPEN_LEFT_OUT = "what became true and untrue again between two sweeps; a draft made and deleted between them"
MONTH_LEFT_OUT = "an older invoice that we neither know nor that is open"
PAGES_LEFT_OUT = "all but the last of several changes between two sweeps; a customer created and deleted between them"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One list of one provider, and how it is gone through.

    `kind`:   what it brings: invoice, customer, payment, callback, message or account.
    `walk`:   a name in workers/walks.py. `back_days`: how far back in time it begins, where it goes by time.
    `ahead_days`: how far ahead of today it ends, for what is dated ahead.
    `calls`:  what is asked. `costs`: how many requests one sweep takes. `finds`: event types. `misses`: what it cannot show.
    `needs`:  what the client must have ("login", "polls"), "" where it needs nothing.
    `baseline`: the baseline reads the same, so the first sweep is due one `every` after it.
    `urgent`: it comes before the sweeps where requests are scarce.
    `lost_time`: it is also walked when a restored backup is released. `synced`: once it is through, open invoices are known as a whole.
    """

    name: str
    kind: str
    walk: str
    every: timedelta
    calls: str
    costs: str
    finds: tuple[str, ...]
    misses: str
    back_days: int = 7
    ahead_days: int = 0
    needs: str = ""
    baseline: bool = False
    urgent: bool = False
    lost_time: bool = False
    synced: bool = False


@dataclass(frozen=True, slots=True)
class Unseen:
    """A kind of fact that no API of this provider brings back once its delivery is lost, and why."""

    fact: str
    why: str


INVOICE_TURNS = ("invoice.created", "invoice.completed", "invoice.changed", "invoice.paid", "invoice.reopened", "invoice.canceled")
CUSTOMER_TURNS = ("customer.created", "customer.updated", "customer.deleted")


def _invoices() -> tuple[Scan, ...]:
    return (
        Scan(
            name="open-invoices", kind="invoice", walk="open_by_id", every=QUARTER, calls="invoice.get by an array of 100 ids",
            costs="1 for every 100 open invoices", finds=(*INVOICE_TURNS, "invoice.deleted"), misses=OPEN_LEFT_OUT, lost_time=True,
            synced=True,
        ),
        Scan(
            name="new-invoices", kind="invoice", walk="by_month", every=QUARTER, calls="invoice.get by YEAR and MONTH",
            costs="1 for every 100 invoices of the month, and of the last one in a month's first week", finds=INVOICE_TURNS,
            misses=f"{MONTH_LEFT_OUT}; one dated in a later month", lost_time=True, synced=True,
        ),
        Scan(
            name="older-invoices", kind="invoice", walk="by_month", every=DAY, calls="invoice.get by YEAR and MONTH",
            costs="1 for every 100 invoices of the last 92 days, and for each of the two months to come", finds=INVOICE_TURNS,
            misses="a settled invoice that changes when it is more than 92 days old; one dated more than two months ahead", back_days=92,
            ahead_days=61, baseline=True,
        ),
    )  # fmt: skip


def _customers(every: timedelta) -> Scan:
    return Scan(
        name="customers", kind="customer", walk="full_pages", every=every, calls="customer.get, every page, until two passes agree",
        costs="1 for every 100 customers; twice that where one came or went", finds=CUSTOMER_TURNS, misses=PAGES_LEFT_OUT, baseline=True,
    )  # fmt: skip


MONSUM = (*_invoices(), _customers(timedelta(hours=6)))
FASTBILL = (*_invoices(), _customers(timedelta(hours=6)))
QVICKLY = (
    Scan(
        name="callback-log", kind="callback", walk="callback_log", every=QUARTER, calls="GET /merchant/api-callbacks by day",
        costs="1 for every 100 callbacks since the day before the last sweep", finds=("payment.reported",),
        misses="a callback that Qvickly never made", needs="login", lost_time=True, urgent=True,
    ),
    Scan(
        name="open-payments", kind="payment", walk="open_payments", every=HOUR, calls="getPaymentinfo of each",
        costs="1 for every payment last told as created, pending or approved in the last 30 days", finds=("payment.reported",),
        misses="a payment nobody ever called back for; a word of the credit check that no callback would say", back_days=30, lost_time=True,
    ),
    Scan(
        name="due-payments", kind="payment", walk="due_payments", every=DAY,
        calls="getDuePayments of today, getPaymentinfo of unknown ones",
        costs="1, and 1 for every due payment nobody told us of", finds=("payment.reported",),
        misses="a payment that is not due, or fell due more than three months ago",
    ),
    Scan(
        name="customers", kind="customer", walk="full_pages", every=timedelta(hours=6),
        calls="GET /customers, every page, until two passes agree",
        costs="1 for every 100 customers; twice that where one came or went", finds=CUSTOMER_TURNS, misses=PAGES_LEFT_OUT, needs="login",
        baseline=True,
    ),
)  # fmt: skip
AUTODNS = (
    Scan(
        name="messages", kind="message", walk="messages", every=MINUTE, calls="GET /poll, PUT /poll/{id}",
        costs="1, and 2 for every message", finds=("order.reported", "provider.notice"), misses="what another tool confirmed first",
        needs="polls", urgent=True,
    ),
    Scan(
        name="account", kind="account", walk="account", every=QUARTER, calls="GET /account", costs="1",
        finds=("credit.low", "credit.restored"), misses="a threshold that was crossed and crossed again between two sweeps", urgent=True,
    ),
    Scan(
        name="customers", kind="customer", walk="each_customer", every=QUARTER, calls="GET /customer/{client}/{number}",
        costs="1 for every customer that is named in billhook.toml or was seen in a message", finds=CUSTOMER_TURNS,
        misses="customers that are neither named nor were seen: there is no list of them", baseline=True,
    ),
    Scan(
        name="open-invoices", kind="invoice", walk="each_open_invoice", every=QUARTER, calls="GET /invoice/{id}",
        costs="1 for every open invoice", finds=("invoice.changed", "invoice.paid", "invoice.reopened"), misses=OPEN_LEFT_OUT,
        lost_time=True, synced=True,
    ),
    Scan(
        name="new-invoices", kind="invoice", walk="by_month", every=QUARTER, calls="POST /invoice/_search, the newest first",
        costs="1 for every 100 invoices of the month, and of the last one in a month's first week",
        finds=("invoice.created", "invoice.changed", "invoice.paid"), misses=MONTH_LEFT_OUT, lost_time=True, synced=True,
    ),
)  # fmt: skip

_MONSUM_UNSEEN = (
    Unseen("payment.failed, .chargeback, .refunded", "no service lists payments; money that went back shows as invoice.reopened"),
    Unseen("payment.reminded", "no service tells who was reminded of what; invoice.getreminders shows it once an invoice is looked at"),
    Unseen("subscription.created, changed, canceled, closed, reactivated", "no service of the two references reads subscriptions"),
    Unseen("X_ATTRIBUTES of a customer", "they are read from notifications; a customer's next one brings the whole set again"),
    Unseen("the states in between", "a read shows what is, not what was: of two changes between two sweeps only the last is found"),
)  # fmt: skip
UNSEEN: Mapping[str, tuple[Unseen, ...]] = {
    "monsum": _MONSUM_UNSEEN,
    "fastbill": (
        Unseen("estimate.created, estimate.updated, contact.*", "no service of the reference reads them"),
        Unseen("payment of an invoice by its own instant", "only the day it was paid is kept; found within a quarter of an hour"),
        *_MONSUM_UNSEEN[3:],
    ),
    "qvickly": (
        Unseen("a payment nobody called back for that is not due yet", "no call of ours lists payments; they are known by their numbers"),
        Unseen("every callback, where there is no portal login", "the callback log is in the Portal API"),
        Unseen("com.qvickly… session events", "they are not documented, and in no log we know of"),
        Unseen("reminders and collection", "the provider makes its own; getDuePayments shows what is due now, not when it was reminded"),
        Unseen("the states in between", "getPaymentinfo shows the status that is, the log only what was called back"),
    ),
    "autodns": (
        Unseen("messages that are pushed", "there is no log of pushes, and a message that is pushed cannot be polled later"),
        Unseen("orders of other tools", "their result is a message too, and is gone once anybody confirmed it"),
        Unseen("customers that are neither named nor were seen", "there is no list of customers"),
        Unseen("the states in between", "a read shows what is: of two changes between two sweeps only the last is found"),
    ),
    "standard": (Unseen("everything", "a Standard Webhooks sender has no API here: ask it to send again"),),
}  # fmt: skip
