"""What a person may order of Monsum and FastBill from the command line: every writing service of the two references.

All but customer.createsecurelink, whose answer must not be kept: it is shown where it is asked for (monsum_shell.py). Owns which fields
each takes, the fresh read that decides, and what must be approved. Creating always carries our own key: CUSTOMER_NUMBER
and CUSTOMER_EXT_UID, or INVOICE_EXT_UID.
Source: Monsum API reference "Customer" and "Invoice" (© 2016), read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any

from workers.providers import monsum
from workers.providers import monsum_requests as ask
from workers.providers.monsum_docs import InvoiceDoc
from workers.providers.ordering import Fields, Kwargs, Orderable, Said, model_fields
from workers.providers.taken import monsum_number, must_be_free

SEND = "send"  # auto-send's purpose: an invoice goes out once, by hand or by workflow
CHARGE = "topup-charge"  # that of credits: money is collected once
ATTRIBUTE = "x_attributes."


def _customer(said: Said) -> Kwargs:
    """The fields of a customer, the set of own attributes, and whether the provider mails about it."""
    fields = {name: _text(value) for name, value in said.items() if name in ask.CUSTOMER_FIELDS}
    attributes = {name.removeprefix(ATTRIBUTE): _text(value) for name, value in said.items() if name.startswith(ATTRIBUTE)}
    found: Kwargs = {"fields": fields} | ({"x_attributes": attributes} if attributes else {})
    return found | ({"suppress_mail": said["suppress_mail"]} if "suppress_mail" in said else {})


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _numbered(said: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """CUSTOMER_NUMBER is the key unless one is said, and CUSTOMER_EXT_UID the same: by both a lost reply is found out."""
    number = str(said.get("customer_number") or key)
    return {"customer_ext_uid": key, **said, "customer_number": number}, number


def _with_uid(said: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    return {**said, "invoice_ext_uid": key}, ""


def sendable(fresh: InvoiceDoc) -> str | None:
    """Why an invoice cannot go out."""
    return "not_outgoing" if fresh.type != "outgoing" else "invoice_canceled" if fresh.is_canceled else None


def unpaid(fresh: InvoiceDoc) -> str | None:
    """Why an invoice cannot be paid."""
    balanced = fresh.outstanding is not None and fresh.outstanding.amount == 0
    return sendable(fresh) or ("already_paid" if fresh.status == "paid" or fresh.paid_on or balanced else None)


def draft(fresh: InvoiceDoc) -> str | None:
    """Why an invoice is no draft."""
    return None if fresh.type == "draft" else "not_draft"


CUSTOMER = Fields(names=(*sorted(ask.CUSTOMER_FIELDS), f"{ATTRIBUTE}*", "suppress_mail"), kwargs=_customer)
NEW_CUSTOMER = Fields(names=CUSTOMER.names, needs=("customer_type",), kwargs=_customer)
IDS = ("invoice_id", "customer_id")
MAIL = Fields(
    names=("recipient", "subject", "message", "cc", "bcc", "receipt_confirmation"), needs=("recipient", "subject", "message")
)  # fmt: skip
INVOICE = model_fields(ask.WriteInvoice, without=IDS)
NEW_INVOICE = model_fields(ask.WriteInvoice, without=(*IDS, "invoice_ext_uid", "delete_existing_items"), needs=("items",))

ORDERS: Mapping[tuple[str, str], Orderable] = {
    ("customers", "create"): Orderable(
        about="a new customer; --key is its CUSTOMER_NUMBER", service=monsum.create_customer, fresh=monsum_number, must=must_be_free,
        fields=NEW_CUSTOMER, takes="nothing", own_key=_numbered,
    ),
    ("customers", "update"): Orderable(
        about="change fields of a customer, without a mail of the provider's", service=monsum.update_customer, fresh=monsum.customer,
        fields=CUSTOMER, of="customer",
    ),
    ("customers", "delete"): Orderable(
        about="delete a customer; needs approval", service=monsum.delete_customer, fresh=monsum.customer, approval=True, of="customer"
    ),
    ("customers", "addcredits"): Orderable(
        about="add credits to a customer's balance", service=monsum.add_credits, fresh=monsum.customer, outward=True, of="customer",
        fields=model_fields(ask.AddCredits, without=("customer_id",), needs=("amount",)),
    ),
    ("invoices", "create"): Orderable(
        about="a draft for a customer; --key is its INVOICE_EXT_UID", service=monsum.create_invoice, fresh=monsum.customer,
        fields=NEW_INVOICE, named="customer's ID", own_key=_with_uid, of="customer",
    ),
    ("invoices", "update"): Orderable(
        about="change a draft", service=monsum.update_invoice, fresh=monsum.invoice, must=draft, fields=INVOICE, of="invoice"
    ),
    ("invoices", "delete"): Orderable(
        about="delete a draft; needs approval", service=monsum.delete_invoice, fresh=monsum.invoice, must=draft, approval=True, of="invoice"
    ),
    ("invoices", "delete-item"): Orderable(
        about="delete a line; needs approval", service=monsum.delete_item, fresh=monsum.item, named="line, as INVOICE/ITEM", approval=True
    ),
    ("invoices", "complete"): Orderable(
        about="make a draft final", service=monsum.complete, fresh=monsum.invoice, must=draft, outward=True, of="invoice",
        fields=model_fields(ask.Complete, without=("invoice_id",)),
    ),
    ("invoices", "cancel"): Orderable(
        about="cancel an invoice, whole or a part; needs approval", service=monsum.cancel, fresh=monsum.invoice, must=sendable,
        approval=True, of="invoice", fields=model_fields(ask.Cancel, without=("invoice_id",)),
    ),
    ("invoices", "send"): Orderable(
        about="send an invoice by e-mail", service=monsum.send_by_email, fresh=monsum.invoice, must=sendable, fields=MAIL, outward=True,
        once=SEND, of="invoice",
    ),
    ("invoices", "post"): Orderable(
        about="send an invoice by post", service=monsum.send_by_post, fresh=monsum.invoice, must=sendable, outward=True, once=SEND,
        of="invoice",
    ),
    ("invoices", "capture"): Orderable(
        about="collect an invoice by its payment method", service=monsum.capture, fresh=monsum.invoice, must=unpaid, outward=True,
        once=CHARGE, of="invoice",
    ),
    ("invoices", "setpaid"): Orderable(
        about="say that an invoice is paid", service=monsum.set_paid, fresh=monsum.invoice, must=unpaid, of="invoice",
        fields=model_fields(ask.SetPaid, without=("invoice_id",)),
    ),
    ("invoices", "correctvat2020"): Orderable(
        about="correct the German VAT rates of 2020", service=monsum.correct_vat_2020, fresh=monsum.invoice,
        once="correctvat2020", of="invoice",
    ),
}  # fmt: skip
