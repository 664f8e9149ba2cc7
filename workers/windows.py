"""Windows of the local clock: at which instants something may leave, and the instants of a local day.

Pure, for authors (workers/authoring.py): zone and time come from the caller, days are local dates, instants are aware UTC. Which days are
open the caller says; working days of a place are in workers/workdays.py.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS_AHEAD = 60
MIDNIGHT = time(0)
ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)
_SHAPE = re.compile(r"^(\d{2}):(\d{2})-(\d{2}):(\d{2})$")
_DAY_MINUTES = 24 * 60

IsOpenDay = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` (included) to `closes` (excluded) by the local clock of one day; `closes` at midnight is the end of that day."""

    opens: time
    closes: time

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The two instants of one local day; the same instant twice where the clocks skip the whole window. Aware, UTC."""
        return instant(day, self.opens, zone), instant(day if self.closes != MIDNIGHT else day + ONE_DAY, self.closes, zone)


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
    return Window(time(hours_1, minutes_1), time(hours_2 % 24, minutes_2))


def every_day(day: date) -> bool:
    """True: any day is open, as for e-mail."""
    return True


def next_open(window: Window, at: datetime, zone: ZoneInfo, is_open_day: IsOpenDay = every_day) -> datetime:
    """The first instant at or after `at` in the window of an open day: `at` itself where it is open. Aware, UTC.

    Raises ValueError where no day is open for two months.
    """
    first = local_day(at, zone)
    for day in (first + timedelta(days=n) for n in range(DAYS_AHEAD)):
        opens, closes = window.on(day, zone)
        begins = max(at.astimezone(UTC), opens)
        if begins < closes and is_open_day(day):
            return begins
    raise ValueError(f"no open day within {DAYS_AHEAD} days of {first}: let more days be open")


def closing(window: Window, at: datetime, zone: ZoneInfo) -> datetime:
    """When the window that is open at `at` closes. Aware, UTC."""
    return window.on(local_day(at, zone), zone)[1]


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The date of an aware instant where the account is."""
    return at.astimezone(zone).date()


def instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time: the first of two where the clocks go back, the end of the gap where they go forward. Aware, UTC."""
    naive = datetime.combine(day, wall)
    while (at := naive.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(tzinfo=None) != naive:
        naive = naive.replace(second=0, microsecond=0) + ONE_MINUTE
    return at
