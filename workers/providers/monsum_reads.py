"""What Monsum and FastBill are asked without changing anything, as typed documents.

Owns the reading services; workers/providers/monsum.py makes queries of them. Each compares the returned id with the asked one.
"""

from collections.abc import Sequence

from pydantic import ValidationError

from receiver.errors import PayloadInvalid, Rejected, Retryable
from receiver.money import Money, parse_decimal
from receiver.sources.monsum import customer_fields, invoice_fields
from workers.errors import NotFound
from workers.providers import documents
from workers.providers.monsum_client import PAGE, MonsumClient, Record
from workers.providers.monsum_docs import (
    BalancesDoc,
    CustomerDoc,
    DocumentDoc,
    InvoiceDoc,
    ItemDoc,
    ItemsDoc,
    Reminder,
    RemindersDoc,
    VatCheckDoc,
    WebhooksDoc,
)
from workers.providers.monsum_requests import SecureLink

VERDICTS = {"valid": "valid", "1": "valid", "true": "valid", "invalid": "invalid", "0": "invalid", "false": "invalid"}


def invoice_doc(client: MonsumClient, id: str) -> InvoiceDoc:
    """invoice.get of one invoice. Raises NotFound, Retryable."""
    return _invoice(client, id, client.one("invoice.get", "INVOICES", {"INVOICE_ID": id}, "INVOICE_ID", id))


def invoice_docs(client: MonsumClient, ids: Sequence[str]) -> list[InvoiceDoc]:
    """invoice.get of several invoices, a hundred with each call, in the order of `ids`. Raises NotFound, Retryable."""
    found: dict[str, Record] = {}
    for first in range(0, len(ids), PAGE):
        found |= {str(record["INVOICE_ID"]): record for record in client.invoices_by_id(ids[first : first + PAGE])}
    missing = next((id for id in ids if id not in found), None)
    if missing is not None:
        raise NotFound(provider=client.source, call="invoice.get", id=missing)
    return [_invoice(client, id, found[id]) for id in ids]


def _invoice(client: MonsumClient, id: str, record: Record) -> InvoiceDoc:
    try:
        return InvoiceDoc.from_fields(client.source, id, invoice_fields(record))
    except (ValueError, ValidationError, PayloadInvalid):
        raise Retryable(provider=client.source, call="invoice.get", kind="unreadable", id=id) from None


def customer_doc(client: MonsumClient, id: str) -> CustomerDoc:
    """customer.get of one customer. Raises NotFound, Retryable."""
    record = client.one("customer.get", "CUSTOMERS", {"CUSTOMER_ID": id}, "CUSTOMER_ID", id)
    try:
        return CustomerDoc.from_fields(client.source, id, customer_fields(record))
    except (ValueError, ValidationError, PayloadInvalid):
        raise Retryable(provider=client.source, call="customer.get", kind="unreadable", id=id) from None


def balances_doc(client: MonsumClient, offset: str) -> BalancesDoc:
    """customer.get of all customers from `offset` on, as their balances; one that cannot be read is left out. Raises Retryable."""
    page = client.customers(int(offset))
    told = {str(record.get("CUSTOMER_ID")): _balance(record) for record in page.records}
    return BalancesDoc(
        source=client.source,
        id=offset,
        balances={id: balance for id, balance in told.items() if balance is not None},
        next_offset=None if page.next_offset is None else str(page.next_offset),
    )


def _balance(record: Record) -> Money | None:
    try:
        fields = customer_fields(record)
        return CustomerDoc.from_fields("", str(record.get("CUSTOMER_ID")), fields).credit_balance
    except (ValueError, ValidationError, PayloadInvalid):
        return None


def reminders_doc(client: MonsumClient, invoice_id: str) -> RemindersDoc:
    """invoice.getreminders of one invoice.

    The key of the list is in no source: the first list in RESPONSE is taken, and a row of another invoice is an error.
    """
    response = client.read("invoice.getreminders", {"INVOICE_ID": invoice_id})
    rows = next((value for value in response.values() if isinstance(value, list)), [])
    if not all(isinstance(row, dict) for row in rows):
        raise Retryable(provider=client.source, call="invoice.getreminders", kind="reply_incomplete", id=invoice_id)
    if any(str(row.get("INVOICE_ID", invoice_id)) != invoice_id for row in rows):
        raise Retryable(provider=client.source, call="invoice.getreminders", kind="wrong_object", id=invoice_id)
    try:
        reminders = tuple(_reminder(row) for row in rows)
    except (ValueError, ValidationError, PayloadInvalid):
        raise Retryable(provider=client.source, call="invoice.getreminders", kind="unreadable", id=invoice_id) from None
    return RemindersDoc(source=client.source, id=invoice_id, reminders=reminders)


