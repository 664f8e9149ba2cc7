"""Default interest on one invoice, segment by segment, to the cent.

Pure. Simple interest, on principal only, at base rate plus margin; a segment ends where the half-year or the balance does. Segments are
exact fractions: their sum is rounded once, ROUND_HALF_UP. One day without a usable rate, and there is no interest at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from workers.authoring import Money
from workflows.dunning.balance import Balance, balance_on
from workflows.dunning.rates import NoRate, RateTable, half_year_end

DayCount = Literal["actual/actual", "actual/365"]
SHOWN = Decimal("0.000001")
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which rate somebody owes interest. `margin` in percentage points; `fixed` an agreed rate in percent a year, in its place.

    NoRate where what was agreed cannot be read.
    """

    country: str
    margin: Decimal
    fixed: Decimal | NoRate | None = None
    day_count: DayCount = "actual/actual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Days `from_on` to `to_on`, both included, on one base at one rate. `percent` a year, `year_days` 365 or 366."""

    from_on: date
    to_on: date
    base: Decimal
    percent: Decimal
    year_days: int

    @property
    def days(self) -> int:
        return (self.to_on - self.from_on).days + 1

    @property
    def exact(self) -> Fraction:
        """The interest of the segment, unrounded."""
        return Fraction(self.base) * Fraction(self.percent) * self.days / (100 * self.year_days)

    @property
    def shown(self) -> Decimal:
        """The interest to six places, for the line that explains it; never to be added up."""
        return _decimal(self.exact, SHOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What is owed by a day. `amount` is rounded once; `per_day` is what each further day adds at the last day's rate and balance."""

    amount: Money
    per_day: Money
    segments: tuple[Segment, ...]

    @property
    def exact(self) -> Fraction:
        return sum((segment.exact for segment in self.segments), Fraction(0))

    @property
    def days(self) -> int:
        """On how many days something was owed."""
        return sum(segment.days for segment in self.segments)


def interest(
    balances: Sequence[Balance], *, currency: str, from_on: date, to_on: date, terms: Terms, rates: RateTable,
    confirmed: frozenset[str] = frozenset(),
) -> Interest | NoRate:  # fmt: skip
    """The interest of the days `from_on` to `to_on`, both included; of no day where `to_on` is earlier.

    Returns NoRate, naming the first such day, where interest is owed for a day that has no usable rate. Days without a balance need none.
    """
    segments: list[Segment] = []
    start = from_on
    while start <= to_on:
        end = _last_of_segment(balances, start, to_on)
        if base := balance_on(balances, start):
            percent = _percent(terms, rates, start, confirmed)
            if isinstance(percent, NoRate):
                return percent
            segments.append(Segment(from_on=start, to_on=end, base=base, percent=percent, year_days=_year_days(start, terms.day_count)))
        start = end + ONE_DAY
    total = sum((segment.exact for segment in segments), Fraction(0))
    return Interest(amount=_money(total, currency), per_day=_money(_one_day_more(segments, to_on), currency), segments=tuple(segments))


def _last_of_segment(balances: Sequence[Balance], start: date, to_on: date) -> date:
    """The last day with the balance and the half-year of `start`."""
    next_change = min((one.since - ONE_DAY for one in balances if one.since > start), default=to_on)
    return min(to_on, half_year_end(start), next_change)


def _one_day_more(segments: Sequence[Segment], to_on: date) -> Fraction:
    """A further day like the last one; nothing where nothing is owed any more."""
    if not segments or segments[-1].to_on != to_on:
        return Fraction(0)
    return segments[-1].exact / segments[-1].days


def _percent(terms: Terms, rates: RateTable, day: date, confirmed: frozenset[str]) -> Decimal | NoRate:
    """The yearly rate of a day: what was agreed, else base plus margin, never below zero."""
    if terms.fixed is not None:
        return terms.fixed
    base = rates.percent_on(terms.country, day, confirmed)
    return base if isinstance(base, NoRate) else max(base + terms.margin, Decimal(0))


def _year_days(day: date, day_count: DayCount) -> int:
    if day_count == "actual/365":
        return 365
    return (date(day.year + 1, 1, 1) - date(day.year, 1, 1)).days


def _money(exact: Fraction, currency: str) -> Money:
    """Rounded from the fraction itself, so that no second rounding can move a half cent."""
    place = Money(Decimal(0), currency).rounded().amount
    return Money(_decimal(exact, place), currency)


def _decimal(exact: Fraction, place: Decimal) -> Decimal:
    """`exact` (never negative here) at the places of `place`, ROUND_HALF_UP."""
    exponent = int(place.as_tuple().exponent)
    return Decimal(int(exact * 10**-exponent + Fraction(1, 2))).scaleb(exponent)
