"""What we send to Monsum and FastBill and what they promise to answer, one model per service.

Owns names, types and required fields; workers/providers/monsum.py makes services of them. A request is kept in the effect ledger
and must survive JSON unchanged. `data()` is its DATA as the provider wants it.
Source: Monsum API reference "Customer" and "Invoice" (© 2016), read 2026-11-21; tests/payloads/monsum/api_*.request.json
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value)]
ObjectId = Annotated[str, Field(min_length=1, pattern=r"^\S+$")]
Success = Literal["success"]

_CUSTOMER_FIELDS = (
    "account_receivable address address_2 affiliate allowed_payment_types adyen_encrypted_data bank_account_number "
    "bank_account_owner bank_account_owner_address bank_account_owner_city bank_account_owner_email bank_account_owner_zipcode "
    "bank_bic bank_code bank_iban bank_name birthday city comment country_code currency_code customer_ext_uid customer_number "
    "customer_type days_for_payment email fax first_name invoice_delivery_method language_code last_name mobile newsletter_optin "
    "organization paymill_amount paymill_token "
    "payment_provider payment_token payment_type paypal_billingagreementid paypal_payerid phone phone_2 position "
    "salutation show_payment_notice state tax_id title_academic vat_id wirecard_gatewayreferencenumber zipcode"
)
CUSTOMER_FIELDS = frozenset(_CUSTOMER_FIELDS.split())


class Request(BaseModel):
    """One request. Ids go out as text, or as numbers where the recorded request has numbers (`numeric_ids`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    numeric_ids: ClassVar[bool] = False

    def data(self) -> dict[str, Any]:
        """DATA: upper-case names; flags "1" or absent; amounts Decimal, written as JSON numbers; None is left out."""
        said = {name: getattr(self, name) for name in type(self).model_fields}
        return {name.upper(): self._wire(name, value) for name, value in said.items() if value is not None and value is not False}

    def confirmed(self, reply: Any) -> bool:
        """Whether the reply speaks of what was asked, as far as it says."""
        return True

    def _wire(self, name: str, value: Any) -> Any:
        if isinstance(value, Request):
            return value.data()
        if isinstance(value, bool):
            return "1"
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, tuple):
            return [self._wire(name, part) for part in value]
        return int(value) if self.numeric_ids and name.endswith("_id") and str(value).isdigit() else value


class Reply(BaseModel):
    """A promised answer: unknown keys are ignored, a missing promise is an unknown outcome."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, alias_generator=str.upper, populate_by_name=True)


class Done(Reply):
    status: Success


class OneInvoice(Request):
    """invoice.sendbypost, .capture, .delete, .correctvat2020"""

    invoice_id: ObjectId

    def confirmed(self, reply: Any) -> bool:
        return getattr(reply, "invoice_id_old", None) in (None, self.invoice_id)


class Recipient(Request):
    """One address each: V1.8 knows no lists."""

    to: str = Field(min_length=3, repr=False)
    cc: str | None = Field(default=None, repr=False)
    bcc: str | None = Field(default=None, repr=False)


class SendByEmail(Request):
    """invoice.sendbyemail"""

    invoice_id: ObjectId
    recipient: Recipient
    subject: str = Field(min_length=1, repr=False)
    message: str = Field(min_length=1, repr=False)
    receipt_confirmation: bool = False


class Posted(Done):
    """REMAINING_CREDITS is documented; STATUS alone already proves that the letter was taken."""

    remaining_credits: Text | None = None

    @property
    def credits(self) -> int | None:
        """How many letters the account may still send."""
        text = (self.remaining_credits or "").strip()
        return int(text) if text.isdigit() else None


class Complete(Request):
    """invoice.complete"""

    invoice_id: ObjectId
    payment_token: str | None = Field(default=None, repr=False)
    payment_provider: str | None = None

    def confirmed(self, reply: Any) -> bool:
        return reply.invoice_id in (None, self.invoice_id)


class Completed(Done):
    invoice_number: Text
    invoice_id: Text | None = None


class SetPaid(Request):
    """invoice.setpaid"""

    invoice_id: ObjectId
    paid_date: date | None = None


class NumberedDone(Done):
    invoice_number: Text | None = None
    comment: Text | None = Field(default=None, repr=False)


class Cancel(Request):
    """invoice.cancel; a part needs a description."""

    invoice_id: ObjectId
    description: str | None = None
    cancellation_amount: Decimal | None = None


class Canceled(Done):
    """Whose id it is, the invoice's or that of a cancellation, is not documented: it is not compared."""

    invoice_id: Text | None = None


