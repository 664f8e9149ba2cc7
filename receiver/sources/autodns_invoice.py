"""An AutoDNS invoice as canonical fields: one that this account received, to be paid by it.

Owns the table of an invoice's fields. Pure. Its type is "received", never "outgoing": nothing here is sent or asked for. It counts as paid
once `paid` is set; there is no due date.
Source: definitions Invoice and InvoiceStatusConstants of InterNetX/js-domainrobot-sdk, read 2026-11-21; tests/payloads/autodns.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from receiver.errors import PayloadInvalid
from receiver.sources import canonical as c

RECEIVED = "received"
# Native field -> canonical name; None where it is left alone, with why.
INVOICE: Mapping[str, tuple[str | None, str]] = {
    "id": ("id", ""), "number": ("number", ""), "customer": ("customer_id", ""), "payment": ("payment", ""),
    "paymentMode": ("payment_mode", ""), "paymentTransaction": (None, "of a payment provider"), "subType": ("title", ""),
    "amount": ("total", ""), "vatAmount": ("vat_total", ""), "status": ("native_status", ""), "type": ("document_type", ""),
    "failed": ("failed", ""), "currency": ("currency", ""), "paid": ("paid_on", ""), "sepaMandateReference": (None, "a secret"),
    "sepaMandateCollection": (None, "a secret"), "document": ("document", ""), "comment": ("comment", ""),
    "created": ("invoice_date", ""), "updated": ("last_update", ""), "owner": (None, "a user of the provider"),
}  # fmt: skip
_WORDS = {"payment": "payment", "status": "native_status", "type": "document_type"}
_TEXTS = {"number": "number", "paymentMode": "payment_mode", "subType": "title", "comment": "comment"}


def invoice_fields(record: Mapping[str, Any], zone: tzinfo = UTC) -> dict[str, Any]:
    """Canonical fields of a record; its id is not among them. Raises PayloadInvalid naming the field."""
    fields: dict[str, Any] = {"type": RECEIVED, "is_canceled": _lower(record.get("type")) == "canceled"}
    fields |= {ours: _lower(record[name]) for name, ours in _WORDS.items() if name in record}
    fields |= {ours: c.text(record[name]) for name, ours in _TEXTS.items() if name in record}
    fields |= {ours: c.amount(name, record[name]) for name, ours in (("amount", "total"), ("vatAmount", "vat_total")) if name in record}
    if "customer" in record:
        fields["customer_id"] = customer_id("customer", record["customer"])
    if "currency" in record:
        fields["currency"] = (c.text(record["currency"]) or "").upper() or None
    paid, failed = _day("paid", record.get("paid"), zone), c.flag("failed", record.get("failed"))
    fields |= {"paid_on": paid, "failed": failed, "status": "paid" if paid else "failed" if failed else "open"}
    for name, ours in (("created", "invoice_date"),):
        if name in record:
            fields[ours] = _day(name, record[name], zone)
    if "updated" in record:
        fields["last_update"] = c.moment(record["updated"])
    document = record.get("document")
    return fields | ({"document": c.text(document.get("name"))} if isinstance(document, Mapping) else {})


def customer_id(field: str, value: Any) -> str:
    """ "client/number" of a customer's name. Raises PayloadInvalid."""
    said = value if isinstance(value, Mapping) else {}
    client, number = c.key(f"{field}.client", said.get("client")), c.key(f"{field}.number", said.get("number"))
    if client is None or "/" in client or number is None or not number.isdecimal():
        raise PayloadInvalid(field=field)
    return f"{client}/{number}"


def _lower(value: Any) -> str | None:
    return None if (shown := c.text(value)) is None else shown.lower()


def _day(field: str, value: Any, zone: tzinfo) -> str | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value))
        return (found if found.tzinfo is None else found.astimezone(zone)).date().isoformat()
    except (ValueError, OverflowError):
        raise PayloadInvalid(field=field) from None
