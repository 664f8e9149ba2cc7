"""Base rates of interest as data: which percentage holds on a day, where it comes from, and whether it may be used.

Pure. A row holds for its half-year only. A day without a usable row has no rate: never the last one known. The shipped table is
rates.toml beside this file; which unconfirmed rows a person has confirmed is the caller's to know.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workflows.dunning.amount import Exact

SHIPPED = Path(__file__).with_name("rates.toml")
SOURCES_NEEDED = 2
Why = Literal["rate_missing", "rate_unconfirmed", "agreed_rate_unreadable"]


class RateRow(BaseModel):
    """One half-year's base rate. `percent` is in percent a year; `sources` says where it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: str = Field(pattern="^[A-Z]{2}$")
    valid_from: date
    percent: Exact = Field(ge=-10, le=30)
    sources: tuple[str, ...] = Field(min_length=1)
    entered_on: date
    confirmed: bool = False

    @property
    def valid_until(self) -> date:
        """The last day of its half-year."""
        return half_year_end(self.valid_from)

    @property
    def key(self) -> str:
        """What a person confirms, such as "DE 2026-07-01 1.52". It holds the figure: a corrected row is confirmed anew."""
        return f"{self.country} {self.valid_from} {self.percent}"

    @model_validator(mode="after")
    def _is_a_half_year(self) -> Self:
        if (self.valid_from.month, self.valid_from.day) not in {(1, 1), (7, 1)}:
            raise ValueError(f"valid_from {self.valid_from}: base rates change on 1 January and 1 July only")
        if self.confirmed and len(set(self.sources)) < SOURCES_NEEDED:
            raise ValueError(
                f"{self.key}: a confirmed row names {SOURCES_NEEDED} sources; leave confirmed out and let an operator confirm it"
            )
        return self


@dataclass(frozen=True, slots=True)
class NoRate:
    """Why there is no rate: no row for `on` ("rate_missing"), or one nobody confirmed ("rate_unconfirmed", with its key).

    "agreed_rate_unreadable": what was agreed with the customer is no rate.
    """

    why: Why
    country: str
    on: date
    key: str | None = None


class RateTable(BaseModel):
    """All rows, at most one for a country and half-year."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: tuple[RateRow, ...] = ()

    @model_validator(mode="after")
    def _one_row_each(self) -> Self:
        seen: set[tuple[str, date]] = set()
        for row in self.rows:
            if (row.country, row.valid_from) in seen:
                raise ValueError(f"{row.country} {row.valid_from} has two rows: keep the right one")
            seen.add((row.country, row.valid_from))
        return self

    @property
    def checksum(self) -> str:
        """16 hex digits over every row's key: the same table has the same, whatever its order."""
        return hashlib.sha256("\n".join(sorted(row.key for row in self.rows)).encode()).hexdigest()[:16]

    def row_on(self, country: str, day: date) -> RateRow | None:
        """The row of the half-year in which `day` lies, usable or not."""
        start = half_year_start(day)
        return next((row for row in self.rows if row.country == country and row.valid_from == start), None)

    def percent_on(self, country: str, day: date, confirmed: frozenset[str] = frozenset()) -> Decimal | NoRate:
        """The base rate of a day, in percent a year, or why there is none. `confirmed` holds the keys a person confirmed."""
        row = self.row_on(country, day)
        if row is None:
            return NoRate("rate_missing", country, day)
        if not row.confirmed and row.key not in confirmed:
            return NoRate("rate_unconfirmed", country, day, row.key)
        return row.percent

    def gap_ahead(self, country: str, today: date, confirmed: frozenset[str] = frozenset(), *, days: int) -> NoRate | None:
        """What will be missing within `days`: the first day of this or the next half-year without a usable rate, or None."""
        for day in (today, today + timedelta(days=days)):
            found = self.percent_on(country, day, confirmed)
            if isinstance(found, NoRate):
                return NoRate(found.why, country, max(today, half_year_start(day)), found.key)
        return None

    def unconfirmed(self, confirmed: frozenset[str] = frozenset()) -> tuple[RateRow, ...]:
        """The rows that wait for a person."""
        return tuple(row for row in self.rows if not row.confirmed and row.key not in confirmed)

    def replaced(self, percents: Mapping[str, Mapping[str, str]]) -> "RateTable":
        """This table with all rows of some countries replaced, as a scenario gives them: {"DE": {"2026-01-01": "1.27"}}.

        They count as confirmed. Raises ValueError naming what is no half-year or no number.
        """
        told = {"sources": ("the scenario", "its author"), "confirmed": True}
        given = (
            RateRow.model_validate({"country": country, "valid_from": day, "percent": text, "entered_on": day, **told})
            for country, rows in percents.items()
            for day, text in rows.items()
        )
        return RateTable(rows=(*(row for row in self.rows if row.country not in percents), *given))


@lru_cache(maxsize=1)
def shipped_rates() -> RateTable:
    """The table in this package. Raises ValueError where it was changed without its checksum."""
    return parse_rates(SHIPPED.read_text(encoding="utf-8"))


def parse_rates(text: str) -> RateTable:
    """The table in a TOML text.

    Shape:  `checksum`, and a `[[row]]` each with the fields of RateRow, `percent` in quotes.
    Raises: ValueError (pydantic.ValidationError among them) naming the row, or the checksum that the rows have.
    """
    said = tomllib.loads(text)
    table = RateTable.model_validate({"rows": said.get("row", [])})
    if said.get("checksum") != table.checksum:
        raise ValueError(f'the rows were changed: look at each against its sources, then write checksum = "{table.checksum}"')
    return table


def half_year_start(day: date) -> date:
    """1 January or 1 July at or before `day`."""
    return date(day.year, 1 if day.month < 7 else 7, 1)


def half_year_end(day: date) -> date:
    """30 June or 31 December at or after `day`."""
    return date(day.year, 6, 30) if day.month < 7 else date(day.year, 12, 31)
