"""Which currency an amount is in that a person says without one: that of the invoice or customer it is about, else the source's only one.

Reads the mirror. Called before an event is made of a person's words (workers/saying.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from workers import mirror


def currency_of(connection: Connection, source: str, fields: Mapping[str, str], currencies: Sequence[str]) -> str | None:
    """The currency, or None where nobody can know. `fields`: what was said; `currencies`: those the source bills in."""
    invoice = _known(connection, source, "invoice", fields.get("invoice_id"))
    customer = _known(connection, source, "customer", fields.get("customer_id") or invoice.get("customer_id"))
    found = invoice.get("currency") or customer.get("currency")
    return str(found) if found else currencies[0] if len(currencies) == 1 else None


def _known(connection: Connection, source: str, kind: str, id: str | None) -> Mapping[str, Any]:
    held = mirror.load(connection, source, kind, id) if id else None
    return held.state.fields if held is not None else {}
