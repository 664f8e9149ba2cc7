"""Top-ups that the provider shows and the books do not know: what was under way in the time that a restored backup lacks.

Used by workflow.py in a step, before an order is opened. What it finds is written into the books as failed and is for a person: whether
its credits were granted is known to nobody.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workflows.credits import tables
from workflows.credits.effects import UID

NOT_IN_BOOKS = "not_in_books"
# In canonical JSON a name and the beginning of its value stand side by side.
_OURS = sa.text(
    "SELECT customer_id, object_id, paid, fields FROM mirror WHERE source = :source AND kind = 'invoice' AND customer_id IN :customers"
    f' AND completed AND NOT canceled AND NOT deleted AND fields LIKE \'%"ext_uid":"{UID}%\' ORDER BY object_id'
).bindparams(sa.bindparam("customers", expanding=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A top-up's invoice that the books lack. `uid` as in an order; `fields` as the mirror has them."""

    invoice_id: str
    uid: str
    paid: bool
    fields: dict[str, Any]

    @property
    def total(self) -> str:
        return str(self.fields.get("total") or "0")

    @property
    def currency(self) -> str:
        return str(self.fields.get("currency") or "EUR")


def not_in_books(connection: Connection, source: str, customer_id: str) -> Iterator[Unknown]:
    """The customer's top-up invoices that the provider shows and the books lack."""
    known = {order["uid"] for order in tables.orders_of(connection, source, customer_id=customer_id)}
    return (one for _, one in unknown_among(connection, source, [customer_id], known))


def unknown_among(
    connection: Connection, source: str, customer_ids: Collection[str], known: Collection[str]
) -> Iterator[tuple[str, Unknown]]:
    """(customer id, invoice) of the top-up invoices of these customers whose uid is not `known`: those of all their orders."""
    for customer_id, invoice_id, paid, stored in connection.execute(_OURS, {"source": source, "customers": list(customer_ids)}):
        fields = json.loads(stored)
        if (uid := str(fields["ext_uid"])[:64]) not in known:
            yield str(customer_id), Unknown(invoice_id=str(invoice_id), uid=uid, paid=bool(paid), fields=fields)


def adopt(connection: Connection, source: str, customer_id: str, days: int, now: datetime) -> list[str]:
    """The customer's top-up invoices that the books lack and that are unpaid, or not older than so many days: now failed orders.

    Nothing further is topped up until a person looked.
    """
    found, since = [], (now - timedelta(days=days)).date()
    for one in list(not_in_books(connection, source, customer_id)):
        if one.paid and _is_older(one.fields, since):
            continue
        said: dict[str, Any] = {"amount": one.total, "currency": one.currency, "invoice_id": one.invoice_id, "state": tables.FAILED}
        said |= {"reason": NOT_IN_BOOKS, "run_id": one.uid.removeprefix(UID)[:32], "opened_at": now, "ended_at": now}
        tables.add_order(connection, source, customer_id, one.uid, **said)
        found.append(one.invoice_id)
    if found:
        tables.put_customer(connection, source, customer_id, suspended=NOT_IN_BOOKS)
    return found


def _is_older(fields: dict[str, Any], since: date) -> bool:
    dated = fields.get("invoice_date")
    return dated is not None and date.fromisoformat(str(dated)[:10]) < since
