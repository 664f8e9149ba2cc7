"""How much a top-up is: the arithmetic, to the cent.

Pure. Amounts are Decimals in the policy's currency; what cannot be charged comes back with a reason code, never as another amount.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from workflows.credits.policy import CreditsPolicy

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MARKS = (80, 90, 100)
TRANSFER_SHORT = "transfer_short"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpAmount:
    """`amount` to charge, or zero with a `reason`. `wanted`: what would fill the gap. `remaining`: what the caps leave.

    `by_transfer`: it is paid with money that came in before; `reason` is then TRANSFER_SHORT where that is less than the amount planned.
    """

    amount: Decimal
    wanted: Decimal
    remaining: Decimal
    reason: str | None = None
    by_transfer: bool = False

    @property
    def clamped(self) -> bool:
        """Less is charged than wanted; the rest waits for the cooldown."""
        return ZERO < self.amount < self.wanted


def cents(amount: Decimal) -> Decimal:
    """Rounded once, half up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def is_low(policy: CreditsPolicy, balance: Decimal) -> bool:
    """Strictly below the threshold: a balance that equals it is fine."""
    return balance < policy.threshold


def wanted(policy: CreditsPolicy, balance: Decimal, open_amount: Decimal = ZERO) -> Decimal:
    """What fills the gap, before any limit: up to the target, or whole increments until the threshold is reached."""
    have = balance + open_amount
    if policy.method == "fixed":
        return _up(max(policy.threshold - have, CENT), policy.fixed_amount)
    gap = max(cents(policy.target - have), ZERO)
    return gap if policy.round_up_to is None else _up(gap, policy.round_up_to)


def top_up(
    policy: CreditsPolicy, balance: Decimal, *, used_day: Decimal = ZERO, used_month: Decimal = ZERO, open_amount: Decimal = ZERO
) -> TopUpAmount:
    """What to charge now. `used_*`: what the caps have used up, done, open and unknown together."""
    want = max(wanted(policy, balance, open_amount), policy.min_single)
    single = _down(want, policy.max_single, policy)
    left = {"cap_month": max(policy.cap_month - used_month, ZERO), "cap_day": max(policy.cap_day - used_day, ZERO)}
    full, room = min(left.items(), key=lambda item: item[1])
    if single <= room:
        return TopUpAmount(amount=single, wanted=want, remaining=room)
    partial = _down(single, room, policy)
    if policy.cap_behavior == "partial" and partial >= policy.min_single:
        return TopUpAmount(amount=partial, wanted=want, remaining=room, reason=full)
    return TopUpAmount(amount=ZERO, wanted=want, remaining=room, reason=full)


def out_of(plan: TopUpAmount, received: Decimal, policy: CreditsPolicy) -> TopUpAmount:
    """The plan, paid with what was received: all of it, or, TRANSFER_SHORT, as much as that covers; zero below `min_single`."""
    if received >= plan.amount:
        return replace(plan, by_transfer=True)
    less = _down(plan.amount, received, policy)
    return replace(plan, amount=less if less >= policy.min_single else ZERO, reason=TRANSFER_SHORT, by_transfer=True)


def mark_passed(before: Decimal, after: Decimal, cap: Decimal) -> int | None:
    """The highest of 80, 90 and 100 percent of a cap that was not reached before and is now, or None."""
    return max((mark for mark in MARKS if before * 100 < cap * mark <= after * 100), default=None)


def _down(amount: Decimal, limit: Decimal, policy: CreditsPolicy) -> Decimal:
    """At most `limit`; of the method "fixed", whole increments only."""
    if amount <= limit or policy.method == "target":
        return min(amount, limit)
    return (limit / policy.fixed_amount).to_integral_value(ROUND_FLOOR) * policy.fixed_amount


def _up(amount: Decimal, step: Decimal) -> Decimal:
    return (amount / step).to_integral_value(ROUND_CEILING) * step
