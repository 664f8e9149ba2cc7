"""What Qvickly is asked without changing anything, as typed documents.

Owns the reading services; workers/providers/qvickly.py makes queries of them. A returned id is compared with the asked one wherever
the answer has one: getPaymentinfo has none.
Source: topics getPaymentinfo, getDuePayments, Get-customers-by-name, Filters; Portal API "customers"; read 2026-11-21.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from receiver.errors import Retryable
from receiver.sources.qvickly_fields import ID
from workers.providers import qvickly_docs as docs
from workers.providers.qvickly_client import PAGE, QvicklyClient
from workers.providers.qvickly_export import csv_rows, xml_rows

D = TypeVar("D")
FLAGS = ("isPrivate", "isCompany", "isUnknown", "isEFaktura", "isReverseTax")
_ANY_OF = {"isCustomerType": FLAGS[:3], "isTitle": FLAGS[3:]}
_ORG = re.compile(r"[0-9]{6,8}-?[0-9]{4}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class CustomerFilter:
    """Which customers; all that is given must hold. `text` is the id that queries of customers take.

    `search`: in name, customerid, address, postcode, postoffice, companyno; `search_form`: in name, customerid, companyno.
    `created`: first and last day. `flags`: of FLAGS, each must hold; `any_of`: "isCustomerType" or "isTitle" with those of its flags of
    which one must hold. `unless`: names of filters that are inverted.
    """

    search: str | None = None
    search_form: str | None = None
    created: tuple[date, date] | None = None
    flags: tuple[str, ...] = ()
    any_of: tuple[str, tuple[str, ...]] | None = None
    unless: frozenset[str] = frozenset()
    limit: int = PAGE
    start: int = 0

    @property
    def text(self) -> str:
        """The query string. Raises ValueError for a name nobody knows."""
        return urlencode([*self._chosen(), ("limit", str(self.limit)), ("start", str(self.start))], safe=",!")

    @property
    def counted(self) -> str:
        """The same for counting, without the page."""
        return urlencode(self._chosen(), safe=",!")

    def _chosen(self) -> list[tuple[str, str]]:
        said = self._said()
        strangers = self.unless - said.keys()
        if strangers:
            raise ValueError(f"nothing is asked for that could be inverted: {', '.join(sorted(strangers))}")
        names = ",".join(f"!{name}" if name in self.unless else name for name in said)
        return [("filter", names), *(pair for pairs in said.values() for pair in pairs)] if said else []

    def _said(self) -> dict[str, list[tuple[str, str]]]:
        said: dict[str, list[tuple[str, str]]] = {}
        if self.search is not None:
            said["search"] = [("search", self.search)]
        if self.search_form is not None:
            said["searchInInvoiceForm"] = [("searchInInvoiceForm", self.search_form)]
        if self.created is not None:
            said["rangeByDate"] = [("from", self.created[0].isoformat()), ("to", self.created[1].isoformat())]
        if self.any_of is not None:
            name, flags = self.any_of
            if not flags or not set(flags) <= set(_ANY_OF.get(name, ())):
                raise ValueError(f"write isCustomerType or isTitle with some of {', '.join(FLAGS)}")
            said[name] = [(flag, "1") for flag in flags]
        if not set(self.flags) <= set(FLAGS):
            raise ValueError(f"the flags of a customer are {', '.join(FLAGS)}")
        return said | {flag: [] for flag in self.flags}


def payment_doc(client: QvicklyClient, number: str) -> docs.PaymentDoc:
    """getPaymentinfo. Raises NotFound, Retryable."""
    data = client.payment_data("getPaymentinfo", {"number": number})
    return _read(client, "getPaymentinfo", lambda: docs.PaymentDoc.from_data(client.source, number, data))


def due_payments_doc(client: QvicklyClient, due_on: str) -> docs.DuePaymentsDoc:
    """getDuePayments of a day, "YYYY-MM-DD". Raises Retryable."""
    data = client.payment_data("getDuePayments", {"dueDate": date.fromisoformat(due_on).isoformat()})
    currency = client.currencies[0] if len(client.currencies) == 1 else None

    def made() -> docs.DuePaymentsDoc:
        rows = tuple(docs.DuePayment.from_data(client.source, row, currency) for row in _list(data))
        return docs.DuePaymentsDoc(source=client.source, id=due_on, payments=rows)

    return _read(client, "getDuePayments", made)


def customers_by_name_doc(client: QvicklyClient, name: str) -> docs.CustomersDoc:
    """getCustomersByName; the records are those of the Portal API, all text. Raises Retryable."""
    data = client.payment_data("getCustomersByName", {"name": name})
    return _read(client, "getCustomersByName", lambda: _page(client, name, _list(data), None))


def customer_doc(client: QvicklyClient, id: str) -> docs.QvicklyCustomerDoc:
    """GET /customers/{id}. Raises NotFound, Retryable."""
    record = client.one("customer.get", "", {}, ID, id)
    return _read(client, "customers.get", lambda: docs.QvicklyCustomerDoc.from_record(client.source, record))


def customers_doc(client: QvicklyClient, filter: str) -> docs.CustomersDoc:
    """GET /customers; `filter` is `CustomerFilter.text`. Raises Retryable."""
    page = dict(parse_qsl(filter))
    data = client.portal_json(f"customers?{filter}")

    def made() -> docs.CustomersDoc:
        rows = _list(data)
        return _page(client, filter, rows, int(page.get("start", 0)) + len(rows) if len(rows) >= int(page.get("limit", PAGE)) else None)

    return _read(client, "customers.list", made)


def count_doc(client: QvicklyClient, filter: str) -> docs.CountDoc:
    """GET /customers/count; `filter` is `CustomerFilter.counted`, "" for all. Raises Retryable."""
    said = client.portal_json(f"customers/count?{filter}" if filter else "customers/count")
    return _read(client, "customers.count", lambda: docs.CountDoc(source=client.source, id=filter, count=said["count"]))


def organisation_doc(client: QvicklyClient, number: str) -> docs.OrganisationDoc:
    """GET /customers/searchByOrgNumber/{number}. Raises NotFound, Retryable, and ValueError for what is no such number."""
    if not _ORG.fullmatch(number):
        raise ValueError("an organisation or personal number has 10 or 12 digits, with or without a dash")
    said = client.portal_json(f"customers/searchByOrgNumber/{quote(number, safe='')}", named=True)

    def made() -> docs.OrganisationDoc:
        texts = {name: str(value) for name, value in said.items() if value not in (None, "")}
        return docs.OrganisationDoc.model_validate(texts | {"source": client.source, "id": number, "fields": texts})

    return _read(client, "customers.searchByOrgNumber", made)


def export(client: QvicklyClient, format: str, ids: tuple[str, ...] = ()) -> bytes:
    """The export file as it comes, "xml" or "csv", of all customers or of those. Raises Retryable."""
    if ids:
        return client.portal(f"customers/export/{format}", method="POST", content=[int(id) for id in ids]).body
    return client.portal(f"customers/export/{format}").body


def export_xml_doc(client: QvicklyClient, wanted: str) -> docs.ExportDoc:
    """The XML export of "all" or of ids parted by commas. Raises Retryable."""
    return _exported(client, "xml", wanted, xml_rows)


def export_csv_doc(client: QvicklyClient, wanted: str) -> docs.ExportDoc:
    """The CSV export of "all" or of ids parted by commas. Raises Retryable."""
    return _exported(client, "csv", wanted, csv_rows)


def _exported(client: QvicklyClient, format: str, wanted: str, rows: Callable[[bytes], tuple[dict[str, str], ...]]) -> docs.ExportDoc:
    content = export(client, format, () if wanted == "all" else tuple(str(int(id)) for id in wanted.split(",")))

    def made() -> docs.ExportDoc:
        digest = hashlib.sha256(content).hexdigest()
        return docs.ExportDoc(source=client.source, id=wanted, size=len(content), sha256=digest, rows=rows(content))

    return _read(client, f"customers.export.{format}", made)


def _page(client: QvicklyClient, id: str, rows: list[Mapping[str, Any]], next_start: int | None) -> docs.CustomersDoc:
    found = tuple(docs.QvicklyCustomerDoc.from_record(client.source, row) for row in rows)
    return docs.CustomersDoc(source=client.source, id=id, customers=found, next_start=next_start)


def _list(data: Any) -> list[Mapping[str, Any]]:
    """The rows; PHP writes an empty map as []. Raises ValueError."""
    rows = [] if data == {} else data
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a list of objects")
    return rows


def _read(client: QvicklyClient, call: str, made: Callable[[], D]) -> D:
    try:
        return made()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Retryable(provider=client.source, call=call, kind="unreadable") from None
