"""A scenario as its file says it: one source, its customers and invoices, and what happens when.

Owns the format and every refusal of it: each names the table, the field, the line, and what is allowed. Whether a policy or a
happening fits is asked of the workflows, workers/simulate/happenings.py and workers/simulate/possible.py. Times are local to `zone`.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from receiver.errors import SettingsInvalid
from receiver.mistakes import Mistake, mistakes_of, refusal
from receiver.money import parse_decimal
from workers.simulate.plugs import Gives

Day = date  # fields are called `date` too
LISTS = ("customer", "invoice", "happens")


def _amount(said: object) -> object:
    """The exact number in a text, or a whole number as it is."""
    if isinstance(said, int) and not isinstance(said, bool):
        return Decimal(said)
    if not isinstance(said, str):
        raise ValueError('an amount in quotes is wanted, such as "1190.00"')
    try:
        return parse_decimal(said)
    except ValueError:
        raise ValueError('an amount in quotes is wanted, such as "1190.00"') from None


def _local(said: object) -> object:
    """A local time, as written."""
    if not isinstance(said, datetime) or said.tzinfo is not None:
        raise ValueError("a local time without zone is wanted, such as 2026-03-02T08:00:00")
    return said


def _level(said: object) -> object:
    """The number in "L1", in "1" or in 1."""
    return int(said.lstrip("LS")) if isinstance(said, str) and said.lstrip("LS").isdigit() else said


def _words(said: object) -> object:
    """A list, or words parted by commas."""
    return tuple(word.strip() for word in said.split(",") if word.strip()) if isinstance(said, str) else said


def _text(said: object) -> object:
    return str(said) if isinstance(said, int) and not isinstance(said, bool) else said


Amount = Annotated[Decimal, BeforeValidator(_amount)]
Local = Annotated[datetime, BeforeValidator(_local)]
Text = Annotated[str, BeforeValidator(_text)]
Level = Annotated[int, BeforeValidator(_level), Field(ge=0, le=9)]
Id = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=64)]


class Part(BaseModel):
    """Any table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    unwritten: ClassVar[tuple[str, ...]] = ()
    beside: ClassVar[tuple[str, ...]] = ()


class Customer(Part):
    """`[[customer]]`. `fields` are the provider's own names (API reference), for what has none here."""

    id: Id
    type: Literal["business", "consumer"] | None = None
    name: str | None = None
    country: str = "DE"
    email: str | None = None
    language: str = "de"
    currency: str = "EUR"
    delivery_method: str | None = None
    payment_type: Text | None = None
    credit_balance: Amount = Decimal(0)
    x_attributes: dict[str, Text] = Field(default_factory=dict)
    tags: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    fields: dict[str, Text] = Field(default_factory=dict)


class Invoice(Part):
    """`[[invoice]]`. One dated after the first day comes to be on its date; `draft` until it is completed. `sent`: it was sent that day."""

    id: Id
    customer: Id
    total: Amount
    currency: str = "EUR"
    date: Day
    due: Day | None = None
    sent: Day | None = None
    number: str | None = None
    type: Literal["outgoing", "draft", "credit"] = "outgoing"
    payment_type: Text | None = None
    cash_discount_percent: Amount | None = None
    cash_discount_days: int | None = Field(default=None, ge=0)
    fields: dict[str, Text] = Field(default_factory=dict)


class Happening(Part):
    """`[[happens]]`. Which fields it needs and may have depends on `what`."""

    unwritten: ClassVar[tuple[str, ...]] = ("as_",)
    beside: ClassVar[tuple[str, ...]] = ("as",)

    at: Local
    what: str
    invoice: Id | None = None
    customer: Id | None = None
    workflow: str | None = None
    amount: Amount | None = None
    date: Day | None = None
    until: Day | datetime | None = None
    on: Day | None = None
    reason: str | None = None
    reference: str | None = None
    currency: str | None = None
    kind: str | None = None
    event: str | None = None
    fields: dict[str, Any] | None = None
    level: Level | None = None
    as_: Literal["did", "did-not"] | None = Field(default=None, alias="as")
    to: Literal["off", "observe", "propose", "auto"] | None = None
    include_existing: bool | None = None
    point: str | None = None
    mode: Literal["timeout_after_write", "slow", "down", "500"] | None = None
    service: str | None = None
    times: int | None = Field(default=None, ge=1)
    seconds: int | None = Field(default=None, ge=1)
    repeat: int | None = Field(default=None, ge=1, le=1000)

    @property
    def said(self) -> dict[str, Any]:
        """The fields that were written, `at` and `what` left out."""
        return {name: value for name, value in self.model_dump(by_alias=True).items() if value is not None and name not in ("at", "what")}


