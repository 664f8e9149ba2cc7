"""What AutoDNS answers to a read, typed: customers, the account, invoices, the next message.

Owns the documents workflows decide on. They hold Money and dates, and survive JSON unchanged, because the journal keeps them. Nothing here
calls anybody. Amounts come in whole units of the currency, with fractions, and are exact.
"""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field

from receiver.money import Money
from receiver.sources.autodns_codec import customer_of
from receiver.sources.autodns_customer import Account
from receiver.sources.autodns_fields import WRITTEN, customer_fields, without_secrets
from receiver.sources.autodns_invoice import invoice_fields
from receiver.sources.autodns_message import message_of
from workers.providers.monsum_docs import Doc


class AutodnsCustomerDoc(Doc):
    """One customer (`id` is "client/number") as it counts: while `pending`, its checked data, and no address that is not checked.

    `known`: what was read of the fields that may be written, as it stands at the provider, unchecked changes included.
    """

    object_kind: ClassVar[str] = "customer"
    number: int
    client: str
    name: str | None = Field(default=None, repr=False)
    type: str | None = None
    organization: str | None = Field(default=None, repr=False)
    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    emails: tuple[str, ...] = Field(default=(), repr=False)
    billing_emails: tuple[str, ...] = Field(default=(), repr=False)
    country: str | None = None
    currency: str | None = None
    language: str | None = None
    payment: str | None = None
    pending: bool = False
    locked: bool = False
    paper_bill: bool | None = None
    last_update: datetime | None = None
    known: dict[str, Any] = Field(default_factory=dict, repr=False)

    @property
    def invoice_recipients(self) -> tuple[str, ...]:
        """Where invoices go: the billing addresses, else the first address."""
        return self.billing_emails or self.emails[:1]

    @classmethod
    def from_record(cls, source: str, record: Mapping[str, Any], zone: tzinfo) -> "AutodnsCustomerDoc":
        """The document of a record. Raises PayloadInvalid."""
        customer = customer_of(without_secrets(record), zone=zone)
        fields = customer_fields(customer)
        named = {name: fields[name] for name in cls.model_fields if fields.get(name) is not None}
        known = {name: value for name, value in record.items() if name in WRITTEN and value is not None}
        return cls.model_validate(named | {"source": source, "id": customer.id, "fields": fields, "known": known})


class AccountDoc(Doc):
    """A prepaid account (`id` is its customer, "client/number"). `available`: what may be spent, of all transactions, credit included.

    `threshold`: from which the provider itself sends a mail; None where none is set.
    """

    object_kind: ClassVar[str] = "account"
    balance: Money
    running_total: Money
    credit_limit: Money
    reserved: Money | None = None
    threshold: Money | None = None

    @property
    def available(self) -> Money:
        """The running total and the credit limit together."""
        return self.running_total + self.credit_limit

    @classmethod
    def from_record(cls, source: str, record: Mapping[str, Any]) -> "AccountDoc":
        """The document of a record. Raises ValueError where an amount, the currency or the customer is missing."""
        said = Account.model_validate(dict(record))
        if said.customer is None or not said.currency or said.current_account_balance is None or said.running_total is None:
            raise ValueError("an account without customer, currency, balance or running total")
        currency, limit = said.currency.upper(), said.credit_limit if said.credit_limit is not None else Decimal(0)
        amounts = {"balance": said.current_account_balance, "running_total": said.running_total, "credit_limit": limit}
        amounts |= {"reserved": said.reserved, "threshold": said.min_running_total_notification}  # type: ignore[dict-item]
        money = {name: Money(amount, currency) for name, amount in amounts.items() if amount is not None}
        return cls.model_validate(money | {"source": source, "id": f"{said.customer.client}/{said.customer.number}"})


class AutodnsInvoiceDoc(Doc):
    """One invoice that was received (`id` is the provider's). `status` is open, paid or failed; `native_status` the provider's word."""

    object_kind: ClassVar[str] = "invoice"
    number: str | None = None
    customer_id: str | None = None
    status: str
    native_status: str | None = None
    document_type: str | None = None
    total: Money | None = None
    vat_total: Money | None = None
    invoice_date: date | None = None
    paid_on: date | None = None
    failed: bool = False

    @classmethod
    def from_record(cls, source: str, record: Mapping[str, Any], zone: tzinfo) -> "AutodnsInvoiceDoc":
        """The document of a record. Raises PayloadInvalid, ValueError."""
        fields = invoice_fields(record, zone)
        money = {name: Money(Decimal(fields[name]), fields["currency"]) for name in ("total", "vat_total") if fields.get(name)}
        named = {name: fields[name] for name in cls.model_fields if fields.get(name) is not None}
        return cls.model_validate(named | money | {"source": source, "id": str(record["id"]), "fields": fields})


class InvoicesDoc(Doc):
    """A page of invoices (`id` is what was asked for); `next_offset` is None on the last page."""

    invoices: tuple[AutodnsInvoiceDoc, ...] = ()
    next_offset: int | None = None


class MessageDoc(Doc):
    """The oldest message that waits. `message_id` None: there is none. `name` is "notify" or the order's status, such as job.success."""

    message_id: str | None = None
    name: str | None = None
    order_id: str | None = None
    customer_id: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    at: datetime | None = None

    @classmethod
    def from_record(cls, source: str, record: Mapping[str, Any] | None, zone: tzinfo) -> "MessageDoc":
        """The document of a message, or of none. Raises PayloadInvalid."""
        if record is None:
            return cls(source=source, id="next")
        said = message_of(record, zone=zone)
        order = None if said.name == "notify" else said.id
        return cls(
            source=source, id="next", message_id=said.poll_id, name=said.name, order_id=order, customer_id=said.customer_id,
            object_type=said.object_type, object_id=said.object_id, at=said.at, fields=dict(record),
        )  # fmt: skip
