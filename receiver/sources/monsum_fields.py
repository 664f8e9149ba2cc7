"""Monsum and FastBill records as canonical fields: what a notification and an API read say compares equal.

Pure. Takes a webhook object (lower case, own names) or an API record (upper case) and returns canonical names
(docs/services.md) with JSON values; what was not said is absent, unknown native fields are below "extra", what lets somebody in is dropped.
Called through receiver/sources/monsum.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

from receiver.sources import canonical as c

Reader = Callable[[str, Any], Any]


def _read(reader: Callable[[Any], Any]) -> Reader:
    return lambda _name, value: reader(value)


_text, _id, _whole, _moment = _read(c.text), _read(c.identifier), _read(c.whole), _read(c.moment)
_salutation, _payment_type = _read(c.salutation), _read(c.payment_type)


def _lower(_name: str, value: Any) -> str | None:
    return None if (shown := c.text(value)) is None else shown.lower()


def _upper(_name: str, value: Any) -> str | None:
    return None if (shown := c.text(value)) is None else shown.upper()


def _due(name: str, value: Any) -> str | None:
    return c.day(name, value, shifted=True)


# A password, and links that let whoever has them into a customer's own pages.
SECRETS = frozenset({"password", "changedata_url", "dashboard_url", "payment_data_url"})
_ADDRESS: dict[str, tuple[str, Reader]] = {
    "organization": ("organization", _text), "companyname": ("organization", _text), "salutation": ("salutation", _salutation),
    "first_name": ("first_name", _text), "firstname": ("first_name", _text), "last_name": ("last_name", _text),
    "lastname": ("last_name", _text), "address": ("address", _text), "address_2": ("address_2", _text), "zipcode": ("zipcode", _text),
    "city": ("city", _text), "country_code": ("country", _upper), "vat_id": ("vat_id", _text),
}  # fmt: skip
_CUSTOMER: dict[str, tuple[str, Reader]] = {
    **_ADDRESS,
    "customer_number": ("number", _text), "customer_ext_uid": ("ext_uid", _text), "customer_type": ("type", _lower),
    "title_academic": ("title", _text), "title": ("title", _text), "secondary_address": ("secondary_address", _text),
    "state": ("state", _text), "email": ("email", _text), "email_cc": ("email_cc", _text), "phone": ("phone", _text),
    "telephone": ("phone", _text), "fax": ("fax", _text), "telefax": ("fax", _text), "tax_id": ("tax_id", _text),
    "currency_code": ("currency", _upper), "language_code": ("language", _lower),
    "payment_type": ("payment_type", _payment_type), "payment_method": ("payment_type", _payment_type),
    "days_for_payment": ("days_for_payment", _whole), "invoice_delivery_method": ("delivery_method", _lower),
    "bank_account_mandate_reference": ("mandate_reference", _text), "bank_account_mandate_reference_date": ("mandate_date", c.day),
    "payment_token": ("payment_token", _text), "hash": ("hash", _text), "lastupdate": ("last_update", _moment),
    "created": ("created", _moment),
    **{name: (name, _text) for name in (
        "bank_name", "bank_account_number", "bank_code", "bank_account_owner", "bank_iban", "bank_bic", "bank_account_owner_address",
        "bank_account_owner_city", "bank_account_owner_zipcode", "bank_account_owner_email",
    )},
}  # fmt: skip
# The provider's name of every field of a customer that is canonical -> that name.
CUSTOMER_TOLD = {name: canonical for name, (canonical, _) in _CUSTOMER.items()} | {
    name: name for name in ("x_attributes", "credit_balance", "tags")
}
_INVOICE: dict[str, tuple[str, Reader]] = {
    **_ADDRESS,
    "type": ("type", _lower), "status": ("status", _lower), "invoice_number": ("number", _text), "customer_id": ("customer_id", c.key),
    "currency_code": ("currency", _upper), "paid_date": ("paid_on", c.day), "is_canceled": ("is_canceled", c.flag),
    "invoice_date": ("invoice_date", c.day), "due_date": ("due_date", _due), "delivery_date": ("delivery_date", _text),
    "invoice_title": ("title", _text), "introtext": ("introtext", _text), "cash_discount_days": ("cash_discount_days", _whole),
    "payment_type": ("payment_type", _payment_type), "document_url": ("document_url", _text), "invoice_ext_uid": ("ext_uid", _text),
    "subscription_id": ("subscription_id", c.key), "shipment": ("shipment", _id),
}  # fmt: skip
_INVOICE_AMOUNTS = {
    "total": "total", "sub_total": "sub_total", "vat_total": "vat_total", "outstanding_amount": "outstanding",
    "cash_discount_percent": "cash_discount_percent",
}  # fmt: skip
_ITEM_TEXTS = {"article_number": "article_number", "description": "description", "invoice_item_id": "item_id"}
_ITEM_AMOUNTS = ("quantity", "unit_price", "vat_percent", "vat_value", "complete_net", "complete_gross")
_PLAIN_ITEM = "invoiceItem"


def customer_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """What `record` says of a customer, in canonical fields; its id is not among them."""
    native = lowered(record)
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in native.items():
        if name in _CUSTOMER:
            _say(fields, *_CUSTOMER[name], name, value)
        elif name == "x_attributes":
            if (found := c.attributes(value)) is not None:
                fields["x_attributes"] = found
        elif name == "credit_balance":
            if (left := c.balance(value)) is not None:
                fields["credit_balance"] = left
        elif name == "tags":
            fields["tags"] = c.tags(value)
        elif name != "customer_id" and name not in SECRETS:
            extra[name] = c.kept(value)
    return _with_extra(fields, extra)


def invoice_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """What `record` says of an invoice, in canonical fields; its id is not among them. Raises PayloadInvalid naming a field."""
    native = lowered(record)
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in native.items():
        if name == "salutation" and _is_greeting(value):
            extra["greeting"] = c.text(value)
        elif name in _INVOICE:
            _say(fields, *_INVOICE[name], name, value)
        elif name in _INVOICE_AMOUNTS:
            if (found := c.amount(name, value)) is not None:
                fields[_INVOICE_AMOUNTS[name]] = found
        elif name == "shipments":
            fields["shipment"] = c.kept(value) or None
        elif name == "items":
            fields["items"] = sorted((_item(entry) for entry in _entries(value)), key=lambda item: item.get("sort_order") or 0)
        elif name == "vat_items":
            fields["vat_items"] = [_vat_item(entry) for entry in _entries(value)]
        elif name != "invoice_id" and name not in SECRETS:
            extra[name] = c.kept(value)
    return _with_extra(fields, extra)


def lowered(record: Mapping[str, Any]) -> dict[str, Any]:
    """`record` with its own names in lower case; nested ones are left alone."""
    return {str(name).lower(): value for name, value in record.items()}


def _say(fields: dict[str, Any], name: str, reader: Reader, native: str, value: Any) -> None:
    """Two native names may mean one field (phone, telephone): an empty one does not hide what the other said."""
    found = reader(native, value)
    if found is not None or fields.get(name) is None:
        fields[name] = found


def _with_extra(fields: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "extra": extra} if extra else fields


def _entries(value: Any) -> list[Any]:
    """The list, also where it is wrapped as {"ITEM": [...]} or a single object."""
    if isinstance(value, Mapping):
        inner = next(iter(value.values()), None) if len(value) == 1 else value
        value = inner if isinstance(inner, list) else [inner]
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _item(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One line; a `type` is kept only where it is not the plain one, because the API never says it."""
    item: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in lowered(entry).items():
        if name in _ITEM_TEXTS:
            item[_ITEM_TEXTS[name]] = c.text(value)
        elif name in _ITEM_AMOUNTS:
            item[name] = c.amount(f"items.{name}", value)
        elif name == "sort_order":
            item[name] = c.whole(value)
        elif name == "type":
            if value not in (None, "", _PLAIN_ITEM):
                item["type"] = c.text(value)
        else:
            extra[name] = c.kept(value)
    return _with_extra(item, extra)


def _vat_item(entry: Mapping[str, Any]) -> dict[str, Any]:
    known = ("vat_percent", "complete_net", "vat_value")
    return {name: c.amount(f"vat_items.{name}", value) if name in known else c.kept(value) for name, value in lowered(entry).items()}


def _is_greeting(value: Any) -> bool:
    """Notifications put the letter's greeting ("Sehr geehrter Herr Test,") where the API has "mr"."""
    shown = c.text(value)
    return shown is not None and (shown.endswith(",") or shown.lower().startswith(("sehr geehrte", "dear ")))
