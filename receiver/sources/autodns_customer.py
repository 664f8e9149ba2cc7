"""AutoDNS's BasicCustomer: every field of the reference, typed, with every word of its enums.

Owns the model; how JSON and XML spell it is in autodns_codec.py. What is not listed is kept as it came. `pin`, `card` and `sepa` are
secrets: they are in no repr and no message.
Source: help page "Basic Customer Object" (tests/payloads/autodns/reference_customer.txt); OpenAPI file of InterNetX/js-domainrobot-sdk;
both read 2026-11-21.
"""

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from receiver.money import parse_decimal
from receiver.sources.autodns_xml import UNWRITABLE

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


class _Word(StrEnum):
    """A word of the provider's, in any case."""

    @classmethod
    def _missing_(cls, value: object) -> "_Word | None":
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


class CustomerType(_Word):
    PERSON = "PERSON"
    ORGANIZATION = "ORGANIZATION"


class Gender(_Word):
    MALE = "MALE"
    FEMALE = "FEMALE"


class Payment(_Word):
    PRE = "PRE"
    POST = "POST"
    LIVE = "LIVE"


class ClearPeriod(_Word):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    BILL = "BILL"
    NONE = "NONE"


class CardVendor(_Word):
    MC = "MC"
    VISA = "VISA"
    AMEX = "AMEX"
    DIC = "DIC"
    DISC = "DISC"
    CB = "CB"


class CardStatus(_Word):
    LOST = "LOST"
    EXPIRED = "EXPIRED"
    ACTIVE = "ACTIVE"


class SepaStatus(_Word):
    ACTIVE = "ACTIVE"
    UPDATE = "UPDATE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    LOCKED = "LOCKED"
    REMOVE = "REMOVE"


class CheckStatus(_Word):
    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    NOT_SET = "NOT_SET"


def _keepable(text: str) -> str:
    if UNWRITABLE.search(text):
        raise ValueError("a character that text cannot have")
    return text


def _said(value: Any) -> Any:
    """ "" says nothing."""
    return None if value == "" else value


