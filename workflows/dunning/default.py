"""When a debtor is in default: the earliest day that an allowed basis gives.

Pure. Which bases are allowed is a policy; what each needs is here. Deadlines that end on a day off move, also for the start of default
(BGH III ZR 159/06). None of this is legal advice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from workflows.dunning.calendar import WorkingDays, add_months
from workflows.dunning.debtor import Debtor
from workflows.dunning.notice import Notice, arrived_on, delivered

Basis = Literal["contract_date", "first_formal_notice", "thirty_days", "month_after_demand"]
ONE_DAY = timedelta(days=1)
THIRTY_DAYS = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """From `from_on` (included) the debtor is in default, because of `basis`."""

    basis: Basis
    from_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What is known about one invoice that could put its debtor in default.

    `received_on`:      when the invoice itself is assumed to have arrived (`arrived_on`); None where that is not known.
    `formal_level`:     the lowest level that is a formal notice (a Mahnung, or a demand that mentions interest).
    `thirty_day_note`:  the invoice tells a consumer of the thirty days.
    `interest_note`:    the invoice itself mentions interest.
    `date_was_agreed`:  this customer agreed to the due date; it allows `contract_date` whatever the policy says.
    """

    debtor: Debtor
    due_on: date
    received_on: date | None
    formal_level: int
    notices: Sequence[Notice] = ()
    thirty_day_note: bool = False
    interest_note: bool = False
    date_was_agreed: bool = False
    post_days: int = 3


def default_of(ground: Ground, bases: Sequence[Basis], days: WorkingDays) -> Default | None:
    """The earliest start that an allowed basis gives, the first named where two agree; None where none applies yet.

    The start may lie in the future: interest up to an earlier day is then zero.
    """
    allowed = [*bases, "contract_date"] if ground.date_was_agreed else list(bases)
    starts = {"contract_date": _contract_date, "first_formal_notice": _formal_notice, "thirty_days": _thirty_days,
              "month_after_demand": _month_after_demand}  # fmt: skip
    found = [Default(basis=basis, from_on=start) for basis in allowed if (start := starts[basis](ground, days)) is not None]
    return min(found, key=lambda one: one.from_on, default=None)


def _contract_date(ground: Ground, days: WorkingDays) -> date | None:
    """The day after the agreed date (BGB section 286 II 1; räntelagen section 3)."""
    return days.deadline(ground.due_on) + ONE_DAY


def _formal_notice(ground: Ground, days: WorkingDays) -> date | None:
    """The day after the first formal notice arrived (BGB section 286 I)."""
    received = _first_received(ground)
    return None if received is None else received + ONE_DAY


def _thirty_days(ground: Ground, days: WorkingDays) -> date | None:
    """The day after thirty days from the later of due date and receipt (BGB section 286 III); a consumer must have been told."""
    if ground.received_on is None or (ground.debtor == "consumer" and not ground.thirty_day_note):
        return None
    return days.deadline(max(ground.due_on, ground.received_on) + THIRTY_DAYS) + ONE_DAY


def _month_after_demand(ground: Ground, days: WorkingDays) -> date | None:
    """The day one month after a demand that mentions interest arrived (räntelagen section 4), or the next working day.

    The invoice counts where it mentions interest; else the first formal notice. Never before the due date has passed.
    """
    noted = ground.received_on if ground.interest_note else None
    received = noted or _first_received(ground)
    if received is None:
        return None
    return max(days.deadline(add_months(received, 1)), days.deadline(ground.due_on) + ONE_DAY)


def _first_received(ground: Ground) -> date | None:
    """When the first formal notice arrived that did arrive."""
    formal = (one for one in delivered(ground.notices) if one.level >= ground.formal_level)
    return min((arrived_on(one.sent_on, one.way, post_days=ground.post_days) for one in formal), default=None)
