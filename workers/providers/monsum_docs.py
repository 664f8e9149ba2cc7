"""What Monsum and FastBill answer to a read, typed: invoices, customers, reminders.

Owns the documents workflows decide on. They are built from the canonical fields of receiver/sources/monsum.py, hold Money and
dates, and survive JSON unchanged, because the journal keeps them. Nothing here calls anybody.
"""

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from receiver.db import canonical_json
from receiver.money import Money, parse_decimal, quantized

PRINTED_DATES = ("invoice_date", "due_date", "delivery_date")
PRINTED_ADDRESS = (
    "organization",
    "salutation",
    "first_name",
    "last_name",
    "address",
    "address_2",
    "zipcode",
    "city",
    "country",
    "vat_id",
)
PRINTED_TEXTS = ("number", "title", "introtext", "currency")
PRINTED_TOTALS = ("sub_total", "vat_total", "total")
PRINTED_ITEM_AMOUNTS = ("unit_price", "complete_net", "complete_gross")
PRINTED_ITEM_TEXTS = ("article_number", "description")
PRINTED_ITEM_NUMBERS = ("quantity", "vat_percent")


class Doc(BaseModel):
    """One object as the provider shows it now. `fields` holds everything it said, by canonical name (docs/services.md).

    `object_kind`: what `id` is the id of; "" where that is no object of the provider's.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    object_kind: ClassVar[str] = ""

    source: str
    id: str
    fields: dict[str, Any] = Field(default_factory=dict, repr=False)


class InvoiceDoc(Doc):
    """One invoice. `type` is draft, outgoing or credit; `status` the provider's own word."""

    object_kind: ClassVar[str] = "invoice"
    type: str | None = None
    status: str | None = None
    number: str | None = None
    customer_id: str | None = None
    currency: str = "EUR"
    total: Money | None = None
    outstanding: Money | None = None
    is_canceled: bool = False
    paid_on: date | None = None
    invoice_date: date | None = None
    due_date: date | None = None
    organization: str | None = Field(default=None, repr=False)
    country: str | None = None
    payment_type: str | None = None
    shipment: str | None = None
    ext_uid: str | None = None
    subscription_id: str | None = None
    document_url: str | None = Field(default=None, repr=False)
    doc_version: str

    @classmethod
    def from_fields(cls, source: str, id: str, fields: Mapping[str, Any]) -> "InvoiceDoc":
        """The document of canonical `fields`. Raises pydantic.ValidationError or ValueError where one cannot be read."""
        currency = fields.get("currency") or "EUR"
        said = {name: fields[name] for name in cls.model_fields if fields.get(name) is not None}
        said |= {name: _money(fields.get(name), currency) for name in ("total", "outstanding")}
        if said.get("shipment") is not None and not isinstance(said["shipment"], str):
            said["shipment"] = canonical_json(said["shipment"])
        said |= {"source": source, "id": id, "currency": currency, "fields": dict(fields), "doc_version": doc_version(fields)}
        return cls.model_validate(said)


class CustomerDoc(Doc):
    """One customer. `type` is business or consumer; `language` an ISO code such as "de"."""

    object_kind: ClassVar[str] = "customer"
    number: str | None = None
    ext_uid: str | None = None
    type: str | None = None
    organization: str | None = Field(default=None, repr=False)
    salutation: str | None = Field(default=None, repr=False)
    title: str | None = Field(default=None, repr=False)
    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    address: str | None = Field(default=None, repr=False)
    address_2: str | None = Field(default=None, repr=False)
    zipcode: str | None = Field(default=None, repr=False)
    city: str | None = Field(default=None, repr=False)
    country: str | None = None
    email: str | None = Field(default=None, repr=False)
    email_cc: str | None = Field(default=None, repr=False)
    payment_mail_address: str | None = Field(default=None, repr=False)
    language: str | None = None
    currency: str = "EUR"
    payment_type: str | None = None
    days_for_payment: int | None = None
    delivery_method: str | None = None
    vat_id: str | None = Field(default=None, repr=False)
    credit_balance: Money | None = None
    last_update: str | None = None

    @classmethod
    def from_fields(cls, source: str, id: str, fields: Mapping[str, Any]) -> "CustomerDoc":
        """The document of canonical `fields`. Raises pydantic.ValidationError or ValueError where one cannot be read."""
        currency = fields.get("currency") or "EUR"
        said = {name: fields[name] for name in cls.model_fields if fields.get(name) not in (None, "")}
        extra = fields.get("extra") or {}
        if "payment_mail_address" in extra:
            said.setdefault("payment_mail_address", extra["payment_mail_address"] or None)
        said["credit_balance"] = _money(fields.get("credit_balance"), currency)
        return cls.model_validate(said | {"source": source, "id": id, "currency": currency, "fields": dict(fields)})


