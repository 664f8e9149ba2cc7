"""What `[policy.auto-send]` may say, with careful defaults; checked as a whole when it is loaded.

Every legal number here is a default that a person signs off, not advice. `mode` belongs to the engine and is not part of this.
"""

from datetime import date
from decimal import Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workers.authoring import IsOpenDay, Link, Window, check_place, every_day, is_workday, parse_window
from workflows.auto_send.texts import load_texts

Channel = Literal["email", "post", "both", "none"]
CUSTOMER_LANGUAGE, COUNTRY_LANGUAGE = "LANGUAGE_CODE", "country_default"
# Not example.org: nobody has a mailbox there either, and scenarios write to it (issue 4).
PLACEHOLDERS = ("example.com", "example.net", "example", "invalid", "localhost", "test")
COUNTRY_LANGUAGES = {"DE": "de", "AT": "de", "CH": "de", "LI": "de", "SE": "sv", "GB": "en", "IE": "en", "US": "en"}


class AutoSendPolicy(BaseModel):
    """How completed invoices leave."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hold_minutes: int = Field(default=15, ge=0, le=1440)
    email_window: str = "07:00-20:00"
    post_window: str = "08:00-16:00"
    country: str = "DE"
    holiday_region: str | None = None
    channel_map: dict[str, Channel] = Field(default_factory=dict)
    unmapped_channel: Literal["hold", "skip"] = "hold"
    recipients: tuple[str, ...] = ("EMAIL",)
    link: Link = Link()
    cc_mode: Literal["provider", "same_call", "none"] = "provider"
    payment_mail_address: str = "never"
    placeholder_domains: tuple[str, ...] = PLACEHOLDERS
    language_fallback: tuple[str, ...] = (CUSTOMER_LANGUAGE, COUNTRY_LANGUAGE, "de")
    country_languages: dict[str, str] = Field(default_factory=lambda: dict(COUNTRY_LANGUAGES))
    templates: str | None = None
    signature: str = ""
    on_hard_bounce: Literal["task", "post"] = "task"
    unknown_email: Literal["park", "resend_once_marked"] = "park"
    low_postage_alert: int = Field(default=20, ge=0)
    require_einvoice: Literal["auto", "always", "never"] = "auto"
    einvoice_from: date = date(2027, 1, 1)
    einvoice_for_all_from: date = date(2028, 1, 1)
    einvoice_above: Decimal = Field(default=Decimal("250.00"), ge=0)
    turnover_prev_year_over_800k: bool | None = None
    prenotification_days: int = Field(default=14, ge=0, le=60)
    daily_cap: int = Field(default=200, ge=1)
    spike_floor: int = Field(default=20, ge=1)
    held_days: int = Field(default=14, ge=1, le=90)

    @property
    def email_hours(self) -> Window:
        return parse_window(self.email_window)

    @property
    def post_hours(self) -> Window:
        return parse_window(self.post_window)

    def hours(self, channel: str) -> tuple[Window, IsOpenDay]:
        """The window of a channel and the days on which it opens."""
        if channel == "email":
            return self.email_hours, every_day
        return self.post_hours, lambda day: is_workday(day, self.country, self.holiday_region)

    @field_validator("email_window", "post_window")
    @classmethod
    def _opens(cls, text: str) -> str:
        parse_window(text)
        return text

    @field_validator("channel_map", mode="before")
    @classmethod
    def _any_case(cls, said: object) -> object:
        """Values of INVOICE_DELIVERY_METHOD are compared without regard to case; "" stands for an empty one."""
        return {str(name).strip().lower(): value for name, value in said.items()} if isinstance(said, dict) else said

    @field_validator("recipients")
    @classmethod
    def _one_field(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        if fields != ("EMAIL",):
            raise ValueError('only ["EMAIL"] is known: an invoice goes to the customer\'s own address, never to another field in its place')
        return fields

    @field_validator("payment_mail_address")
    @classmethod
    def _never(cls, said: str) -> str:
        if said != "never":
            raise ValueError('only "never" is known: PAYMENT_MAIL_ADDRESS is for payment references, not for invoices')
        return said

    @field_validator("placeholder_domains")
    @classmethod
    def _domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(domain.strip().lower().lstrip(".@") for domain in domains)

    @model_validator(mode="after")
    def _known_place(self) -> Self:
        check_place(self.country, self.holiday_region)
        if self.einvoice_for_all_from < self.einvoice_from:
            raise ValueError("einvoice_for_all_from lies before einvoice_from: nobody would fall under the first date")
        return self

    @model_validator(mode="after")
    def _texts_are_there(self) -> Self:
        """A text that would be missing when an invoice is due is missing now."""
        named = [name for name in self.language_fallback if name not in (CUSTOMER_LANGUAGE, COUNTRY_LANGUAGE)]
        if not named or self.language_fallback[-1] != named[-1]:
            raise ValueError('language_fallback must end with a language such as "de": otherwise some customer has no text')
        texts = load_texts(self.templates)
        for language in [*named, *self.country_languages.values()]:
            texts.require(language)
        return self
