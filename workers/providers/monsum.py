"""Monsum and FastBill: every service workflows may use, one row each.

Owns the names workflows import: queries (`invoice`, `customer`, `reminders`, …) and writing services (`send_by_email`, …), each with
its effect class. A new service is a row here and a model in monsum_requests.py.
Source: Monsum API reference "Customer" and "Invoice" (© 2016), read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any

from receiver.sources.monsum import customer_fields
from workers.providers import monsum_docs as docs
from workers.providers import monsum_looks as looks
from workers.providers import monsum_reads as reads
from workers.providers import monsum_requests as ask
from workers.providers.service import AtMostOnce, Find, Mirrored, Query, Service

BOTH = frozenset({"monsum", "fastbill"})
MONSUM = frozenset({"monsum"})
FASTBILL = frozenset({"fastbill"})

invoice = Query("invoice.get", "invoice", docs.InvoiceDoc, reads.invoice_doc, together=reads.invoice_docs, apiece=0)
customer = Query("customer.get", "customer", docs.CustomerDoc, reads.customer_doc)
items = Query("item.get", "invoice", docs.ItemsDoc, reads.items_doc)
item = Query("item.get of one", "item", docs.ItemDoc, reads.item_doc)
reminders = Query("invoice.getreminders", "invoice", docs.RemindersDoc, reads.reminders_doc)
vat_check = Query("customer.checkvatid", "vat_id", docs.VatCheckDoc, reads.vat_check_doc)
balances = Query("customer.get page", "source", docs.BalancesDoc, reads.balances_doc)
webhooks = Query("webhook.get", "source", docs.WebhooksDoc, reads.webhooks_doc)
document = Query("document", "invoice", docs.DocumentDoc, reads.document_doc, requests=2)
QUERIES = (invoice, customer, items, item, reminders, vat_check, balances, webhooks, document)


def _for_invoice(model: type[ask.Request]) -> Any:
    return lambda obj, **said: model.model_validate({"invoice_id": obj.id} | said)


def _for_customer(model: type[ask.Request]) -> Any:
    return lambda obj, **said: model.model_validate({"customer_id": obj.id} | said)


def _send_by_email(
    obj: Any,
    *,
    recipient: str,
    subject: str,
    message: str,
    cc: str | None = None,
    bcc: str | None = None,
    receipt_confirmation: bool = False,
) -> ask.SendByEmail:
    """One message to `recipient`, with at most one copy and one blind copy."""
    to = ask.Recipient(to=recipient, cc=cc, bcc=bcc)
    return ask.SendByEmail(invoice_id=obj.id, recipient=to, subject=subject, message=message, receipt_confirmation=receipt_confirmation)


def _update_customer(
    obj: Any,
    *,
    fields: Mapping[str, str] | None = None,
    x_attributes: Mapping[str, str] | None = None,
    known: Mapping[str, str] | None = None,
    suppress_mail: bool = True,
) -> ask.WriteCustomer:
    """`fields` by the reference's names in lower case. `x_attributes` is added to `known`: what goes out is the whole set.

    `known`: what x_attributes_of gave, or {} where it is certain that there are none. Raises TypeError without it: whether the provider
    keeps what a request leaves out is in no source.
    """
    if x_attributes is not None and known is None:
        raise TypeError("x_attributes= needs known=, the set x_attributes_of gives: what is left out may be deleted at the provider")
    whole = None if x_attributes is None else {**(known or {}), **x_attributes}
    return ask.WriteCustomer(customer_id=obj.id, fields=dict(fields or {}), x_attributes=whole, suppress_mail=suppress_mail)


def _completed(request: ask.Complete, reply: ask.Completed) -> Mirrored:
    return "invoice", request.invoice_id, {"type": "outgoing", "number": reply.invoice_number}


def _paid(request: ask.SetPaid, reply: ask.NumberedDone) -> Mirrored:
    said: dict[str, Any] = {"status": "paid", "outstanding": "0"}
    return "invoice", request.invoice_id, said | ({"paid_on": request.paid_date.isoformat()} if request.paid_date else {})


def _canceled(request: ask.Cancel, reply: ask.Done) -> Mirrored | None:
    return None if request.cancellation_amount is not None else ("invoice", request.invoice_id, {"is_canceled": True})


def _written(request: ask.WriteCustomer, reply: ask.Done) -> Mirrored | None:
    if request.customer_id is None:
        return None
    said: Mapping[str, Any] = {name.upper(): value for name, value in request.fields.items()}
    attributes = {} if request.x_attributes is None else {"X_ATTRIBUTES": dict(request.x_attributes)}
    return "customer", request.customer_id, customer_fields({**said, **attributes})


send_by_email = Service(
    name="invoice.sendbyemail",
    kinds=BOTH,
    request=ask.SendByEmail,
    reply=ask.Done,
    effect_class=AtMostOnce(),
    build=_send_by_email,
    object_kind="invoice",
)
send_by_post = Service(
    name="invoice.sendbypost",
    kinds=BOTH,
    request=ask.OneInvoice,
    reply=ask.Posted,
    effect_class=Find(looks.posted, looks.LATER_S),
    build=_for_invoice(ask.OneInvoice),
    object_kind="invoice",
)
complete = Service(
    name="invoice.complete",
    kinds=BOTH,
    request=ask.Complete,
    reply=ask.Completed,
    effect_class=Find(looks.completed, looks.SOON_S),
    build=_for_invoice(ask.Complete),
    object_kind="invoice",
    mirror=_completed,
    reference=lambda reply: reply.invoice_number,
)
set_paid = Service(
    name="invoice.setpaid",
    kinds=BOTH,
    request=ask.SetPaid,
    reply=ask.NumberedDone,
    effect_class=Find(looks.paid, looks.SOON_S),
    build=_for_invoice(ask.SetPaid),
    object_kind="invoice",
    mirror=_paid,
    reference=lambda reply: reply.invoice_number,
)
cancel = Service(
    name="invoice.cancel",
    kinds=BOTH,
    request=ask.Cancel,
    reply=ask.Canceled,
    effect_class=Find(looks.canceled, looks.SOON_S),
    build=_for_invoice(ask.Cancel),
    object_kind="invoice",
    mirror=_canceled,
)
capture = Service(
    name="invoice.capture",
    kinds=MONSUM,
    request=ask.OneInvoice,
    reply=ask.Done,
    effect_class=AtMostOnce(),
    build=_for_invoice(ask.OneInvoice),
    object_kind="invoice",
)
create_invoice = Service(
    name="invoice.create",
    kinds=BOTH,
    request=ask.WriteInvoice,
    reply=ask.InvoiceCreated,
    effect_class=Find(looks.invoice_created, looks.LATER_S),
    build=_for_customer(ask.WriteInvoice),
    object_kind="customer",
    reference=lambda reply: reply.invoice_id,
)
update_invoice = Service(
    name="invoice.update",
    kinds=BOTH,
    request=ask.WriteInvoice,
    reply=ask.Done,
    effect_class=AtMostOnce(),
    build=_for_invoice(ask.WriteInvoice),
    object_kind="invoice",
)
delete_invoice = Service(
    name="invoice.delete",
    kinds=BOTH,
    request=ask.OneInvoice,
    reply=ask.Done,
    effect_class=Find(looks.invoice_gone, looks.SOON_S),
    build=_for_invoice(ask.OneInvoice),
    object_kind="invoice",
)
correct_vat_2020 = Service(
    name="invoice.correctvat2020",
    kinds=MONSUM,
    request=ask.OneInvoice,
    reply=ask.VatCorrected,
    effect_class=AtMostOnce(),
    build=_for_invoice(ask.OneInvoice),
    object_kind="invoice",
    reference=lambda reply: reply.invoice_id_corrected,
)
delete_item = Service(
    name="item.delete",
    kinds=BOTH,
    request=ask.OneItem,
    reply=ask.Done,
    effect_class=AtMostOnce(),
    build=lambda obj, **said: ask.OneItem(invoice_item_id=obj.id.rpartition("/")[2], **said),  # "INVOICE/ITEM", as `item` reads it
    object_kind="item",
)
create_customer = Service(
    name="customer.create",
    kinds=BOTH,
    request=ask.WriteCustomer,
    reply=ask.CustomerCreated,
    effect_class=Find(looks.customer_created, looks.LATER_S),
    build=lambda obj, **said: ask.WriteCustomer.model_validate(said),
    reference=lambda reply: reply.customer_id,
    secret=("hash",),
)
update_customer = Service(
    name="customer.update",
    kinds=BOTH,
    request=ask.WriteCustomer,
    reply=ask.CustomerWritten,
    effect_class=Find(looks.customer_written, looks.SOON_S),
    build=_update_customer,
    object_kind="customer",
    mirror=_written,
)
delete_customer = Service(
    name="customer.delete",
    kinds=BOTH,
    request=ask.OneCustomer,
    reply=ask.Done,
    effect_class=Find(looks.customer_gone, looks.SOON_S),
    build=_for_customer(ask.OneCustomer),
    object_kind="customer",
)
add_credits = Service(
    name="customer.addcredits",
    kinds=MONSUM,
    request=ask.AddCredits,
    reply=ask.CreditsAdded,
    effect_class=Find(looks.credited, looks.SOON_S, apart_s=looks.APART_S, calls_max=2),
    build=_for_customer(ask.AddCredits),
    object_kind="customer",
)
create_secure_link = Service(
    name="customer.createsecurelink",
    kinds=MONSUM,
    request=ask.OneCustomer,
    reply=ask.SecureLink,
    effect_class=AtMostOnce(),
    build=_for_customer(ask.OneCustomer),
    object_kind="customer",
    secret=("accountdata_url", "dashboard_url"),
)
create_webhook = Service(
    name="webhook.create",
    kinds=FASTBILL,
    request=ask.CreateWebhook,
    reply=ask.WebhookCreated,
    effect_class=Find(looks.webhook_created, looks.SOON_S),
    build=lambda obj, **said: ask.CreateWebhook.model_validate(said),
    reference=lambda reply: reply.webhook_id,
)
delete_webhook = Service(
    name="webhook.delete",
    kinds=FASTBILL,
    request=ask.OneWebhook,
    reply=ask.Done,
    effect_class=Find(looks.webhook_gone, looks.SOON_S),
    build=lambda obj, **said: ask.OneWebhook(webhook_id=obj.id, **said),
    object_kind="webhook",
)
SERVICES = {
    service.name: service
    for service in (
        send_by_email,
        send_by_post,
        complete,
        set_paid,
        cancel,
        capture,
        create_invoice,
        update_invoice,
        delete_invoice,
        correct_vat_2020,
        delete_item,
        create_customer,
        update_customer,
        delete_customer,
        add_credits,
        create_secure_link,
        create_webhook,
        delete_webhook,
    )
}