def _reminder(row: Record) -> Reminder:
    said = {name.upper(): value for name, value in row.items() if value not in (None, "", [])}
    sent = str(said.get("DUNNING_DATE", ""))[:10]
    return Reminder.model_validate(
        {
            "id": str(said["REMINDER_ID"]) if "REMINDER_ID" in said else None,
            "level": said.get("DUNNING_LEVEL", 0),
            "fee": parse_decimal(str(said["DUNNING_FEE"])) if "DUNNING_FEE" in said else None,
            "sent_on": sent if sent.strip("0-") else None,
            "days_for_payment": said.get("DAYS_FOR_PAYMENT"),
        }
    )


def items_doc(client: MonsumClient, invoice_id: str) -> ItemsDoc:
    """item.get of one invoice. Raises Retryable."""
    records = client.page("item.get", "ITEMS", {"INVOICE_ID": invoice_id}).records
    if any(str(row.get("INVOICE_ID", invoice_id)) != invoice_id for row in records):
        raise Retryable(provider=client.source, call="item.get", kind="wrong_object", id=invoice_id)
    try:
        lines = invoice_fields({"ITEMS": list(records)})["items"]
    except (ValueError, PayloadInvalid):
        raise Retryable(provider=client.source, call="item.get", kind="unreadable", id=invoice_id) from None
    return ItemsDoc(source=client.source, id=invoice_id, items=tuple(lines))


def item_doc(client: MonsumClient, id: str) -> ItemDoc:
    """item.get of an invoice, and the one of its lines; `id` is "INVOICE/ITEM". Raises NotFound, Retryable."""
    invoice_id, _, item_id = id.partition("/")
    line = next((line for line in items_doc(client, invoice_id).items if str(line.get("item_id")) == item_id), None)
    if line is None:
        raise NotFound(provider=client.source, call="item.get", id=id)
    return ItemDoc(source=client.source, id=id, fields=line)


def vat_check_doc(client: MonsumClient, vat_id: str) -> VatCheckDoc:
    """customer.checkvatid. Its words are documented nowhere: what is not plainly yes or no is unknown."""
    response = client.read("customer.checkvatid", {"VAT_ID": vat_id}, part="DATA")
    said = str(response.get("EXTERNAL_CHECK", "")).strip().lower()
    raw = {name: str(value) for name, value in response.items()}
    return VatCheckDoc(source=client.source, id=vat_id, verdict=VERDICTS.get(said, "unknown"), fields=raw)


def secure_link(client: MonsumClient, customer_id: str) -> SecureLink:
    """customer.createsecurelink: the links of a customer. It changes nothing. Raises Retryable."""
    response = client.read("customer.createsecurelink", {"CUSTOMER_ID": customer_id}, part="DATA")
    try:
        return SecureLink.model_validate(response)
    except ValidationError:
        raise Retryable(provider=client.source, call="customer.createsecurelink", kind="reply_incomplete", id=customer_id) from None


def webhooks_doc(client: MonsumClient, id: str) -> WebhooksDoc:
    """webhook.get of the account: FastBill core only."""
    if client.kind != "fastbill":
        raise NotFound(provider=client.source, call="webhook.get", id=id)
    records = client.page("webhook.get", "WEBHOOKS").records
    return WebhooksDoc(source=client.source, id=id, webhooks=tuple({name: str(value) for name, value in row.items()} for row in records))


def document_doc(client: MonsumClient, invoice_id: str) -> DocumentDoc:
    """The PDF of one invoice, looked into. Raises NotFound (no document), Rejected (not ours to fetch, or no PDF), Retryable."""
    url = invoice_doc(client, invoice_id).document_url
    if not url:
        raise NotFound(provider=client.source, call="document", id=invoice_id)
    if not documents.may_fetch(url, client.document_hosts, client.base_url):
        raise Rejected(provider=client.source, call="document", kind="host_not_listed", id=invoice_id)
    return documents.fetch(client.transport, url, provider=client.source, invoice_id=invoice_id)
