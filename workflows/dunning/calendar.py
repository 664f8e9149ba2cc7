"""Days that count: working days of the ladder's place, deadlines that move to one, days on which the sender works, and months.

Pure. Legal clocks run on local dates; windows and instants are those of workers/windows.py.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta

from workers.authoring import Window, is_workday

LOOK_AHEAD_DAYS, LEAP_DAYS = 60, 366
# Sweden's lag (1930:173) section 2 puts Midsummer's, Christmas and New Year's Eve beside Sundays; the library calls them de facto.
DAYS_OFF = {"SE": ("public", "de_facto")}


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
        return is_workday(day, self.country, self.region, DAYS_OFF.get(self.country, ("public",)))

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


def parse_hours(text: str) -> Window:
    """The hours in "09:00-17:00". Raises ValueError saying what to write instead."""
    opens, dash, closes = text.partition("-")
    try:
        hours = Window(time.fromisoformat(opens), time.fromisoformat(closes))
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


def longest_closed(closed: Iterable[tuple[int, int]]) -> int:
    """How many of these days of the year follow on each other, over New Year too; a year's all where every day is closed."""
    shut, longest, run = set(closed), 0, 0
    for n in range(2 * LEAP_DAYS):
        day = date(2024, 1, 1) + timedelta(days=n % LEAP_DAYS)
        run = run + 1 if (day.month, day.day) in shut else 0
        longest = max(longest, run)
    return min(longest, LEAP_DAYS)


def add_months(day: date, months: int) -> date:
    """The same day `months` later; the last of the month where it has no such day (BGB section 188 III)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _from(day: date) -> list[date]:
    return [day + timedelta(days=n) for n in range(LOOK_AHEAD_DAYS)]
