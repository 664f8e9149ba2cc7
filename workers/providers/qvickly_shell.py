"""What a person may read of Qvickly from the command line: payments by their number, customers by the Portal's filters, the export.

An invoice is a payment there: the Payment API lists none, but tells which are overdue for a due date.
Source: topics getPaymentinfo, getDuePayments, Get-customers-by-name, Filters; Portal API "customers"; read 2026-11-21.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from workers.providers import qvickly_reads as reads
from workers.providers.qvickly_client import QvicklyClient
from workers.providers.qvickly_reads import FLAGS, CustomerFilter
from workers.providers.reading import Reading, Row, only, row_of

FILTERS = ("search", "search_form", "from", "to", *FLAGS)
CUSTOMER = ("id", "number", "name", "email", "company_number", "country", "currency", "created")
PAYMENT = ("id", "status", "distributor_status", "method", "order_id", "total", "payment_on")
FLAG_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def chosen(where: Mapping[str, str]) -> CustomerFilter:
    """The Portal's filter. Raises ValueError for half a range of days, and for a flag that is neither yes nor no."""
    if ("from" in where) != ("to" in where):
        raise ValueError("--where from=YEAR-MONTH-DAY and --where to=YEAR-MONTH-DAY only work together")
    flags = {name: FLAG_WORDS.get(where[name].lower()) for name in FLAGS if name in where}
    if None in flags.values():
        raise ValueError(f"{', '.join(flags)}: write yes or no")
    created = (date.fromisoformat(where["from"]), date.fromisoformat(where["to"])) if "from" in where else None
    inverted = frozenset(name for name, wanted in flags.items() if not wanted)
    return CustomerFilter(
        search=where.get("search"), search_form=where.get("search_form"), created=created, flags=tuple(flags), unless=inverted
    )


def _customers(client: QvicklyClient, _ids: Sequence[str], where: Mapping[str, str]) -> Iterator[Row]:
    asked = chosen(where)
    page = reads.customers_doc(client, asked.text)
    yield from map(row_of, page.customers)
    while (start := page.next_start) is not None:
        page = reads.customers_doc(client, replace(asked, start=start).text)
        yield from map(row_of, page.customers)


def _by_name(client: QvicklyClient, ids: Sequence[str], _where: Mapping[str, str]) -> Iterator[Row]:
    yield from map(row_of, reads.customers_by_name_doc(client, ids[0]).customers)


def _count(client: QvicklyClient, _ids: Sequence[str], where: Mapping[str, str]) -> Iterator[Row]:
    yield {"count": reads.count_doc(client, chosen(where).counted).count}


def _due(client: QvicklyClient, ids: Sequence[str], _where: Mapping[str, str]) -> Iterator[Row]:
    yield from map(row_of, reads.due_payments_doc(client, date.fromisoformat(ids[0]).isoformat()).payments)


def exported(client: QvicklyClient, form: str, ids: Sequence[str]) -> bytes:
    """The provider's own export file, "xml" or "csv", of all customers or of these. Raises ValueError for an id that is no number."""
    if any(not id.isdecimal() for id in ids):
        raise ValueError("the id of a Qvickly customer is a number")
    return reads.export(client, form, tuple(ids))


def _payment(client: QvicklyClient, ids: Sequence[str], _where: Mapping[str, str]) -> Iterator[Row]:
    return only(reads.payment_doc(client, ids[0]))


READS: Mapping[tuple[str, str], Reading] = {
    ("customers", "list"): Reading(about="customers, all or narrowed", run=_customers, columns=CUSTOMER, filters=FILTERS),
    ("customers", "get"): Reading(
        about="one customer", run=lambda client, ids, _: only(reads.customer_doc(client, ids[0])), takes="one", whole=True
    ),
    ("customers", "named"): Reading(
        about="customers by name, asked of the Payment API", run=_by_name, columns=CUSTOMER, takes="one", named="name"
    ),
    ("customers", "count"): Reading(about="how many customers there are", run=_count, columns=("count",), filters=FILTERS),
    ("customers", "lookup"): Reading(
        about="what is known of an organisation or person", run=lambda client, ids, _: only(reads.organisation_doc(client, ids[0])),
        takes="one", whole=True, named="organisation number",
    ),
    ("invoices", "get"): Reading(about="one payment", run=_payment, takes="one", whole=True, named="payment number"),
    ("invoices", "due"): Reading(
        about="what is overdue for a due date", run=_due, columns=("id", "state", "invoiced_on", "due_on", "to_pay", "order_id"),
        takes="one", named="due date, as 2026-11-21",
    ),
}  # fmt: skip
