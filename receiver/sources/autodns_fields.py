"""A BasicCustomer's fields: by which name each is mirrored, which only the provider may set, and which we leave alone.

Owns the table docs/providers/autodns.md is made from, and the rule which of two copies counts: while a customer is `pending` its mail
addresses, and all else it says there, are those of `persistent`. Pure.
Source: help page "Basic Customer Object", read 2026-11-21.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel

from receiver.sources import canonical as c
from receiver.sources.autodns_codec import XML_NAMES
from receiver.sources.autodns_customer import BasicCustomer

SECRETS = ("pin", "card", "sepa")


class Field(NamedTuple):
    """One field. `mirrored`: its canonical name, None where it is left alone. `written`: we may set it. `extra`: not in the reference."""

    ours: str
    mirrored: str | None
    written: bool = False
    extra: bool = False
    why: str = ""

    @property
    def json(self) -> str:
        """Its JSON keyword."""
        return to_camel(self.ours)

    @property
    def xml(self) -> str:
        """Its XML keywords."""
        return " or ".join(XML_NAMES.get(self.ours, (self.ours,)))


_SECRET, _LARGE = "a secret", "told by services of its own"
_WRITTEN = {
    "group": "group", "name": "name", "type": "type", "organization": "organization", "organization2": "organization_2",
    "vat_number": "vat_id", "gender": "gender", "title": "title", "address_lines": "address", "city": "city", "state": "state",
    "country": "country", "phone": "phone", "fax": "fax", "emails": "emails", "billing_emails": "billing_emails", "payment": "payment",
    "payment_mode": "payment_mode", "payment_currency": "currency", "invoice_language": "language", "taxable": "taxable",
    "autodelete": "autodelete", "billing_users": "billing_users", "comments": "comments", "fname": "first_name", "lname": "last_name",
    "pcode": "zipcode",
}  # fmt: skip
_READ = {
    "number": "number", "client": "client", "payment_currency_exchange_fee": "exchange_fee", "discount_valid": "discount_valid",
    "invoice_days": "days_for_payment", "invoice_paperbill": "paper_bill", "pending": "pending", "verifications": "verifications",
    "locked": "locked", "last_confirmed": "last_confirmed", "data_privacy_statement": "privacy_accepted", "newsletter": "newsletter",
    "supplier_number": "supplier_number", "url": "url", "owner": "owner", "updater": "updater", "created": "created",
    "updated": "last_update",
}  # fmt: skip
_LEFT = {
    "pin": _SECRET, "card": _SECRET, "sepa": _SECRET, "account": _LARGE, "contracts": "what it means is not documented",
    "contacts": "its fields are not documented", "pricelists": "its fields are not documented",
    "persistent": "told in place of the others while pending",
}  # fmt: skip
_UNLISTED = ("active", "clear_account")


def _field(ours: str) -> Field:
    if ours in _UNLISTED:
        return Field(ours, ours, extra=True)
    return Field(ours, _WRITTEN.get(ours, _READ.get(ours)), written=ours in _WRITTEN, why=_LEFT.get(ours, ""))


CUSTOMER = tuple(_field(name) for name in BasicCustomer.model_fields)
WRITTEN = frozenset(field.json for field in CUSTOMER if field.written)
_MAIL = ("emails", "billing_emails")


def valid_of(customer: BasicCustomer) -> BasicCustomer:
    """The customer as it counts: while `pending`, what `persistent` says, and no mail address that is not in it."""
    if not customer.pending or customer.persistent is None:
        return customer
    said = {name: getattr(customer.persistent, name) for name in customer.persistent.model_fields_set & BasicCustomer.model_fields.keys()}
    if said.keys() & set(_MAIL):
        said |= {name: getattr(customer.persistent, name) for name in _MAIL}
    return customer.model_copy(update={**said, "pending": True, "updated": customer.updated, "persistent": customer.persistent})


def customer_fields(customer: BasicCustomer, *, whole: bool = False) -> dict[str, Any]:
    """Canonical fields of a customer as it counts now; what it does not say is absent, or empty where the record is `whole`."""
    valid = valid_of(customer)
    said = valid.model_fields_set | (set(_MAIL) if customer.pending else set()) | (set(BasicCustomer.model_fields) if whole else set())
    found = {field.mirrored: _value(field.ours, getattr(valid, field.ours)) for field in CUSTOMER if field.mirrored and field.ours in said}
    return {str(name): value for name, value in found.items()} | {"email": found["emails"][0] if found.get("emails") else None}


def without_secrets(record: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON record as it may be kept: no PIN, card or mandate, in `persistent` neither."""
    kept = {name: value for name, value in record.items() if name not in SECRETS}
    if isinstance(kept.get("persistent"), Mapping):
        kept["persistent"] = without_secrets(kept["persistent"])
    return kept


def _value(ours: str, value: Any) -> Any:
    if ours == "country":
        return None if value is None else c.text(value.upper())
    return _plain(value)


def _plain(value: Any) -> Any:
    """As the mirror keeps it: text in NFC, amounts as decimal text, instants in ISO, objects by their JSON names."""
    if isinstance(value, StrEnum):
        return value.value.lower()
    if isinstance(value, Decimal):
        return c.plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "model_fields_set"):
        return {to_camel(name): _plain(getattr(value, name)) for name in type(value).model_fields if getattr(value, name) is not None}
    return c.kept(value)
