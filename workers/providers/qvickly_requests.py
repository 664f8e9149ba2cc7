"""What we send to Qvickly and what it promises to answer, one model per service.

Owns names, types and required fields; workers/providers/qvickly.py makes services of them. A request is kept in the effect ledger and
must survive JSON unchanged. Payment API: one POST, the function named in the body, amounts in 1/100 of the currency as text.
Source: topics activatePayment, creditPayment, cancelPayment, Data-types; Portal API "customers"; read 2026-11-21.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from receiver.money import Money
from receiver.sources.qvickly_fields import WRITTEN
from receiver.sources.qvickly_words import word

SOME_MAX = 100


def _stored_there(text: str) -> str:
    """The provider turns every other character into "?" before it hashes: topic Data-types."""
    if not text.isascii() and any(ord(char) > 0xFF for char in text):
        raise ValueError("Qvickly keeps ISO-8859-1 only: leave out other characters")
    return text


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Number = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[0-9]{1,64}$")]
CustomerId = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[1-9][0-9]{0,18}$")]
Latin = Annotated[str, AfterValidator(_stored_there)]
Removed = Literal["Removed"]


class PaymentRequest(BaseModel):
    """One call of the Payment API. `done_words`: the statuses that say it was done."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    done_words: ClassVar[frozenset[str]]
    number: Number

    def data(self) -> dict[str, Any]:
        """`data` of the body, everything text."""
        return {"number": self.number}

    def confirmed(self, reply: "PaymentDone") -> bool:
        """Whether the reply says that this was done, and to this payment."""
        return reply.number == self.number and word(reply.status) in self.done_words


class Activate(PaymentRequest):
    """activatePayment"""

    done_words = frozenset({"paid", "factoring", "handling", "partpayment"})


class Cancel(PaymentRequest):
    """cancelPayment"""

    done_words = frozenset({"cancelled"})


class Article(BaseModel):
    """One line to be credited; amounts are as on the invoice, without tax."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    artnr: Latin
    title: Latin
    quantity: Decimal
    price: Money
    without_tax: Money
    tax_rate: Decimal
    discount: Decimal = Decimal(0)

    def data(self) -> dict[str, str]:
        said = {"artnr": self.artnr, "title": self.title, "quantity": f"{self.quantity:f}", "aprice": _minor(self.price)}
        return said | {"discount": f"{self.discount:f}", "withouttax": _minor(self.without_tax), "taxrate": f"{self.tax_rate:f}"}


class Total(BaseModel):
    """What is credited in all."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    without_tax: Money
    tax: Money
    with_tax: Money
    rounding: Money

    def data(self) -> dict[str, str]:
        names = {"withouttax": self.without_tax, "tax": self.tax, "rounding": self.rounding, "withtax": self.with_tax}
        return {name: _minor(value) for name, value in names.items()}


class Credit(PaymentRequest):
    """creditPayment: the whole payment, or the articles beside their total.

    The reply names the credit invoice or the payment, in one word or another: sources differ, so neither is compared.
    """

    done_words = frozenset({"paid", "credited"})
    articles: tuple[Article, ...] = ()
    total: Total | None = None

    @model_validator(mode="after")
    def _a_part_has_both(self) -> "Credit":
        if bool(self.articles) != (self.total is not None):
            raise ValueError("a part needs its articles and their total; leave both out to credit the whole payment")
        return self

    @property
    def amount(self) -> Money | None:
        """What a part comes to; None for the whole."""
        return None if self.total is None else self.total.with_tax

    def data(self) -> dict[str, Any]:
        """PaymentData, and for a part Articles and Cart."""
        named = {"PaymentData": {"number": self.number, "partcredit": "true" if self.articles else "false"}}
        if self.total is None:
            return named
        return named | {"Articles": [article.data() for article in self.articles], "Cart": {"Total": self.total.data()}}

    def confirmed(self, reply: "PaymentDone") -> bool:
        return word(reply.status) in self.done_words


class PaymentDone(BaseModel):
    """What activatePayment, cancelPayment and creditPayment answer."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    number: Text
    status: str
    orderid: Text | None = None
    url: str | None = Field(default=None, repr=False)


class PortalRequest(BaseModel):
    """One writing call of the Portal API."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    method: ClassVar[str]

    @property
    def path(self) -> str:
        """Below the Portal's base address."""
        return "customers"

    def content(self) -> Any:
        """What the body holds; None for no body."""
        return None

    def confirmed(self, reply: Any) -> bool:
        """Whether the reply speaks of what was asked."""
        return True


class WriteCustomer(PortalRequest):
    """POST /customers. `fields`: the reference's names; `customerid`, the merchant's own number, is how it is found again."""

    method = "POST"
    fields: dict[str, str] = Field(min_length=1, repr=False)

    @field_validator("fields")
    @classmethod
    def _written(cls, fields: dict[str, str]) -> dict[str, str]:
        return _checked(fields)

    def content(self) -> Any:
        return self.fields


class PatchCustomer(WriteCustomer):
    """PATCH /customers/{id}"""

    method = "PATCH"
    customer_id: CustomerId

    @property
    def path(self) -> str:
        return f"customers/{self.customer_id}"

    def confirmed(self, reply: "CustomerWritten") -> bool:
        return reply.id == self.customer_id


class DeleteCustomer(PortalRequest):
    """DELETE /customers/{id}"""

    method = "DELETE"
    customer_id: CustomerId

    @property
    def path(self) -> str:
        return f"customers/{self.customer_id}"

    def confirmed(self, reply: "CustomerRemoved") -> bool:
        return reply.id == self.customer_id


class DeleteCustomers(PortalRequest):
    """DELETE /customers with a list of ids"""

    method = "DELETE"
    ids: tuple[CustomerId, ...] = Field(min_length=1, max_length=SOME_MAX)

    @field_validator("ids")
    @classmethod
    def _each_once(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(ids)) != len(ids):
            raise ValueError("a customer is there twice")
        return ids

    def content(self) -> Any:
        return [int(id) for id in self.ids]

    def confirmed(self, reply: "CustomersRemoved") -> bool:
        return reply.count == len(self.ids)


class CustomerWritten(BaseModel):
    """The customer as it is then: its id is promised."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, populate_by_name=True)

    id: CustomerId = Field(alias="mexcParamvaluesetsid")


class CustomerRemoved(CustomerWritten):
    result: Removed


class CustomersRemoved(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    result: Removed
    count: int


def _checked(fields: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(fields) - WRITTEN)
    if unknown:
        raise ValueError(f"a customer has no field that may be written called {', '.join(unknown)}")
    return {name: _stored_there(value) for name, value in fields.items()}


def _minor(money: Money) -> str:
    return str(money.minor_units())
