"""How a lost reply of Monsum or FastBill is found out: what reading back must show for yes and for no.

Owns one look per service that can be read back; workers/providers/monsum.py names them in its rows. A look says None wherever
reading cannot tell; it never guesses and never writes. A provider that shows nothing of anything may have lost its lists: no *no*.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from workers.errors import NotFound
from workers.providers.monsum_client import MonsumClient, Record
from workers.providers.monsum_docs import CustomerDoc, InvoiceDoc
from workers.providers.monsum_reads import customer_doc, invoice_doc, webhooks_doc
from workers.providers.monsum_requests import (
    AddCredits,
    Cancel,
    Complete,
    CreateWebhook,
    OneCustomer,
    OneInvoice,
    OneWebhook,
    SetPaid,
    WriteCustomer,
    WriteInvoice,
)
from workers.providers.service import Asked, Look

NO_SHIPMENT = (None, "", "0")


def posted(client: MonsumClient, request: OneInvoice, asked: Asked) -> Look:
    """SHIPMENT differs from the read before: posted. Unchanged says no only beside a read before."""
    now = invoice_doc(client, request.invoice_id)
    if not isinstance(asked.before, InvoiceDoc) or "shipment" not in now.fields:
        return Look(found=None, detail="no read before, or no shipment told")
    if now.shipment != asked.before.shipment and now.shipment not in NO_SHIPMENT:
        return Look(found=True, reference=now.shipment, detail="shipment changed")
    return Look(found=False, detail="shipment unchanged")


def completed(client: MonsumClient, request: Complete, asked: Asked) -> Look:
    """The invoice is outgoing and has its number; a draft is a no, and everything else tells nothing."""
    now = invoice_doc(client, request.invoice_id)
    if now.type == "outgoing" and now.number:
        return Look(found=True, reference=now.number, detail="type and number")
    return Look(found=False if now.type == "draft" else None, detail="type")


def paid(client: MonsumClient, request: SetPaid, asked: Asked) -> Look:
    """Nothing is outstanding: whoever did it, the wish is fulfilled."""
    now = invoice_doc(client, request.invoice_id)
    balanced = now.outstanding is not None and now.outstanding.amount == 0
    return Look(found=balanced or now.status == "paid" or now.paid_on is not None, reference=now.number, detail="balance")


def canceled(client: MonsumClient, request: Cancel, asked: Asked) -> Look:
    """IS_CANCELED; a partial cancellation leaves no trace that can be told from others."""
    if request.cancellation_amount is not None:
        return Look(found=None, detail="partial")
    return Look(found=invoice_doc(client, request.invoice_id).is_canceled, detail="is_canceled")


def invoice_created(client: MonsumClient, request: WriteInvoice, asked: Asked) -> Look:
    """A draft of this customer, or by now an outgoing invoice, carries the request's INVOICE_EXT_UID; without one nothing can be told."""
    if not request.invoice_ext_uid or request.customer_id is None:
        return Look(found=None, detail="no invoice_ext_uid")
    for type in ("draft", "outgoing"):  # in this order: one that is completed meanwhile is in the second
        filters = {"CUSTOMER_ID": request.customer_id, "TYPE": type}
        for record in _all(client, "invoice.get", "INVOICES", filters):
            if str(record.get("INVOICE_EXT_UID")) == request.invoice_ext_uid:
                return Look(found=True, reference=str(record.get("INVOICE_ID")), detail="invoice_ext_uid")
    if not client.invoices().records:
        return Look(found=None, detail="no invoice is shown at all")
    return Look(found=False, detail="invoice_ext_uid")


def _all(client: MonsumClient, service: str, listed: str, filters: Mapping[str, str]) -> Iterator[Record]:
    """Every record of every page: where a filter was not understood, everybody's."""
    offset: int | None = 0
    mark: str | None = None
    while offset is not None:
        page = client.page(service, listed, filters, offset)
        mark = page.mark(mark, client.source)
        yield from page.records
        offset = page.next_offset


def invoice_gone(client: MonsumClient, request: OneInvoice, asked: Asked) -> Look:
    """The draft is not there any more."""
    try:
        invoice_doc(client, request.invoice_id)
    except NotFound:
        return Look(found=True, detail="gone")
    return Look(found=False, detail="still there")


