"""What AutoDNS is asked without changing anything, as typed documents.

Owns the reading services; workers/providers/autodns.py makes queries of them. A returned id is compared with the asked one.
Source: routes of InterNetX/js-domainrobot-sdk; help pages on the account and on polling; read 2026-11-21.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from receiver.errors import PayloadInvalid, Retryable
from workers.errors import NotFound
from workers.providers import autodns_docs as docs
from workers.providers.autodns_client import PAGE, AutodnsClient

D = TypeVar("D")
KEYS = ("number", "payment", "subType", "amount", "status", "type", "failed", "currency", "paid")
OPERATORS = (
    "EQUAL", "NOT_EQUAL", "LIKE", "NOT_LIKE", "ILIKE", "NOT_ILIKE", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "IS_NULL",
    "IS_NOT_NULL", "IN", "NOT_IN",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class InvoiceFilter:
    """Which invoices: (key, operator, value), of KEYS and OPERATORS; all must hold. `text` is the id that `invoices` takes."""

    where: tuple[tuple[str, str, str], ...] = ()
    order: str = "number"
    descending: bool = False
    limit: int = PAGE
    offset: int = 0

    @property
    def text(self) -> str:
        """The query as JSON. Raises ValueError for a name nobody knows."""
        for key, operator, _ in self.where:
            if key not in KEYS or operator not in OPERATORS:
                raise ValueError(f"invoices are filtered by {', '.join(KEYS)} with {', '.join(OPERATORS)}")
        if self.order not in KEYS:
            raise ValueError(f"invoices are ordered by {', '.join(KEYS)}")
        filters = [{"key": key, "operator": operator, "value": value, "link": "AND"} for key, operator, value in self.where]
        view = {"limit": self.limit, "offset": self.offset}
        orders = [{"key": self.order, "type": "DESC" if self.descending else "ASC"}]
        return json.dumps(({"filters": filters} if filters else {}) | {"view": view, "orders": orders}, sort_keys=True)


def customer_doc(client: AutodnsClient, id: str) -> docs.AutodnsCustomerDoc:
    """GET /customer/{client}/{number}. Raises NotFound, Retryable."""
    record = client.customer(id)
    return _read(client, "customer.get", lambda: docs.AutodnsCustomerDoc.from_record(client.source, record, client.zone))


def account_doc(client: AutodnsClient, id: str) -> docs.AccountDoc:
    """GET /account: the user's own, which must be that of the customer `id`. Raises NotFound, Retryable."""
    record = client.account()
    doc = _read(client, "account.get", lambda: docs.AccountDoc.from_record(client.source, record))
    if doc.id != id:
        raise NotFound(provider=client.source, call="account.get")
    return doc


def invoice_doc(client: AutodnsClient, id: str) -> docs.AutodnsInvoiceDoc:
    """GET /invoice/{id}. Raises NotFound, Retryable."""
    record = client.invoice(id)
    return _read(client, "invoice.get", lambda: docs.AutodnsInvoiceDoc.from_record(client.source, record, client.zone))


def invoices_doc(client: AutodnsClient, filter: str) -> docs.InvoicesDoc:
    """POST /invoice/_search; `filter` is `InvoiceFilter.text`. Raises Retryable."""
    asked: dict[str, Any] = json.loads(filter)
    rows = client.found_invoices(asked)

    def made() -> docs.InvoicesDoc:
        found = tuple(docs.AutodnsInvoiceDoc.from_record(client.source, row, client.zone) for row in rows)
        view = asked["view"]
        next_offset = view["offset"] + len(rows) if len(rows) >= view["limit"] else None
        return docs.InvoicesDoc(source=client.source, id=filter, invoices=found, next_offset=next_offset)

    return _read(client, "invoice.search", made)


def message_doc(client: AutodnsClient, _id: str) -> docs.MessageDoc:
    """GET /poll: the oldest message, which stays. Raises Retryable."""
    record = client.next_message()
    return _read(client, "poll.get", lambda: docs.MessageDoc.from_record(client.source, record, client.zone))


def _read(client: AutodnsClient, call: str, made: Callable[[], D]) -> D:
    try:
        return made()
    except (PayloadInvalid, ValueError, KeyError, TypeError, AttributeError):
        raise Retryable(provider=client.source, call=call, kind="unreadable") from None
