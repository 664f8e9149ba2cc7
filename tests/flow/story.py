"""One customer's whole story at the provider, as the notifications it made; and what billhook came to believe of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from receiver.db import table_of
from workers.events import EventRow
from workers.mirror import Mirror
from workers.testing.flow import Flow

ONCE = (
    "customer.created", "customer.deleted", "invoice.created", "invoice.completed", "invoice.paid", "invoice.reopened",
    "invoice.canceled", "invoice.deleted", "payment.failed", "payment.chargeback", "payment.reminded", "subscription.created",
    "subscription.changed", "subscription.canceled", "subscription.closed", "subscription.reactivated",
)  # fmt: skip


@dataclass(frozen=True)
class Belief:
    """What the mirror and the event table hold at the end; customer.updated and invoice.changed may differ in number."""

    mirror: dict[tuple[str, str], dict[str, Any]]
    events: list[tuple[str, str]]


def tell(flow: Flow, acts: Iterable[tuple[str, dict[str, str]]]) -> list[bytes]:
    """The bytes of every notification of `acts`, which happen two minutes apart."""
    told: list[bytes] = []
    for act, said in acts:
        flow.clock.pass_(timedelta(minutes=2))
        flow.sandbox.trigger(act, said)
        told += [notification.body for notification in flow.sandbox.drain()]
    return told


def whole_story(flow: Flow) -> list[bytes]:
    """Customer created, changed and deleted; one invoice from draft to cancelled, charged back on the way; a subscription; a draft deleted.

    FastBill core tells nothing of payments and subscriptions.
    """
    told = tell(flow, [("customer.created", {})])
    customer = next(iter(flow.sandbox.account.customers))
    told += tell(flow, [("invoice.created", {"customer_id": customer})])
    invoice = next(iter(flow.sandbox.account.invoices))
    named = {"invoice_id": invoice}
    told += tell(
        flow,
        [
            ("customer.updated", {"customer_id": customer, "x_attributes.domain": "example.org"}),
            ("invoice.changed", {**named, "total": "119.00"}),
            ("invoice.completed", named),
            ("customer.updated", {"customer_id": customer, "city": "Köln"}),
            ("invoice.changed", {**named, "due_date": "2026-12-24"}),
            ("subscription.created", {"customer_id": customer}),
            ("payment.failed", named),
            ("payment.reminded", named),
            ("invoice.paid", named),
            ("invoice.paid", {**named, "amount": "-119.00"}),
            ("payment.chargeback", named),
            ("subscription.changed", {}),
            ("invoice.paid", named),
            ("subscription.canceled", {}),
            ("subscription.reactivated", {}),
            ("subscription.closed", {}),
            ("invoice.canceled", named),
            ("invoice.created", {"customer_id": customer}),
        ],
    )
    draft = list(flow.sandbox.account.invoices)[-1]
    return told + tell(flow, [("invoice.deleted", {"invoice_id": draft}), ("customer.deleted", {"customer_id": customer})])


def believed(flow: Flow) -> Belief:
    mirror, event = table_of(Mirror), table_of(EventRow)
    flags = ("seen", "deleted", "completed", "canceled", "paid")
    rows = flow.rows(sa.select(mirror).order_by(mirror.c.kind, mirror.c.object_id))
    state = {(r["kind"], r["object_id"]): r["fields"] | {flag: r[flag] for flag in flags} for r in rows}
    told = flow.rows(sa.select(event).where(event.c.type.in_(ONCE), sa.not_(event.c.historical)))
    return Belief(state, sorted((r["type"], r["invoice_id"] or r["customer_id"]) for r in told))