def _flag(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    known = {"0": False, "1": True, "false": False, "true": True}.get(str(value).strip().lower())
    if known is None:
        raise ValueError("neither true nor false")
    return known


def _amount(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise ValueError("not a decimal number")
    return value if value is None or isinstance(value, Decimal) else parse_decimal(str(value))


def _instant(value: Any, info: ValidationInfo) -> Any:
    """Aware UTC; one without a zone is of the zone that is said beside."""
    if value is None or value == "":
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    zone: tzinfo = (info.context or {}).get("zone", UTC)
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise ValueError("not an instant") from None


def _whole(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and not value.strip().isascii()):
        raise ValueError("not a whole number")
    return value


def _several(value: Any) -> Any:
    """A list; one alone, and nothing, are lists too."""
    return [] if value is None else value if isinstance(value, list | tuple) else [value]


def _mail(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("not an e-mail address")
    return text


T = TypeVar("T")
Text = Annotated[str, AfterValidator(_keepable)]
Said = Annotated[Text | None, BeforeValidator(_said)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
Amount = Annotated[Decimal | None, BeforeValidator(_amount)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]
Whole = Annotated[int, BeforeValidator(_whole), Field(ge=0, lt=2**63)]
Email = Annotated[Text, AfterValidator(_mail)]
Several = Annotated[tuple[T, ...], BeforeValidator(_several)]
Client = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]
Number = Annotated[int, BeforeValidator(_whole), Field(ge=1, lt=2**63)]


class Part(BaseModel):
    """An object of the provider's: our names are those of XML, its JSON names the same in camelCase. What is not listed is kept."""

    model_config = ConfigDict(
        frozen=True, extra="allow", alias_generator=to_camel, validate_by_alias=True, validate_by_name=False, hide_input_in_errors=True
    )


class BasicUser(Part):
    """A user of the provider, in its context."""

    user: Said = None
    context: Whole | None = None


class CustomerName(Part):
    """Which customer: all that identifies one."""

    number: Number
    client: Client
    group: Whole | None = None


class View(Part):
    """In which currency an account is shown."""

    currency: Said = None
    rate: Amount = None


class Account(Part):
    """A billing account. `running_total`: of finished and unfinished transactions. Amounts are in whole units of `currency`."""

    customer: CustomerName | None = None
    current_account_balance: Amount = None
    running_total: Amount = None
    credit_limit: Amount = None
    currency: Said = None
    min_running_total_notification: Amount = None
    min_running_total_notification_email: Said = Field(default=None, repr=False)
    reserved: Amount = None
    view: View | None = None
    created: Instant = None
    updated: Instant = None


class Verification(Part):
    """The check of an e-mail address."""

    email: Said = Field(default=None, repr=False)
    status: CheckStatus | None = None
    customer: CustomerName | None = None
    created: Instant = None
    updated: Instant = None


class Card(Part):
    """A credit card: of its fields only the words are known."""

    vendor: CardVendor | None = None
    status: CardStatus | None = None


class Mandate(Part):
    """A SEPA mandate: of its fields only the status is known."""

    status: SepaStatus | None = None


class Contract(Part):
    """A contract of the customer's."""

    id: Whole | None = None
    ticket_number: Said = None


class BasicCustomer(Part):
    """One customer. Identified by `client` and `number`; everything else may be left out.

    While `pending`, these are data that are not checked yet, and `persistent` holds those that are valid.
    """

    number: Number
    client: Client
    group: Whole | None = None
    name: Annotated[Text | None, BeforeValidator(_said), Field(max_length=255, repr=False)] = None
    type: CustomerType | None = None
    organization: Said = Field(default=None, repr=False)
    organization2: Said = Field(default=None, repr=False)
    vat_number: Said = Field(default=None, repr=False)
    gender: Gender | None = None
    title: Said = None
    fname: Said = Field(default=None, repr=False)
    lname: Said = Field(default=None, repr=False)
    address_lines: Several[Text] = Field(default=(), repr=False)
    pcode: Said = Field(default=None, repr=False)
    city: Said = Field(default=None, repr=False)
    state: Said = None
    country: Said = None
    phone: Said = Field(default=None, repr=False)
    fax: Said = Field(default=None, repr=False)
    emails: Several[Email] = Field(default=(), repr=False)
    billing_emails: Several[Email] = Field(default=(), repr=False)
    contacts: Several[dict[str, Any]] = Field(default=(), repr=False)
    payment: Payment | None = None
    payment_mode: Said = None
    payment_currency: Said = None
    payment_currency_exchange_fee: Amount = None
    discount_valid: Instant = None
    invoice_language: Said = None
    invoice_days: Any = None
    invoice_paperbill: Flag = None
    pin: Said = Field(default=None, repr=False)
    taxable: Flag = None
    card: Card | None = Field(default=None, repr=False)
    contracts: Several[Contract] = ()
    autodelete: Flag = None
    pending: Flag = None
    active: Flag = None
    clear_account: ClearPeriod | None = None
    verifications: Several[Verification] = Field(default=(), repr=False)
    account: Account | None = None
    locked: Flag = None
    persistent: "BasicCustomer | None" = Field(default=None, repr=False)
    billing_users: Several[Text | BasicUser] = ()
    comments: Several[Text] = Field(default=(), repr=False)
    sepa: Mandate | None = Field(default=None, repr=False)
    last_confirmed: Instant = None
    pricelists: Any = None
    data_privacy_statement: Flag = None
    newsletter: Flag = None
    supplier_number: Said = None
    url: Said = Field(default=None, repr=False)
    owner: BasicUser | None = None
    updater: BasicUser | None = None
    created: Instant = None
    updated: Instant = None

    @property
    def id(self) -> str:
        """ "client/number"."""
        return f"{self.client}/{self.number}"
