"""What a person may read of Monsum and FastBill from the command line.

Owns the filters, as the references name them in lower case, and which of them a list takes. Reads page by page. A filter the provider does
not understand it ignores: so a returned id is compared with the asked one.
Source: Monsum API reference "Customer" and "Invoice" (© 2016), read 2026-11-21.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from receiver.errors import PayloadInvalid, Retryable
from receiver.sources.monsum import customer_fields, invoice_fields
from workers.providers import monsum_reads as reads
from workers.providers.monsum_client import MonsumClient
from workers.providers.monsum_docs import CustomerDoc, InvoiceDoc
from workers.providers.reading import Reading, Row, only, row_of

CUSTOMER_FILTERS = ("customer_id", "customer_number", "country_code", "city", "term", "hash")
INVOICE_FILTERS = (
    "invoice_id", "invoice_number", "invoice_title", "customer_id", "month", "year", "start_due_date", "end_due_date", "type",
)  # fmt: skip
COMPARED = frozenset({"customer_id", "customer_number", "invoice_id", "invoice_number"})
CUSTOMER = ("id", "number", "type", "organization", "last_name", "email", "country", "vat_id", "credit_balance")
INVOICE = ("id", "number", "type", "status", "customer_id", "total", "outstanding", "due_date", "is_canceled")


def _customers(client: MonsumClient, _ids: Sequence[str], where: Mapping[str, str]) -> Iterator[Row]:
    return _paged(client, "customer.get", "CUSTOMERS", where)


def _invoices(client: MonsumClient, _ids: Sequence[str], where: Mapping[str, str]) -> Iterator[Row]:
    return _paged(client, "invoice.get", "INVOICES", where)


def _paged(client: MonsumClient, service: str, listed: str, where: Mapping[str, str]) -> Iterator[Row]:
    offset: int | None = 0
    while offset is not None:
        page = client.page(service, listed, {name.upper(): value for name, value in where.items()}, offset)
        if any(str(record.get(name.upper())) != where[name] for record in page.records for name in COMPARED & where.keys()):
            raise Retryable(provider=client.source, call=service, kind="wrong_object")
        yield from (_row(client.source, listed, record) for record in page.records)
        offset = page.next_offset


def _row(source: str, listed: str, record: Mapping[str, Any]) -> Row:
    """The record as its document; one that cannot be read shows its id alone."""
    id = str(record.get("CUSTOMER_ID" if listed == "CUSTOMERS" else "INVOICE_ID"))
    try:
        if listed == "CUSTOMERS":
            return row_of(CustomerDoc.from_fields(source, id, customer_fields(record)))
        return row_of(InvoiceDoc.from_fields(source, id, invoice_fields(record)))
    except (ValueError, ValidationError, PayloadInvalid):
        return {"id": id, "unreadable": True}


def _items(client: MonsumClient, ids: Sequence[str], _where: Mapping[str, str]) -> Iterator[Row]:
    yield from reads.items_doc(client, ids[0]).items


def _reminders(client: MonsumClient, ids: Sequence[str], _where: Mapping[str, str]) -> Iterator[Row]:
    yield from (row.model_dump(mode="json") for row in reads.reminders_doc(client, ids[0]).reminders)


def _link(client: MonsumClient, ids: Sequence[str], _where: Mapping[str, str]) -> Iterator[Row]:
    """The two links of a customer, which let in whoever has them: shown to who asked, and kept nowhere."""
    customer = reads.customer_doc(client, ids[0])
    said = reads.secure_link(client, customer.id)
    yield {"id": customer.id, "accountdata_url": said.accountdata_url, "dashboard_url": said.dashboard_url}


READS: Mapping[tuple[str, str], Reading] = {
    ("customers", "list"): Reading(about="customers, all or narrowed", run=_customers, columns=CUSTOMER, filters=CUSTOMER_FILTERS),
    ("customers", "get"): Reading(
        about="one customer", run=lambda client, ids, _: only(reads.customer_doc(client, ids[0])), takes="one", whole=True
    ),
    ("customers", "checkvatid"): Reading(
        about="what the provider says of a VAT id", run=lambda client, ids, _: only(reads.vat_check_doc(client, ids[0])),
        columns=("id", "verdict"), takes="one", named="VAT id",
    ),
    ("customers", "link"): Reading(
        about="a link that lets in the customer: shown, and kept nowhere", run=_link, takes="one", whole=True,
        kinds=frozenset({"monsum"}),
    ),
    ("invoices", "list"): Reading(about="invoices, all or narrowed", run=_invoices, columns=INVOICE, filters=INVOICE_FILTERS),
    ("invoices", "get"): Reading(
        about="one invoice", run=lambda client, ids, _: only(reads.invoice_doc(client, ids[0])), takes="one", whole=True
    ),
    ("invoices", "items"): Reading(
        about="the lines of an invoice", run=_items, takes="one",
        columns=("item_id", "article_number", "description", "quantity", "unit_price", "vat_percent", "complete_gross"),
    ),
    ("invoices", "reminders"): Reading(
        about="the dunning letters the provider sent", run=_reminders, columns=("id", "level", "fee", "sent_on", "days_for_payment"),
        takes="one",
    ),
    ("invoices", "document"): Reading(
        about="the size, SHA-256 and attachments of its PDF", run=lambda client, ids, _: only(reads.document_doc(client, ids[0])),
        columns=("id", "size", "sha256", "embedded"), takes="one",
    ),
}  # fmt: skip