class VatCorrected(Done):
    """What else it says, the new invoice, is read by invoice.get."""

    invoice_id_old: Text | None = None
    invoice_id_corrected: Text | None = None


class Item(Request):
    description: str
    quantity: Decimal = Decimal(1)
    unit_price: Decimal
    vat_percent: Decimal
    article_number: str | None = None
    sort_order: int | None = None
    complete_gross: Decimal | None = None
    invoice_item_id: str | None = None


class WriteInvoice(Request):
    """invoice.create (customer_id) and invoice.update (invoice_id)"""

    invoice_id: ObjectId | None = None
    customer_id: ObjectId | None = None
    invoice_ext_uid: str | None = None
    currency_code: str | None = None
    template_id: str | None = None
    invoice_title: str | None = None
    introtext: str | None = None
    invoice_date: date | None = None
    delivery_date: str | None = None
    cash_discount_percent: Decimal | None = None
    cash_discount_days: int | None = None
    eu_delivery: bool = False
    delete_existing_items: bool = False
    items: tuple[Item, ...] | None = None


class InvoiceCreated(Done):
    invoice_id: Text


class OneItem(Request):
    """item.delete"""

    invoice_item_id: ObjectId


class OneCustomer(Request):
    """customer.delete, .createsecurelink"""

    numeric_ids: ClassVar[bool] = True
    customer_id: ObjectId


class WriteCustomer(Request):
    """customer.create and customer.update.

    `fields`: the reference's names in lower case. `x_attributes` is the whole known set. The provider mails the customer about a
    change unless told not to: `suppress_mail` must be switched off by name.
    """

    numeric_ids: ClassVar[bool] = True
    customer_id: ObjectId | None = None
    fields: dict[str, str] = Field(default_factory=dict, repr=False)
    x_attributes: dict[str, str] | None = Field(default=None, repr=False)
    suppress_mail: bool = True

    @field_validator("fields")
    @classmethod
    def _known(cls, fields: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(fields) - CUSTOMER_FIELDS)
        if unknown:
            raise ValueError(f"customer.create and customer.update have no field {', '.join(unknown)}")
        return fields

    def confirmed(self, reply: Any) -> bool:
        return self.customer_id is None or reply.customer_id in (None, self.customer_id)

    def data(self) -> dict[str, Any]:
        """DATA with the fields beside CUSTOMER_ID, SUPPRESS_MAIL and X_ATTRIBUTES as a list of KEY and VALUE."""
        said: dict[str, Any] = {} if self.customer_id is None else {"CUSTOMER_ID": self._wire("customer_id", self.customer_id)}
        said |= {name.upper(): value for name, value in self.fields.items()}
        if self.x_attributes is not None:
            said["X_ATTRIBUTES"] = [{"KEY": key, "VALUE": value} for key, value in self.x_attributes.items()]
        return said | ({"SUPPRESS_MAIL": "1"} if self.suppress_mail else {})


class CustomerWritten(Done):
    customer_id: Text | None = None


class CustomerCreated(Done):
    customer_id: Text
    hash: str | None = Field(default=None, repr=False)


class AddCredits(Request):
    """customer.addcredits: no key, no reference, no currency."""

    numeric_ids: ClassVar[bool] = True
    customer_id: ObjectId
    amount: Decimal


class CreditsAdded(Reply):
    """The recorded answer has no RESPONSE at the top, so STATUS cannot be demanded; an answer without ERRORS counts."""

    status: Success | None = None


class SecureLink(Reply):
    accountdata_url: str = Field(repr=False)
    dashboard_url: str = Field(repr=False)


class CreateWebhook(Request):
    """webhook.create (FastBill core)"""

    type: Literal["url"] = "url"
    endpoint: str = Field(repr=False)
    events: str


class WebhookCreated(Done):
    webhook_id: Text


class OneWebhook(Request):
    """webhook.delete (FastBill core)"""

    webhook_id: ObjectId
