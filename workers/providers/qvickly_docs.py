"""What Qvickly answers to a read, typed: payments, due payments, customers, the look-up of an organisation, exports.

Owns the documents workflows decide on. They hold Money and dates, and survive JSON unchanged, because the journal keeps them. Nothing
here calls anybody. Amounts come in 1/100 of the currency, as text.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from pydantic import Field

from receiver.money import Money
from receiver.sources.qvickly_fields import ID, customer_fields
from receiver.sources.qvickly_words import PAYMENT, word
from workers.providers.monsum_docs import Doc

SENT_TO_CUSTOMER = frozenset({"factoring", "handling", "partpayment"})


class PaymentDoc(Doc):
    """One payment (`id` is its number). `status` is a lower-case word; where that is not `known`, nothing may follow from it.

    `distributor_status`: where the provider says it, the state of an invoice's own payment.
    """

    object_kind: ClassVar[str] = "payment"
    status: str
    distributor_status: str | None = None
    method: str | None = None
    currency: str = "SEK"
    country: str | None = None
    language: str | None = None
    order_id: str | None = None
    related: str | None = None
    auto_activate: str | None = None
    payment_on: date | None = None
    customer_number: str | None = None
    total: Money | None = None
    without_tax: Money | None = None
    tax: Money | None = None
    rounding: Money | None = None
    url: str | None = Field(default=None, repr=False)

    @property
    def known(self) -> bool:
        """The status is a word that is documented."""
        return self.status in PAYMENT

    @property
    def invoice_paid(self) -> bool | None:
        """Whether the customer paid the invoice; None where this cannot be told: `status` paid only says activated or debited."""
        if self.distributor_status is None or self.status not in SENT_TO_CUSTOMER:
            return None
        return self.distributor_status == "paid"

    @classmethod
    def from_data(cls, source: str, number: str, data: Mapping[str, Any]) -> "PaymentDoc":
        """The document of a getPaymentinfo. Raises ValueError, KeyError or TypeError where it cannot be read."""
        payment, customer = data["PaymentData"], data.get("Customer") or {}
        info, total = data.get("PaymentInfo") or {}, (data.get("Cart") or {}).get("Total") or {}
        currency = str(payment.get("currency") or "SEK").upper()
        sums = {"total": "withtax", "without_tax": "withouttax", "tax": "tax", "rounding": "rounding"}
        texts = {"method": "method", "country": "country", "language": "language", "order_id": "orderid", "auto_activate": "autoactivate"}
        said: dict[str, Any] = {name: payment.get(native) or None for name, native in texts.items()}
        said |= {name: ore(total.get(native), currency) for name, native in sums.items()}
        distributor = payment.get("distributor_status") or data.get("distributor_status")
        return cls.model_validate(
            said
            | {"source": source, "id": number, "currency": currency, "fields": dict(data), "status": word(str(payment["status"]))}
            | {"related": payment.get("paymentid_related") or None, "url": payment.get("url") or None}
            | {"customer_number": customer.get("nr") or None, "payment_on": info.get("paymentdate") or None}
            | {"distributor_status": word(str(distributor)) if distributor else None}
        )


class DuePayment(Doc):
    """One overdue invoice (`id` is its number). `state` is due or collection, any other word as it is.

    `to_pay` is None where the account bills in several currencies: the provider does not say which one.
    """

    object_kind: ClassVar[str] = "payment"
    order_id: str | None = None
    state: str
    invoiced_on: date | None = None
    due_on: date | None = None
    to_pay: Money | None = None

    @classmethod
    def from_data(cls, source: str, row: Mapping[str, Any], currency: str | None) -> "DuePayment":
        """The document of one row. Raises ValueError, KeyError."""
        said: dict[str, Any] = {"source": source, "id": row["number"], "order_id": row.get("orderid") or None, "fields": dict(row)}
        said |= {"state": word(str(row["invoiceStatus"])), "invoiced_on": row.get("invoiceDate") or None}
        said |= {"due_on": row.get("dueDate") or None, "to_pay": ore(row.get("topay"), currency) if currency else None}
        return cls.model_validate(said)


class DuePaymentsDoc(Doc):
    """What is overdue for a due date (`id`, at most three months back)."""

    payments: tuple[DuePayment, ...] = Field(default=(), repr=False)


class QvicklyCustomerDoc(Doc):
    """One customer. `number` is the merchant's own; what has no attribute is in `fields`, by canonical name (docs/providers/qvickly.md)."""

    object_kind: ClassVar[str] = "customer"
    number: str | None = None
    name: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    company_number: str | None = Field(default=None, repr=False)
    country: str | None = None
    currency: str | None = None
    language: str | None = None
    created: str | None = None

    @classmethod
    def from_record(cls, source: str, record: Mapping[str, Any]) -> "QvicklyCustomerDoc":
        """The document of a record of either API. Raises ValueError, KeyError."""
        fields = customer_fields(record)
        named = {name: fields[name] for name in cls.model_fields if fields.get(name) is not None}
        return cls.model_validate(named | {"source": source, "id": str(record[ID]), "fields": fields})


class CustomersDoc(Doc):
    """A page of customers (`id` is the filter that was asked with); `next_start` is None on the last page."""

    customers: tuple[QvicklyCustomerDoc, ...] = Field(default=(), repr=False)
    next_start: int | None = None


class CountDoc(Doc):
    """How many customers match (`id` is the filter)."""

    count: int


class OrganisationDoc(Doc):
    """What the provider knows of an organisation or person (`id` is the number): everything as text."""

    firstname: str | None = Field(default=None, repr=False)
    lastname: str | None = Field(default=None, repr=False)
    company: str | None = Field(default=None, repr=False)
    street: str | None = Field(default=None, repr=False)
    zip: str | None = Field(default=None, repr=False)
    city: str | None = Field(default=None, repr=False)
    country: str | None = None
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)


class ExportDoc(Doc):
    """An export (`id`: "all", or ids parted by commas): its size and SHA-256, and its rows as the file names them.

    The layout of the file is documented nowhere: `rows` is what could be read, by the names in the file.
    """

    size: int
    sha256: str
    rows: tuple[dict[str, str], ...] = Field(default=(), repr=False)


def ore(text: object, currency: str) -> Money | None:
    """1/100 of the currency as Money, None for "" and absent. Raises ValueError for what is no whole number."""
    if text in (None, ""):
        return None
    shown = str(text).strip()
    if not shown.removeprefix("-").isdecimal() or not shown.isascii():
        raise ValueError("not a whole number")
    return Money.of_minor_units(int(shown), currency)
