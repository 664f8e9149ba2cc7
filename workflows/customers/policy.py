"""What `[policy.customers]` and `[policy.customers-vat]` may say; checked as a whole when they are loaded."""

import re
from datetime import timedelta
from difflib import get_close_matches
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workers.authoring import check_customer_field, check_customer_value

_SPAN = re.compile(r"^(\d{1,4})(m|h|d)$", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_WRITABLE = (
    "days_for_payment invoice_delivery_method language_code payment_type newsletter_optin comment show_payment_notice affiliate "
    "account_receivable customer_number customer_ext_uid"
)
WRITABLE = tuple(_WRITABLE.split())


class Rule(BaseModel):
    """When a customer has these X_ATTRIBUTES and TAGS, these fields are written. `changed`: only where one of these fields changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")
    changed: tuple[str, ...] = ()
    attributes: dict[str, str] = Field(default_factory=dict)
    tags: tuple[str, ...] = ()
    write: dict[str, str] = Field(min_length=1)

    @field_validator("changed")
    @classmethod
    def _told(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        for name in said:
            check_customer_field(name)
        return said

    @field_validator("write")
    @classmethod
    def _writable(cls, said: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(said) - set(WRITABLE))
        if unknown:
            near = get_close_matches(unknown[0].lower(), WRITABLE, n=1)
            meant = f", do you mean {near[0]}" if near else ""
            raise ValueError(f"a rule may not write {', '.join(unknown)}{meant}: it may write {', '.join(WRITABLE)}")
        for name, value in said.items():
            check_customer_value(name, value)
        return said

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if not (self.changed or self.attributes or self.tags):
            raise ValueError("a rule needs changed, attributes or tags: without them it would write every customer")
        return self


class CustomersPolicy(BaseModel):
    """What is written when a customer changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = ()
    writes_per_hour: int = Field(default=3, ge=1, le=20)
    daily_cap: int = Field(default=200, ge=1)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have one name: rename one")
        return self


class Retried(BaseModel):
    """When a VAT id of which nobody could tell is asked about again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retry: tuple[str, ...] = ("5m", "1h", "6h", "24h")

    @property
    def pauses(self) -> tuple[timedelta, ...]:
        """How long after the first try the next ones come."""
        return tuple(_span(text) for text in self.retry)

    @field_validator("retry")
    @classmethod
    def _rises(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        spans = [_span(text) for text in said]
        if spans != sorted(set(spans)):
            raise ValueError("retry counts from the first try: each must be later than the one before")
        return said


class VatPolicy(Retried):
    """How VAT ids are checked."""

    recheck_days: int = Field(default=365, ge=1, le=1000)


class ReverseChargePolicy(Retried):
    """How a VAT id is checked before its first invoice without VAT. `country`: the account's own; None: that of its zone."""

    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")


def _span(text: str) -> timedelta:
    found = _SPAN.match(text)
    if found is None or int(found[1]) == 0:
        raise ValueError(f'a pause is written "5m", "1h" or "1d", not "{text}"')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
