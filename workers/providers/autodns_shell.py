"""What a person may read of AutoDNS from the command line: customers by name, the account, received invoices.

There is no list of customers there: `list` shows those the source watches.
Source: routes of InterNetX/js-domainrobot-sdk; help pages on the account and on invoices; read 2026-11-21.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from receiver.errors import Retryable
from workers.errors import NotFound
from workers.providers import autodns_reads as reads
from workers.providers.autodns_client import AutodnsClient
from workers.providers.autodns_docs import AccountDoc
from workers.providers.autodns_reads import KEYS, InvoiceFilter
from workers.providers.reading import Reading, Row, only, row_of

CUSTOMER = ("id", "type", "organization", "last_name", "email", "country", "payment", "pending", "locked")


def _watched(client: AutodnsClient, _ids: Sequence[str], _where: Mapping[str, str]) -> Iterator[Row]:
    for id in client.watched:
        try:
            yield row_of(reads.customer_doc(client, id))
        except NotFound:
            yield {"id": id, "not_found": True}


def _account(client: AutodnsClient, _ids: Sequence[str], _where: Mapping[str, str]) -> Iterator[Row]:
    try:
        doc = AccountDoc.from_record(client.source, client.account())
    except ValueError:
        raise Retryable(provider=client.source, call="account.get", kind="unreadable") from None
    yield {**row_of(doc), "available": doc.available}


def _invoices(client: AutodnsClient, _ids: Sequence[str], where: Mapping[str, str]) -> Iterator[Row]:
    asked = InvoiceFilter(where=tuple((name, "EQUAL", value) for name, value in where.items()), descending=True)
    page = reads.invoices_doc(client, asked.text)
    yield from map(row_of, page.invoices)
    while page.next_offset is not None:
        page = reads.invoices_doc(client, replace(asked, offset=page.next_offset).text)
        yield from map(row_of, page.invoices)


READS: Mapping[tuple[str, str], Reading] = {
    ("customers", "list"): Reading(about="the customers this source watches", run=_watched, columns=CUSTOMER),
    ("customers", "get"): Reading(
        about="one customer", run=lambda client, ids, _: only(reads.customer_doc(client, ids[0])), takes="one", whole=True,
        named="customer, as ix/1234567",
    ),
    ("customers", "account"): Reading(
        about="the user's own prepaid account", run=_account, whole=True,
    ),
    ("invoices", "list"): Reading(
        about="received invoices, the newest first", run=_invoices, filters=KEYS,
        columns=("id", "number", "status", "native_status", "customer_id", "total", "invoice_date"),
    ),
    ("invoices", "get"): Reading(
        about="one received invoice", run=lambda client, ids, _: only(reads.invoice_doc(client, ids[0])),
        takes="one", whole=True,
    ),
}  # fmt: skip
