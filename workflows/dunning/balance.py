"""What bore interest when: the balance of one invoice over the days, from known credits or from what was observed.

Pure. A credited amount stops bearing interest on its credit day (EuGH C-306/06). A cancelled part was never owed and goes from day one.
Where only snapshots are known, the debtor has the benefit of the doubt, both when a balance falls and when it rises again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that came in, in the invoice's currency, on the day it was credited to the creditor's account."""

    on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read showed on a local date: the outstanding amount, and how much of the invoice was cancelled by then."""

    on: date
    outstanding: Decimal
    cancelled: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A part of an invoice that was cancelled on a local day. `sure` is False of a credit document, which does not say what it credits."""

    on: date
    amount: Decimal
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Balance:
    """From `since` (included) this amount is owed, until the next one; never below zero."""

    since: date
    amount: Decimal


def after_credits(owed: Decimal, credits: Iterable[Credit], *, since: date) -> tuple[Balance, ...]:
    """The balances of an invoice of which `owed` was due on `since`; what is paid too much stays zero.

    A negative credit is money that went back: the balance rises on its day.
    """
    steps = [Balance(since, owed)]
    left = owed
    for credit in sorted(credits, key=lambda one: one.on):
        left -= credit.amount
        steps.append(Balance(max(credit.on, since), left))
    return _one_a_day(steps)


def from_observations(seen: Sequence[Seen], *, since: date) -> tuple[Balance, ...]:
    """The balances that the observations, in their order, prove; the first one seen is taken for all days from `since` on.

    A fall counts from the last day that still showed the higher balance, a rise from the first that shows it. What was cancelled by the
    last observation is taken off all of them. No observation, no balance.
    """
    if not seen:
        return ()
    amounts = [(one.on, one.outstanding - (seen[-1].cancelled - one.cancelled)) for one in seen]
    steps = [Balance(since, amounts[0][1])]
    for (before_on, before), (now_on, now) in pairwise(amounts):
        if now != before:
            steps.append(Balance(max(before_on if now < before else now_on, since), now))
    return _one_a_day(steps)


def told_apart(seen: Sequence[Seen], parts: Iterable[Cancelled]) -> list[Seen]:
    """The observations with how much was cancelled by each: a part is the fall that holds it, the one nearest to its day.

    A part without such a fall was gone before the first look. A credit document explains a fall of its very amount around its day only.
    """
    falls = [max(before.outstanding - now.outstanding, ZERO) for before, now in pairwise(seen)]
    cancelled = [ZERO] * len(seen)
    for part in sorted(parts, key=lambda one: (not one.sure, one.on)):
        holds = [n for n, fall in enumerate(falls) if (fall >= part.amount if part.sure else _credits(part, fall, seen[n], seen[n + 1]))]
        if not holds:
            continue
        found = min(holds, key=lambda n: (seen[n + 1].on < part.on, abs((seen[n + 1].on - part.on).days)))
        falls[found] -= part.amount
        cancelled = [so_far + part.amount if n > found else so_far for n, so_far in enumerate(cancelled)]
    return [replace(one, cancelled=so_far) for one, so_far in zip(seen, cancelled, strict=True)]


def _credits(part: Cancelled, fall: Decimal, before: Seen, now: Seen) -> bool:
    return fall == part.amount and before.on <= part.on <= now.on


def balance_on(balances: Sequence[Balance], day: date) -> Decimal:
    """What was owed on a day; zero before the first balance."""
    return next((one.amount for one in reversed(balances) if one.since <= day), ZERO)


def reduced(balances: Iterable[Balance], by: Decimal) -> tuple[Balance, ...]:
    """The balances without an amount that is not asked for on any day: a cancelled or a disputed part."""
    return _one_a_day(Balance(one.since, one.amount - by) for one in balances)


def _one_a_day(steps: Iterable[Balance]) -> tuple[Balance, ...]:
    """The last balance of each day, in order, none below zero, and none that says what the one before it said."""
    last = {step.since: max(step.amount, ZERO) for step in steps}
    ordered = [Balance(day, last[day]) for day in sorted(last)]
    return tuple(ordered[:1]) + tuple(now for before, now in pairwise(ordered) if now.amount != before.amount)
