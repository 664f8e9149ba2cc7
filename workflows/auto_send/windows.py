"""Sending windows: at which instants an e-mail or a letter may leave, in the local time of the account.

Pure. E-mail goes on any day, post on working days only; days and holidays are local dates, the arithmetic is UTC.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

_SHAPE = re.compile(r"^(\d{2}):(\d{2})-(\d{2}):(\d{2})$")
_DAY_MINUTES = 24 * 60
_DAYS_AHEAD = 60

IsOpenDay = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` (included) to `closes` (excluded), in minutes of the local day; 1440 is the end of the day."""

    opens: int
    closes: int

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The two instants of one local day; a time that the clocks skip is the instant right after the gap."""
        return _instant(day, self.opens, zone), _instant(day, self.closes, zone)


def parse_window(text: str) -> Window:
    """The window in "07:00-20:00"; "24:00" ends a day. Raises ValueError saying what to write instead."""
    shape = _SHAPE.match(text)
    if shape is None:
        raise ValueError(f'a window is written "07:00-20:00", not "{text}"')
    hours_1, minutes_1, hours_2, minutes_2 = (int(part) for part in shape.groups())
    opens, closes = hours_1 * 60 + minutes_1, hours_2 * 60 + minutes_2
    if minutes_1 > 59 or minutes_2 > 59 or opens >= _DAY_MINUTES or closes > _DAY_MINUTES:
        raise ValueError(f'"{text}" names a time that no day has; a whole day is "00:00-24:00"')
    if opens >= closes:
        raise ValueError(f'"{text}" would never open: a window begins and ends on the same day, the earlier time first')
    return Window(opens, closes)


def every_day(day: date) -> bool:
    """E-mail goes on any day."""
    return True


def working_days(country: str, region: str | None) -> IsOpenDay:
    """Monday to Friday without the public holidays of `country` and, where given, of its `region` too."""

    def is_working(day: date) -> bool:
        return day.weekday() < 5 and day not in _holidays(country, region, day.year)

    return is_working


def next_open(window: Window, at: datetime, zone: ZoneInfo, is_open_day: IsOpenDay = every_day) -> datetime:
    """The first instant at or after `at` in the window: `at` itself where it is open. Aware, UTC."""
    first = at.astimezone(zone).date()
    for day in (first + timedelta(days=n) for n in range(_DAYS_AHEAD)):
        opens, closes = window.on(day, zone)
        if is_open_day(day) and at < closes:
            return max(at.astimezone(UTC), opens)
    raise ValueError(f"no open day within {_DAYS_AHEAD} days")


def closing(window: Window, at: datetime, zone: ZoneInfo) -> datetime:
    """When the window that is open at `at` closes. Aware, UTC."""
    return window.on(at.astimezone(zone).date(), zone)[1]


def check_region(country: str, region: str | None) -> None:
    """Raise ValueError naming what is known where the holidays of a place are not."""
    supported = holidays.list_supported_countries()
    if country not in supported:
        raise ValueError(f'no holidays are known for country "{country}": write its two letters, such as "DE" or "SE"')
    if region is not None and region not in supported[country]:
        raise ValueError(f'"{country}" has no region "{region}": one of {", ".join(supported[country]) or "none"}')


@lru_cache(maxsize=256)
def _holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year))


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    days, rest = divmod(minutes, _DAY_MINUTES)
    return datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone).astimezone(UTC)
