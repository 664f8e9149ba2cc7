"""A notice that went out: its level, its day, its way, its deadline, and when the debtor had it.

Pure. A notice that came back has no level and starts nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Way = Literal["email", "post", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice of one invoice. `way` is "other" where a person handed it over; `delivered` is False once it bounced."""

    level: int
    sent_on: date
    deadline_on: date
    way: Way = "email"
    delivered: bool = True


def arrived_on(sent_on: date, way: Way, *, post_days: int) -> date:
    """When an invoice or a notice is assumed to be there: an e-mail on the day it was sent, a letter `post_days` later."""
    return sent_on + timedelta(days=post_days if way == "post" else 0)


def delivered(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Those that reached the debtor, in the order of their levels and days."""
    return tuple(sorted((one for one in notices if one.delivered), key=lambda one: (one.sent_on, one.level)))


def last_delivered(notices: Sequence[Notice]) -> Notice | None:
    """The notice whose level and deadline count, or None before the first."""
    reached = delivered(notices)
    return max(reached, key=lambda one: (one.level, one.sent_on)) if reached else None
