"""Schedules: which instants a workflow's `Every` or `Daily` comes due.

Pure functions. The sweeper asks for the latest due instant per source and workflow and puts it into the inbox; earlier missed
ones are folded into it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from workers.errors import WorkflowInvalid

QUIET_LONGEST = timedelta(days=7)
_SPAN = re.compile(r"^(\d+)(s|m|h|d)$")
_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span_of(text: str) -> timedelta:
    """A whole span such as "30s", "15m", "2h" or "1d". Raises ValueError for anything else."""
    found = _SPAN.match(text)
    if found is None or int(found[1]) == 0:
        raise ValueError(f'a whole span such as "15m", "2h" or "1d", not {text!r}')
    return timedelta(seconds=int(found[1]) * _UNIT[found[2]])


def quiet_before(name: str, debounce: object, file: str) -> timedelta | None:
    """How long it must be quiet before a run begins. Raises WorkflowInvalid."""
    if debounce is None:
        return None
    try:
        quiet = span_of(debounce if isinstance(debounce, str) else "")
    except (ValueError, OverflowError):
        quiet = QUIET_LONGEST * 2
    if quiet > QUIET_LONGEST:
        raise WorkflowInvalid(f'Workflow "{name}": debounce= takes a whole span such as "30s", "15m" or "2h", at most "7d"', file=file)
    return quiet


@dataclass(frozen=True)
class Every:
    """At whole multiples of a span counted from the epoch, such as "15m"."""

    span: str

    def __post_init__(self) -> None:
        try:
            span_of(self.span)
        except ValueError as cause:
            raise ValueError(f"Every takes {cause}") from cause

    def __str__(self) -> str:
        return self.span

    @property
    def seconds(self) -> int:
        return int(span_of(self.span).total_seconds())

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The last instant that came due at or before `now`."""
        return datetime.fromtimestamp(int(now.timestamp()) // self.seconds * self.seconds, UTC)

    def following(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The first instant that comes due after `instant`."""
        return self.latest(instant, zone) + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Daily:
    """Once a day at a local time of the source's zone, such as "09:00"; in a skipped hour, right after it."""

    at: str

    def __post_init__(self) -> None:
        try:
            time.fromisoformat(self.at)
        except ValueError as cause:
            raise ValueError(f'Daily takes a local time such as "09:00", not {self.at!r}') from cause

    def __str__(self) -> str:
        return self.at

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The last instant that came due at or before `now`."""
        day = now.astimezone(zone).date()
        while (due := self._on(day, zone)) > now:
            day -= timedelta(days=1)
        return due

    def following(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The first instant that comes due after `instant`."""
        day = instant.astimezone(zone).date()
        while (due := self._on(day, zone)) <= instant:
            day += timedelta(days=1)
        return due

    def _on(self, day: date, zone: ZoneInfo) -> datetime:
        return datetime.combine(day, time.fromisoformat(self.at), zone).astimezone(UTC)