class Head(Part):
    """What stands before the tables."""

    zone: str = "Europe/Berlin"
    kind: Literal["monsum", "fastbill"] = "monsum"
    source: str = Field(default="shop", min_length=1, max_length=32)
    start: Local
    until: Local
    auto_approve: bool = False

    @field_validator("zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError('a time zone is wanted, such as "Europe/Berlin" or "Europe/Stockholm"') from None
        return name


class Scenario(Head):
    """The whole file, checked. `policy` has what further tables, such as `[rates.DE]`, stand for."""

    policy: dict[str, dict[str, Any]]
    customer: tuple[Customer, ...]
    invoice: tuple[Invoice, ...]
    happens: tuple[Happening, ...]

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def instant(self, local: datetime) -> datetime:
        """A local time of the file as an aware instant, UTC."""
        return local.replace(tzinfo=self.tz).astimezone(UTC)

    @property
    def currencies(self) -> tuple[str, ...]:
        customers, invoices = (one.currency for one in self.customer), (one.currency for one in self.invoice)
        return tuple(sorted({"EUR", *customers, *invoices}))


T = TypeVar("T", bound=Part)
Where = tuple[str, int | None]
Check = Callable[[int, Happening], Sequence[tuple[str, str]]]
Policies = Mapping[str, Mapping[str, Any]]
Story = Callable[[Head, Policies, Sequence[Customer], Sequence[Invoice], Sequence[Happening]], Iterable[tuple[Where, str, str]]]


class Page:
    """The text of a scenario: finds the line of a table or a field, and keeps what is wrong."""

    def __init__(self, path: Path) -> None:
        self.path, self.text = path, path.read_text(encoding="utf-8")
        self.mistakes: list[Mistake] = []

    def wrong(self, where: Where, field: str, why: str) -> None:
        """Note a mistake in `field` of a table such as ("invoice", 2), counted from 1; (name, None) for `[name]`, ("", None) at the top."""
        table, place = where
        named = f"{table} {place}" if place else table
        line = self.line_of(table, place, field.partition(".")[0])
        self.mistakes.append(Mistake(", ".join(part for part in (named, field) if part) or "the file", why, f"line {line} of {self.path}"))

    def line_of(self, table: str, place: int | None, field: str) -> int:
        """The line of the field, else that of its table's head, else 1."""
        lines = self.text.splitlines()
        head = rf"\s*\[\[\s*{re.escape(table)}\s*\]\]" if place else rf"\s*\[\s*\"?{re.escape(table)}\"?\s*\]"
        heads = [number for number, line in enumerate(lines) if re.match(head, line)] if table else [-1]
        if len(heads) < (place or 1):
            return 1
        begin = heads[(place or 1) - 1]
        for number in range(begin + 1, len(lines)):
            if re.match(r"\s*\[", lines[number]):
                break
            if field and re.match(rf"\s*\"?{re.escape(field)}\"?\s*[=.]", lines[number]):
                return number + 1
        return max(begin + 1, 1)

    def part(self, model: type[T], said: object, where: Where) -> T | None:
        """One table as its model, or None with its mistakes noted."""
        if not isinstance(said, dict):
            self.wrong(where, "", f"a table is wanted: write [[{where[0]}]]")
            return None
        try:
            return model.model_validate(said)
        except ValidationError as error:
            for one in mistakes_of(error, model, ".".join, beside=model.beside):
                self.wrong(where, one.name, one.wrong)
            return None

    def parts(self, model: type[T], said: object, table: str) -> tuple[T, ...]:
        """Every table of a list."""
        if not isinstance(said, list):
            self.wrong((table, None), "", f"a list of tables is wanted: write [[{table}]]")
            return ()
        found = [self.part(model, one, (table, place)) for place, one in enumerate(said, start=1)]
        return tuple(one for one in found if one is not None)


def read(path: Path) -> tuple[Page, dict[str, Any]]:
    """The file as a page and as TOML. Raises SettingsInvalid where it is not one."""
    try:
        page = Page(path)
        return page, tomllib.loads(page.text)
    except (OSError, UnicodeDecodeError) as cause:
        raise SettingsInvalid(f"{path} cannot be read: {cause}") from cause
    except tomllib.TOMLDecodeError as cause:
        raise SettingsInvalid(f"{path} is not TOML: {cause}") from cause


def load(
    path: Path, *, tables: Mapping[str, Gives], policy: Callable[[str, Mapping[str, Any]], list[Mistake]], fits: Check, story: Story
) -> Scenario:  # fmt: skip
    """The scenario in a file. Raises SettingsInvalid with every mistake, each with its line.

    `tables`: further tables, and which settings each stands for. `policy`: what is wrong with one policy. `fits`: (field, why) of what
    is wrong with the n-th happening alone. `story`: (table and its number, field, why) of what cannot be beside the rest.
    """
    page, raw = read(path)
    policies = raw.get("policy", {})
    head = page.part(Head, {name: value for name, value in raw.items() if name not in (*LISTS, "policy", *tables)}, ("", None))
    customers = page.parts(Customer, raw.get("customer", []), "customer")
    invoices = page.parts(Invoice, raw.get("invoice", []), "invoice")
    happens = page.parts(Happening, raw.get("happens", []), "happens")
    _policies(page, policies, policy)
    policies = _with_tables(page, policies, {name: raw[name] for name in tables if name in raw}, tables, policy)
    if not page.mistakes and head is not None:
        for place, one in enumerate(happens, start=1):
            for field, why in fits(place, one):
                page.wrong(("happens", place), field, why)
    if not page.mistakes and head is not None:
        for where, field, why in story(head, policies, customers, invoices, happens):
            page.wrong(where, field, why)
    if page.mistakes or head is None:
        raise refusal(page.mistakes, path)
    said = head.model_dump() | {"policy": policies, "customer": customers, "invoice": invoices, "happens": happens}
    return Scenario.model_construct(**said)


def _policies(page: Page, policies: object, check: Callable[[str, Mapping[str, Any]], list[Mistake]]) -> None:
    if not isinstance(policies, dict) or not all(isinstance(body, dict) for body in policies.values()):
        page.wrong(("policy", None), "", "write a table [policy.WORKFLOW] for each workflow")
        return
    if not policies:
        page.wrong(("", None), "policy", "no workflow takes part: write a table such as [policy.auto-send]")
    for name, body in policies.items():
        for one in check(name, body):
            page.wrong((f"policy.{name}", None), one.name.removeprefix(f"policy.{name}").lstrip("."), one.wrong)


def _with_tables(
    page: Page, policies: dict[str, dict[str, Any]], said: Mapping[str, Any], tables: Mapping[str, Gives],
    check: Callable[[str, Mapping[str, Any]], list[Mistake]],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """The policies with what further tables stand for, where their workflow takes part; each setting of a table is checked as one."""
    if page.mistakes:
        return policies
    found = {name: dict(body) for name, body in policies.items()}
    for table, body in said.items():
        if not isinstance(body, dict) or not all(isinstance(inner, dict) for inner in body.values()):
            page.wrong((table, None), "", f"write tables such as [{table}.DE]")
            continue
        for workflow, settings in tables[table](body).items():
            if workflow in found:
                found[workflow] |= settings
                for one in check(workflow, settings):
                    page.wrong((f"{table}.{next(iter(body), '')}", None), "", one.wrong)
    return found
