"""Payments around a notice: before it, on its way, after it, in part, and back again.

Pure. It says what a payment means for a notice and its deadline; the claims' states are claims.py's, the next step planning.py's.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from workflows.dunning.calendar import WorkingDays
from workflows.dunning.notice import Notice

Crossing = Literal["before", "crossed", "after"]
EXTEND_FROM_SHARE = Decimal("0.50")
EXTEND_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The call that sent a notice: when it was begun and when its outcome was settled. Aware, UTC; `sent_on` the local day."""

    sent_on: date
    calling_at: datetime
    settled_at: datetime


def crossing(call: Call, *, seen_paid_at: datetime, credited_on: date | None = None) -> Crossing:
    """How a full payment stands to a notice that was called for.

    "before":  it was seen before the call began: the call should not have been made.
    "crossed": it was seen while the call was in flight, or the money was there on a day before the notice's: its claims are waived.
    "after":   anything later; a payment on the notice's own day answers the notice.
    """
    if seen_paid_at < call.calling_at:
        return "before"
    if seen_paid_at <= call.settled_at or (credited_on is not None and credited_on < call.sent_on):
        return "crossed"
    return "after"


def after_part_payment(
    notice: Notice, *, demanded: Decimal, paid: Decimal, days: WorkingDays, share: Decimal = EXTEND_FROM_SHARE,
    extend_days: int = EXTEND_DAYS,
) -> Notice:  # fmt: skip
    """The notice with the deadline that counts after `paid` of the `demanded` principal came in since it was sent.

    Its own one, or `extend_days` more, moved to a working day, where the share was reached. Call it on the notice as it was sent: two
    payments that together reach the share extend once.
    """
    if demanded <= 0 or Fraction(paid) / Fraction(demanded) < Fraction(share):
        return notice
    return replace(notice, deadline_on=days.deadline(notice.deadline_on + timedelta(days=extend_days)))


def came_back(before: Decimal, now: Decimal, *, tolerance: Decimal) -> bool:
    """Whether a balance that had been settled (up to the tolerance) is owed again: a payment was returned and the ladder goes on."""
    return before <= tolerance < now