class BalancesDoc(Doc):
    """Credit balances of up to a hundred customers from an offset (`id`) on; `next_offset` is None on the last page."""

    balances: dict[str, Money] = Field(default_factory=dict)
    next_offset: str | None = None


class Reminder(BaseModel):
    """One dunning letter the provider itself sent."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id: str | None = None
    level: int
    fee: Decimal | None = None
    sent_on: date | None = None
    days_for_payment: int | None = None


class RemindersDoc(Doc):
    """The dunning letters of one invoice (`id`), oldest first as the provider lists them."""

    object_kind: ClassVar[str] = "invoice"
    reminders: tuple[Reminder, ...] = ()

    @property
    def level(self) -> int:
        """The highest level sent, 0 for none."""
        return max((reminder.level for reminder in self.reminders), default=0)


class WebhooksDoc(Doc):
    """The webhooks registered with the account (`id` is the account's source name)."""

    webhooks: tuple[dict[str, str], ...] = Field(default=(), repr=False)


class ItemsDoc(Doc):
    """The lines of one invoice (`id`), by canonical names."""

    object_kind: ClassVar[str] = "invoice"
    items: tuple[dict[str, Any], ...] = Field(default=(), repr=False)


class ItemDoc(Doc):
    """One line (`id` is "INVOICE/ITEM") of an invoice, by canonical names in `fields`."""

    object_kind: ClassVar[str] = "item"


class VatCheckDoc(Doc):
    """What the provider says of a VAT id (`id`): "valid", "invalid" or "unknown"; its raw words are in `fields`.

    The reference calls EXTERNAL_CHECK an "internal check of id syntax": no invoice may wait for it.
    """

    verdict: str = "unknown"


class DocumentDoc(Doc):
    """The printed invoice (`id`) as its PDF: size, SHA-256 and the names of the files embedded in it."""

    object_kind: ClassVar[str] = "invoice"
    size: int
    sha256: str
    embedded: tuple[str, ...] = ()

    @property
    def has_einvoice(self) -> bool:
        """An XML is embedded, as ZUGFeRD and Factur-X do."""
        return any(name.lower().endswith(".xml") for name in self.embedded)


def doc_version(fields: Mapping[str, Any]) -> str:
    """32 hex digits over what is printed: number, dates, texts, items, totals, address.

    Never status, outstanding, paid_on, shipment or links. Amounts at the currency's exponent, text in NFC.
    Computed only from an `invoice.get`: a notification does not carry all of it.
    """
    currency = fields.get("currency") or "EUR"
    printed: dict[str, Any] = {name: _text(fields.get(name)) for name in (*PRINTED_TEXTS, *PRINTED_DATES, *PRINTED_ADDRESS)}
    printed |= {name: _amount(fields.get(name), currency) for name in PRINTED_TOTALS}
    printed["items"] = [_item(item, currency) for item in _in_print_order(fields.get("items") or [])]
    return hashlib.sha256(canonical_json(printed).encode()).hexdigest()[:32]


def _in_print_order(items: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    def order(item: Mapping[str, Any]) -> int:
        text = str(item.get("sort_order") or "0")
        return int(text) if text.isdigit() else 0

    return sorted(items, key=order)


def _item(item: Mapping[str, Any], currency: str) -> dict[str, str | None]:
    printed = {name: _text(item.get(name)) for name in PRINTED_ITEM_TEXTS}
    printed |= {name: _amount(item.get(name), currency) for name in PRINTED_ITEM_AMOUNTS}
    return printed | {name: _number(item.get(name)) for name in PRINTED_ITEM_NUMBERS}


def _text(value: object) -> str | None:
    text = unicodedata.normalize("NFC", str(value)).strip() if value is not None else ""
    return text or None


def outstanding(fields: Mapping[str, Any]) -> Money | None:
    """What canonical `fields` of an invoice say is outstanding; None where they say nothing that can be read."""
    try:
        return _money(fields.get("outstanding"), fields.get("currency") or "EUR")
    except ValueError:
        return None


def _money(text: object, currency: str) -> Money | None:
    return None if text in (None, "") else Money(parse_decimal(str(text)), currency)


def _amount(text: object, currency: str) -> str | None:
    return None if text in (None, "") else str(quantized(parse_decimal(str(text)), currency))


def _number(text: object) -> str | None:
    if text in (None, ""):
        return None
    plain = parse_decimal(str(text)).normalize()
    return f"{plain:f}"
