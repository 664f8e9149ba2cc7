"""Days that count: working days of a place, deadlines that move to one, months, and the instants of a local day.

Pure: the holidays come from the library `holidays`, the zone from the account, the time from the caller. Legal clocks run on local dates,
instants are aware UTC.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

LOOK_AHEAD_DAYS = 60
# Sweden's lag (1930:173) section 2 puts Midsummer's, Christmas and New Year's Eve beside Sundays; the library calls them de facto.
CATEGORIES = {"SE": ("public", "de_facto")}
ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingDays:
    """Monday to Friday without the public holidays of a country and, where given, of its region.

    `closed`: days of the year on which the sender does not work either, as (month, day). They move what we send, never a deadline:
    the debtor's bank is open.
    """

    country: str
    region: str | None = None
    closed: tuple[tuple[int, int], ...] = ()

    def is_working(self, day: date) -> bool:
        """Whether a deadline may end on this day."""
        return day.weekday() < 5 and day not in _holidays(self.country, self.region, day.year)

    def is_open(self, day: date) -> bool:
        """Whether the sender works on this day."""
        return self.is_working(day) and (day.month, day.day) not in self.closed

    def deadline(self, day: date) -> date:
        """`day`, or the next working day where it is a Saturday, a Sunday or a holiday (BGB section 193; lag (1930:173) section 2)."""
        return next(found for found in _from(day) if self.is_working(found))

    def sending_day(self, day: date) -> date:
        """`day`, or the next day on which the sender works."""
        for found in _from(day):
            if self.is_open(found):
                return found
        raise ValueError(f"no working day within {LOOK_AHEAD_DAYS} days of {day}: shorten closed_days")

    def working_days_after(self, start: date, until: date) -> int:
        """How many working days lie after `start`, up to and including `until`; 0 where `until` is not later."""
        return sum(self.is_working(start + timedelta(days=n)) for n in range(1, (until - start).days + 1))


@dataclass(frozen=True, slots=True)
class Hours:
    """From `opens` (included) to `closes` (excluded) by the local clock of one day."""

    opens: time
    closes: time

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The two instants of one local day. Aware, UTC."""
        return instant(day, self.opens, zone), instant(day, self.closes, zone)


def parse_hours(text: str) -> Hours:
    """The hours in "09:00-17:00". Raises ValueError saying what to write instead."""
    opens, dash, closes = text.partition("-")
    try:
        hours = Hours(time.fromisoformat(opens), time.fromisoformat(closes))
    except ValueError:
        raise ValueError(f'hours are written "09:00-17:00", not "{text}"') from None
    if not dash or hours.opens.tzinfo or hours.closes.tzinfo or hours.opens >= hours.closes:
        raise ValueError(f'"{text}" would never open: write the earlier time first, as in "09:00-17:00"')
    return hours


def parse_day_of_year(text: str) -> tuple[int, int]:
    """(12, 24) for "12-24". Raises ValueError for a day that no year has."""
    try:
        day = date.fromisoformat(f"2024-{text}")
    except ValueError:
        raise ValueError(f'a day of the year is written "12-24" (month, day), not "{text}"') from None
    return day.month, day.day


def next_opening(hours: Hours, at: datetime, zone: ZoneInfo, days: WorkingDays) -> datetime:
    """The first instant at or after `at` inside the hours of a day on which the sender works. Aware, UTC."""
    day = days.sending_day(local_day(at, zone))
    opens, closes = hours.on(day, zone)
    if at < closes:
        return max(at.astimezone(UTC), opens)
    return hours.on(days.sending_day(day + ONE_DAY), zone)[0]


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The date of an aware instant where the account is."""
    return at.astimezone(zone).date()


def instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time: the first of two where the clocks go back, the end of the gap where they go forward. Aware, UTC."""
    naive = datetime.combine(day, wall)
    while (at := naive.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(tzinfo=None) != naive:
        naive = naive.replace(second=0, microsecond=0) + ONE_MINUTE
    return at


def add_months(day: date, months: int) -> date:
    """The same day `months` later; the last of the month where it has no such day (BGB section 188 III)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def check_place(country: str, region: str | None) -> None:
    """Raise ValueError naming what is known where the holidays of a place are not."""
    supported = holidays.list_supported_countries()
    if country not in supported:
        raise ValueError(f'no holidays are known for country "{country}": write its two letters, such as "DE" or "SE"')
    if region is not None and region not in supported[country]:
        raise ValueError(f'"{country}" has no region "{region}": one of {", ".join(supported[country]) or "none"}')


@lru_cache(maxsize=256)
def _holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year, categories=CATEGORIES.get(country, ("public",))))


def _from(day: date) -> list[date]:
    return [day + timedelta(days=n) for n in range(LOOK_AHEAD_DAYS)]
