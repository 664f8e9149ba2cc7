"""What `[policy.credits]` may say, with careful defaults; checked as a whole when it is loaded.

Amounts are Decimals of one currency. `mode` belongs to the engine and is not part of this.
"""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from workers.authoring import Link, Money

_SPAN = re.compile(r"^(\d{1,4})(m|h|d)$", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _exact(said: object) -> object:
    if isinstance(said, float):
        raise ValueError('write amounts as text, such as "20.00": a number without quotes may lose a cent')
    return said


Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, decimal_places=2, max_digits=14)]


def span_of(text: str) -> timedelta:
    """ "1h" as a timedelta. Raises ValueError saying what to write."""
    found = _SPAN.match(text)
    if found is None or int(found[1]) == 0:
        raise ValueError(f'a pause is written "30m", "4h" or "1d", not "{text}"')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class CreditsPolicy(BaseModel):
    """When, by how much and how a customer's credits are topped up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    threshold: Amount = Decimal("20.00")
    method: Literal["target", "fixed"] = "target"
    target: Amount = Decimal("100.00")
    fixed_amount: Amount = Decimal("50.00")
    round_up_to: Amount | None = None
    min_single: Amount = Decimal("10.00")
    max_single: Amount = Decimal("200.00")
    cap_day: Amount = Decimal("200.00")
    cap_month: Amount = Decimal("500.00")
    cap_behavior: Literal["hold", "partial"] = "hold"
    approval_over: Amount = Decimal("150.00")
    approval_ttl_hours: int = Field(default=72, ge=1, le=720)
    cooldown_minutes: int = Field(default=60, ge=0, le=10080)
    decline_backoff: tuple[str, ...] = ("1h", "4h", "24h")
    grant_on: Literal["payment_confirmed", "immediate"] = "payment_confirmed"
    immediate_customers: tuple[str, ...] = ()
    enrolled: Literal["had_credits", "listed"] = "had_credits"
    customers: tuple[str, ...] = ()
    attribute: str = Field(default="credits", min_length=1)
    burst: int = Field(default=3, ge=2, le=20)
    daily_cap: int = Field(default=20, ge=1)
    spike_floor: int = Field(default=10, ge=1)
    link: Link = Link()
    unpaid_days: int = Field(default=14, ge=1, le=90)
    expire_days: int | None = Field(default=None, ge=1, le=3650)
    title: str = Field(default="Guthaben", min_length=1)
    vat_percent: Amount = Decimal("0.00")

    @property
    def pauses(self) -> tuple[timedelta, ...]:
        """How long to wait after the first, second, … decline."""
        return tuple(span_of(text) for text in self.decline_backoff)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and probably not meant; `billhook doctor` shows it."""
        gap = self.target - self.threshold
        found = (
            (
                self.method == "target" and self.max_single < gap,
                f"max_single is below target - threshold ({gap}): one top-up is not enough",
            ),
            (self.approval_over >= self.max_single, "approval_over is not below max_single: nobody is ever asked"),
            (
                self.grant_on == "immediate" and not self.immediate_customers,
                'grant_on = "immediate" without immediate_customers: every enrolled customer is credited before paying',
            ),
        )
        return tuple(text for holds, text in found if holds)

    def money(self, amount: Decimal) -> Money:
        return Money(amount, self.currency)

    def is_immediate(self, customer_id: str) -> bool:
        """Whether this customer is credited at once, without an invoice."""
        return self.grant_on == "immediate" and (not self.immediate_customers or customer_id in self.immediate_customers)

    @field_validator("decline_backoff")
    @classmethod
    def _spans(cls, said: tuple[str, ...]) -> tuple[str, ...]:
        for text in said:
            span_of(text)
        return said

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.method == "target" and self.target < self.threshold + self.min_single:
            raise ValueError("target must be at least threshold + min_single: otherwise a top-up is asked for that may not be made")
        if not self.max_single <= self.cap_day <= self.cap_month:
            raise ValueError("max_single may not be above cap_day, nor cap_day above cap_month: such a top-up could never be made")
        if not 0 < self.min_single <= self.max_single:
            raise ValueError("min_single must be above 0 and not above max_single")
        if self.method == "fixed" and not self.min_single <= self.fixed_amount <= self.max_single:
            raise ValueError("fixed_amount must lie between min_single and max_single: otherwise it is never charged")
        if self.round_up_to is not None and not 0 < self.round_up_to <= self.max_single:
            raise ValueError("round_up_to must be above 0 and not above max_single")
        return self