def customer_gone(client: MonsumClient, request: OneCustomer, asked: Asked) -> Look:
    """The customer is not there any more."""
    try:
        customer_doc(client, request.customer_id)
    except NotFound:
        return Look(found=True, detail="gone")
    return Look(found=False, detail="still there")


def customer_written(client: MonsumClient, request: WriteCustomer, asked: Asked) -> Look:
    """Every field reads as it was written; X_ATTRIBUTES cannot be read back and decide nothing."""
    if request.customer_id is None or not request.fields:
        return Look(found=None, detail="nothing that can be read back")
    record = client.one("customer.get", "CUSTOMERS", {"CUSTOMER_ID": request.customer_id}, "CUSTOMER_ID", request.customer_id)
    same = all(str(record.get(name.upper()) or "") == value for name, value in request.fields.items())
    if same:
        return Look(found=True if request.x_attributes is None else None, detail="fields")
    return Look(found=False, detail="fields differ")


def credited(client: MonsumClient, request: AddCredits, asked: Asked) -> Look:
    """CREDIT_BALANCE is what it was plus AMOUNT: yes. It is what it was, and nothing else came of the customer since: no.

    An invoice of the day of the call may have used up credits: beside any but a top-up's own, an unchanged balance tells nothing.
    """
    before, now = asked.before, customer_doc(client, request.customer_id)
    if not isinstance(before, CustomerDoc) or before.credit_balance is None or now.credit_balance is None:
        return Look(found=None, detail="no balance")
    moved = (now.credit_balance - before.credit_balance).amount
    if moved == request.amount:
        return Look(found=True, detail="balance moved by the amount")
    if moved != 0 or now.last_update != before.last_update:
        return Look(found=None, detail="balance moved otherwise")
    if _invoiced_since(client, request.customer_id, asked.called_at.astimezone(client.zone).date().isoformat()):
        return Look(found=None, detail="another invoice came")
    return Look(found=False, detail="balance unchanged")


def _invoiced_since(client: MonsumClient, customer_id: str, day: str) -> bool:
    """Whether the customer has an invoice of `day` or later that is not a top-up's own."""
    for record in _all(client, "invoice.get", "INVOICES", {"CUSTOMER_ID": customer_id}):
        own = str(record.get("CUSTOMER_ID")) != customer_id or str(record.get("INVOICE_EXT_UID") or "").startswith(TOP_UP)
        if not own and str(record.get("INVOICE_DATE") or day)[:10] >= day:
            return True
    return False


def customer_created(client: MonsumClient, request: WriteCustomer, asked: Asked) -> Look:
    """A customer has the request's CUSTOMER_NUMBER, and its CUSTOMER_EXT_UID where that was set; without a number it cannot be told."""
    number, uid = request.fields.get("customer_number"), request.fields.get("customer_ext_uid")
    if not number:
        return Look(found=None, detail="no customer_number")
    for record in _all(client, "customer.get", "CUSTOMERS", {"CUSTOMER_NUMBER": number}):
        if str(record.get("CUSTOMER_NUMBER")) == number:
            same = uid is None or str(record.get("CUSTOMER_EXT_UID") or "") == uid
            reference = str(record.get("CUSTOMER_ID")) if same else None
            return Look(found=True if same else None, reference=reference, detail="customer_number")
    if not asked.before_call and not client.customers().records:
        return Look(found=None, detail="no customer is shown at all")
    return Look(found=False, detail="customer_number")


def webhook_created(client: MonsumClient, request: CreateWebhook, asked: Asked) -> Look:
    """A webhook with this endpoint is listed."""
    for row in webhooks_doc(client, client.source).webhooks:
        if row.get("ENDPOINT") == request.endpoint:
            return Look(found=True, reference=row.get("WEBHOOK_ID"), detail="endpoint")
    return Look(found=False, detail="endpoint")


def webhook_gone(client: MonsumClient, request: OneWebhook, asked: Asked) -> Look:
    """The webhook is not listed any more."""
    listed = any(row.get("WEBHOOK_ID") == request.webhook_id for row in webhooks_doc(client, client.source).webhooks)
    return Look(found=not listed, detail="webhook_id")


# How long Monsum takes to show what it did is in no source: these are our own caution, not the provider's word.
SOON_S = timedelta(minutes=2).total_seconds()
LATER_S = timedelta(minutes=15).total_seconds()
APART_S = timedelta(minutes=10).total_seconds()
TOP_UP = "billhook-topup-"
