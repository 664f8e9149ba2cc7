"""The effects of auto-send: one e-mail, one letter, or a letter beside an e-mail.

Owns their slots and the fresh reads that decide. An invoice has one `send` slot whatever its version and channel; the letter beside an
e-mail has `send-copy`, so that both go, and neither goes twice.
"""

from pydantic import BaseModel, ConfigDict

from workers.authoring import CustomerDoc, InvoiceDoc, Paused, Query, Read, Slot, effect, monsum
from workflows.auto_send.policy import AutoSendPolicy

NOT_SHIPPED = (None, "", "0")
SEND, COPY = "send", "send-copy"


class Addressed(BaseModel):
    """An invoice together with its customer, read one after the other."""

    model_config = ConfigDict(frozen=True)

    invoice: InvoiceDoc
    customer: CustomerDoc


def _addressed(client: object, id: str) -> Addressed:
    invoice = monsum.invoice.run(client, id)
    return Addressed(invoice=invoice, customer=monsum.customer.run(client, str(invoice.customer_id)))


addressed = Query("invoice.get and customer.get", "invoice", Addressed, _addressed, requests=2)


def why_not(invoice: InvoiceDoc) -> str | None:
    """Why an invoice is not to be sent at all, or None."""
    if invoice.type != "outgoing":
        return "not_outgoing"
    if invoice.is_canceled:
        return "invoice_canceled"
    if invoice.total is None:
        return "total_unknown"
    if invoice.total.amount == 0:
        return "zero_total"
    return "negative_total" if invoice.total.amount < 0 else None


def was_shipped(invoice: InvoiceDoc) -> bool:
    """SHIPMENT shows that the invoice was posted."""
    return invoice.shipment not in NOT_SHIPPED


def still_to_be_posted(fresh: InvoiceDoc, invoice: InvoiceDoc, **_: object) -> str | None:
    """Why the invoice, as it reads now, is not the one that was planned to be sent; None where it is."""
    if reason := why_not(fresh):
        return reason
    if fresh.doc_version != invoice.doc_version:
        return "changed_before_send"
    return "sent_elsewhere" if was_shipped(fresh) and fresh.shipment != invoice.shipment else None


def still_to_be_mailed(fresh: Addressed, invoice: InvoiceDoc, *, recipient: str, **_: object) -> str | None:
    """As for a letter; also where the customer's address is another one by now."""
    if (fresh.customer.email or "").strip() != recipient:
        return "recipient_changed"
    return still_to_be_posted(fresh.invoice, invoice)


def _cap(policy: AutoSendPolicy) -> int:
    return policy.daily_cap


def _floor(policy: AutoSendPolicy) -> int:
    return policy.spike_floor


def _slot(purpose: str, invoice: InvoiceDoc) -> list[Slot]:
    return [Slot(invoice.source, invoice.id, purpose, invoice.doc_version, exclusive=True)]


send_email = effect(
    monsum.send_by_email,
    slot=lambda invoice, **_: _slot(SEND, invoice),
    fresh=Read(addressed, must=still_to_be_mailed),
    unless=(Paused,),
    daily_cap=_cap,
    spike_floor=_floor,
)
send_letter = effect(
    monsum.send_by_post,
    slot=lambda invoice, **_: _slot(SEND, invoice),
    fresh=Read(monsum.invoice, must=still_to_be_posted),
    unless=(Paused,),
    daily_cap=_cap,
    spike_floor=_floor,
)
send_copy = effect(
    monsum.send_by_post,
    slot=lambda invoice, **_: _slot(COPY, invoice),
    fresh=Read(monsum.invoice, must=still_to_be_posted),
    unless=(Paused,),
    daily_cap=_cap,
    spike_floor=_floor,
)
