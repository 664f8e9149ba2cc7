"""What `[policy.dunning]` may say about dates, amounts and who is dunned, with careful defaults; checked as a whole when it is loaded.

Every legal number here is a default that a person signs off, not advice. `mode` belongs to the engine and is not part of this.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workers.authoring import Link, Window, check_place
from workflows.dunning.amount import Amount
from workflows.dunning.calendar import WorkingDays, longest_closed, parse_day_of_year, parse_hours
from workflows.dunning.debtor import Debtor
from workflows.dunning.default import Basis, Ground
from workflows.dunning.interest import DayCount
from workflows.dunning.ladder import Ladder, StepChange, shipped_ladders
from workflows.dunning.notice import Notice
from workflows.dunning.rates import RateTable, shipped_rates
from workflows.dunning.wording import load_wording

NAME = "dunning"
BY_ZONE = "auto"
PERCENT_MAX = Decimal(30)
Treatment = Literal["dun", "reminder_only", "after_failed_collection", "never"]
AFTER_FAILED: Treatment = "after_failed_collection"
PAYMENT_TYPES: dict[str, Treatment] = {
    "1": "dun", "2": AFTER_FAILED, "3": "never", "4": AFTER_FAILED, "5": "reminder_only", "6": AFTER_FAILED,
}  # fmt: skip
MINIMUM = {"EUR": Decimal("5.00"), "SEK": Decimal("50.00")}
CLOSED_MAX = 31


class DunningPolicy(BaseModel):
    """How unpaid invoices are asked for. Amounts are in the currency of the ladder, or of the invoice where no currency is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: str = BY_ZONE
    holiday_region: str | None = None
    closed_days: tuple[str, ...] = ()
    send_window: str = "09:00-17:00"
    transport: Literal["provider_email", "smtp", "observe"] = "provider_email"
    grouping: Literal["customer", "per_invoice"] = "customer"
    levels: dict[str, StepChange] = Field(default_factory=dict)
    end_grace_days: int | None = Field(default=None, ge=0, le=90)
    min_days_between: int = Field(default=6, ge=1, le=90)
    minimum: dict[str, Amount] = Field(default_factory=lambda: dict(MINIMUM))
    payment_types: dict[str, Treatment] = Field(default_factory=lambda: dict(PAYMENT_TYPES))
    exclude: tuple[str, ...] = ("dunning=off",)
    sync_fresh_hours: int = Field(default=24, ge=1, le=168)
    bank_fresh_working_days: int = Field(default=3, ge=1, le=20)
    approve_above: Amount = Decimal("5000.00")
    approve_first_notice: bool = True
    approve_consumer_fees: bool = True
    default_basis: tuple[Basis, ...] | None = None
    invoice_has_30day_notice: bool = False
    invoice_mentions_interest: bool = False
    post_days: int = Field(default=3, ge=1, le=14)
    margin_business: Amount | None = None
    margin_consumer: Amount | None = None
    agreed_rate: Amount | None = Field(default=None, le=PERCENT_MAX)
    agreed_rate_attribute: str | None = Field(default=None, min_length=1)
    agreed_date: tuple[str, ...] = ()
    day_count: DayCount = "actual/actual"
    rate_alert_days: int = Field(default=14, ge=1, le=180)
    flat_sum: Amount | None = None
    plan_fee: Amount | None = None
    reminder_fee_agreed: bool = False
    i_know_this_is_risky: bool = False
    unpaid_claims: Literal["waive", "ask"] = "waive"
    dun_undisputed_part: bool = False
    release_grace_days: int = Field(default=3, ge=0, le=30)
    pause_days_max: int = Field(default=60, ge=1, le=60)
    extend_from_share: Amount = Field(default=Decimal("0.50"), gt=0, le=1)
    extend_days: int = Field(default=7, ge=0, le=60)
    daily_cap: int = Field(default=50, ge=1)
    spike_floor: int = Field(default=20, ge=1)
    rates: dict[str, dict[str, str]] = Field(default_factory=dict)
    link: Link = Link()
    templates: str | None = None
    signature: str = ""

    @cached_property
    def rate_table(self) -> RateTable:
        """The shipped base rates, all of a country's replaced where this policy gives its own."""
        return shipped_rates().replaced(self.rates)

    @property
    def needs_mail(self) -> bool:
        """Whether notices go over the source's own mail server, which it must have then."""
        return self.transport == "smtp"

    @cached_property
    def hours(self) -> Window:
        return parse_hours(self.send_window)

    def country_in(self, zone: str) -> str:
        """The country whose ladder holds for an account in this zone. Raises ValueError where the zone does not say."""
        if self.country != BY_ZONE:
            return self.country
        found = next((ladder.country for ladder in shipped_ladders().values() if zone in ladder.zones), None)
        if found is None:
            raise ValueError(f'the zone {zone} names no ladder: write country = "DE" or "SE" under [policy.dunning]')
        return found

    def ladder_in(self, zone: str) -> Ladder:
        """The ladder for an account in this zone, as this policy changes it."""
        country = self.country_in(zone)
        if country not in self._ladders:
            self._ladders[country] = self._ladder(shipped_ladders()[country])
        return self._ladders[country]

    @cached_property
    def _ladders(self) -> dict[str, Ladder]:
        """The ladders made so far by country: every invoice asks for its own."""
        return {}

    @cached_property
    def _days(self) -> dict[str, WorkingDays]:
        return {}

    def days_in(self, zone: str) -> WorkingDays:
        """The working days for an account in this zone."""
        if zone not in self._days:
            closed = tuple(parse_day_of_year(text) for text in self.closed_days)
            self._days[zone] = WorkingDays(country=self.country_in(zone), region=self.holiday_region, closed=closed)
        return self._days[zone]

    def ground(
        self, ladder: Ladder, *, debtor: Debtor, due_on: date, received_on: date | None, notices: Sequence[Notice] = (),
        date_was_agreed: bool = False,
    ) -> Ground:  # fmt: skip
        """What could put the debtor of one invoice in default, with what this policy and its ladder say of all invoices.

        `date_was_agreed`: this customer agreed to the due date (an opt-in per customer); the policy's `default_basis` speaks for all.
        """
        return Ground(
            debtor=debtor, due_on=due_on, received_on=received_on, notices=tuple(notices), formal_level=ladder.formal_level,
            thirty_day_note=self.invoice_has_30day_notice, interest_note=self.invoice_mentions_interest, date_was_agreed=date_was_agreed,
            post_days=self.post_days,
        )  # fmt: skip

    def least(self, currency: str) -> Decimal:
        """Below this outstanding amount nothing is dunned: the policy's own, else the default; one cent in a currency without either."""
        return (MINIMUM | self.minimum).get(currency, Decimal("0.01"))

    @field_validator("send_window")
    @classmethod
    def _opens(cls, text: str) -> str:
        parse_hours(text)
        return text

    @field_validator("rates")
    @classmethod
    def _are_rates(cls, rates: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        shipped_rates().replaced(rates)
        if unknown := sorted(rates.keys() - shipped_ladders().keys()):
            raise ValueError(f"rates.{unknown[0]}: no ladder asks for it, only {', '.join(sorted(shipped_ladders()))} have one")
        return rates

    @field_validator("minimum")
    @classmethod
    def _are_currencies(cls, minimum: dict[str, Decimal]) -> dict[str, Decimal]:
        for currency in minimum:
            if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
                raise ValueError(f'"{currency}" is no currency: write its code, as in minimum = {{ EUR = "5.00" }}')
        return minimum

    @field_validator("payment_types")
    @classmethod
    def _are_numbers(cls, types: dict[str, Treatment]) -> dict[str, Treatment]:
        for type in types:
            if not (type.isascii() and type.isdigit()):
                raise ValueError(f'"{type}" is no PAYMENT_TYPE: the provider numbers them, as in payment_types = {{ 1 = "dun" }}')
        return types

    @field_validator("templates")
    @classmethod
    def _are_texts(cls, folder: str | None) -> str | None:
        load_wording(folder)
        return folder

    @field_validator("closed_days")
    @classmethod
    def _are_days(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if longest_closed(parse_day_of_year(text) for text in texts) > CLOSED_MAX:
            raise ValueError(f"more than {CLOSED_MAX} days in a row: nothing would be sent for so long; set the mode instead")
        return texts

    @field_validator("exclude", "agreed_date")
    @classmethod
    def _name_and_value(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            if not text.strip("= ") or text.startswith("="):
                raise ValueError(f'"{text}" means nobody: write a tag ("vip") or an attribute with its value ("dunning=off")')
        return texts

    @field_validator("agreed_rate_attribute")
    @classmethod
    def _a_name(cls, name: str | None) -> str | None:
        if name is not None and (not name.strip() or "=" in name):
            raise ValueError('write the name of the X_ATTRIBUTE alone, such as "interest_rate": its value is the rate')
        return name

    @field_validator("default_basis")
    @classmethod
    def _some_basis(cls, bases: tuple[Basis, ...] | None) -> tuple[Basis, ...] | None:
        if bases == ():
            raise ValueError("with no basis nobody is ever in default: leave it out for the ladder's own, or name at least one")
        return bases

    @model_validator(mode="after")
    def _known_place(self) -> Self:
        known = shipped_ladders()
        if self.country != BY_ZONE and self.country not in known:
            raise ValueError(f'country = "{self.country}": there are ladders for {", ".join(known)}; "{BY_ZONE}" takes the account\'s zone')
        if self.holiday_region is not None and self.country == BY_ZONE:
            raise ValueError('holiday_region needs its country: write country = "DE" beside it')
        if self.country != BY_ZONE:
            check_place(self.country, self.holiday_region)
        return self

    @model_validator(mode="after")
    def _lawful(self) -> Self:
        ladders = [ladder for ladder in shipped_ladders().values() if self.country in (BY_ZONE, ladder.country)]
        names = {step.name for ladder in ladders for step in ladder.steps}
        if unknown := sorted(self.levels.keys() - names):
            raise ValueError(f"levels.{unknown[0]}: there is no such level, only {', '.join(sorted(names))}")
        for ladder in ladders:
            self._within_the_law(ladder)
            self._consumer_fees(self._ladder(ladder))
        return self

    def _ladder(self, ladder: Ladder) -> Ladder:
        """The country's ladder with what this policy says in its place."""
        said = {
            "margin_business": self.margin_business, "margin_consumer": self.margin_consumer, "flat_sum": self.flat_sum,
            "default_basis": self.default_basis, "end_grace_days": self.end_grace_days,
            "plan_fee": None if ladder.plan_fee is None else self.plan_fee,
        }  # fmt: skip
        return ladder.changed(self.levels).model_copy(update={name: value for name, value in said.items() if value is not None})

    def _within_the_law(self, ladder: Ladder) -> None:
        for field in ("margin_business", "margin_consumer", "flat_sum", "plan_fee"):
            said, law = getattr(self, field), getattr(ladder, field)
            if said is not None and law is not None and said > law:
                instead = "write the rate that was agreed as agreed_rate" if field.startswith("margin") else "write that or less"
                instead += ", or name the country it is meant for" if self.country == BY_ZONE else ""
                raise ValueError(f"{field} is {said}: the law of {ladder.country} gives {law}; {instead}")

    def _consumer_fees(self, ladder: Ladder) -> None:
        safe = ladder.fee_safe_consumer
        for step in ladder.steps:
            if safe is not None and step.fee_consumer > safe and not self.i_know_this_is_risky:
                raise ValueError(
                    f"levels.{step.name}.fee_consumer is {step.fee_consumer}: courts refuse consumer fees above {safe} "
                    "(BGH VIII ZR 95/18); lower it, or write i_know_this_is_risky = true"
                )
