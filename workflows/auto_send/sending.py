"""The effects of auto-send: one e-mail, one letter, or a letter beside an e-mail.

Owns their slots and the fresh reads that decide. An invoice has one `send` slot whatever its version and channel; the letter beside an
e-mail has `send-copy`, so that both go, and neither goes twice.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.engine import Connection

from workers.authoring import CustomerDoc, InvoiceDoc, Paused, Query, Read, Slot, effect, linked_recipient, monsum
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


class LinkedInvoice(InvoiceDoc):
    """An invoice that goes to the address of the customer `linked_id` of another source, as that mirror says."""

    linked_source: str
    linked_id: str
    linked_to: str = Field(repr=False)

    @classmethod
    def of(cls, invoice: InvoiceDoc, source: str, id: str, to: str) -> "LinkedInvoice":
        said = {name: getattr(invoice, name) for name in InvoiceDoc.model_fields}
        return cls(**said, linked_source=source, linked_id=id, linked_to=to)


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


def still_linked_so(connection: Connection, invoice: LinkedInvoice, _on: date) -> str | None:
    """Whether the mirror of the other source names another address by now."""
    return None if linked_recipient(connection, invoice.linked_source, invoice.linked_id) == invoice.linked_to else "recipient_changed"


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
send_email_linked = effect(
    monsum.send_by_email,
    slot=lambda invoice, **_: _slot(SEND, invoice),
    fresh=Read(monsum.invoice, must=still_to_be_posted),
    still=still_linked_so,
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
