"""Interest, flat sum and fees of one invoice: claims kept beside the ledger, never booked on the invoice.

Pure. A claim is unique per (invoice, level, kind) and keeps its nominal amount; what of all of them is due is reckoned here: interest of
the latest notice only, and flat sum or fees, whichever is more, never both (BGB section 288 V 3; lag (1981:739)).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from workers.authoring import Money
from workflows.dunning.debtor import Debtor
from workflows.dunning.default import Default
from workflows.dunning.ladder import Ladder

Kind = Literal["interest", "flat_sum", "fee", "plan_fee"]
State = Literal["open", "paid", "waived", "void"]
FEES: tuple[Kind, ...] = ("fee", "plan_fee")
FLAT_SUM: Kind = "flat_sum"
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim of one invoice, first stated by the notice of `level`. Interest is all that was owed by that notice.

    `given_up`: waived only because the principal was paid, by no person; it revives where that payment comes back.
    """

    level: int
    kind: Kind
    amount: Money
    state: State = "open"
    given_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What of the claims is to be paid now. `fee` is what the fees come to above the flat sum."""

    interest: Money
    flat_sum: Money
    fee: Money

    @property
    def total(self) -> Money:
        return self.interest + self.flat_sum + self.fee


def charges(
    ladder: Ladder, level: int, *, debtor: Debtor, currency: str, default: Default | None, sent_on: date, fee_agreed: bool,
    earlier: Sequence[Claim] = (),
) -> tuple[Claim, ...]:  # fmt: skip
    """The flat sum and the fee that the notice of `level` adds to the `earlier` claims; none in a currency that is not the ladder's.

    The flat sum: from a business in default, where the step states it, once per invoice whether it was paid or waived. The fee: the step's
    own, where it need not be agreed or was, and in Germany only from somebody who is in default already when the notice is sent. What a
    notice claimed that came back is void, and was never asked for.
    """
    earlier = [claim for claim in earlier if claim.state != "void"]
    if currency != ladder.currency:
        return ()
    step = ladder.steps[level]
    in_default = default is not None and default.from_on <= sent_on
    added: list[Claim] = []
    stated_before = any(claim.kind == "flat_sum" for claim in earlier)
    if step.states_flat_sum and debtor == "business" and in_default and not stated_before and ladder.flat_sum > 0:
        added.append(Claim(level=level, kind="flat_sum", amount=Money(ladder.flat_sum, currency)))
    owed = (fee_agreed or not step.fee_must_be_agreed) and (in_default or not ladder.fees_need_default)
    charged_before = any(claim.kind == "fee" and claim.level == level for claim in earlier)
    if owed and step.fee(debtor) > 0 and not charged_before:
        added.append(Claim(level=level, kind="fee", amount=Money(step.fee(debtor), currency)))
    return tuple(added)


def plan_fee(ladder: Ladder, level: int, *, currency: str, earlier: Sequence[Claim] = ()) -> tuple[Claim, ...]:
    """The fee for a payment plan, where the ladder has one: once per invoice, whatever became of it."""
    if ladder.plan_fee is None or ladder.plan_fee == 0 or currency != ladder.currency:
        return ()
    known = any(claim.kind == "plan_fee" for claim in earlier)
    return () if known else (Claim(level=level, kind="plan_fee", amount=Money(ladder.plan_fee, currency)),)


def due(claims: Iterable[Claim], currency: str) -> Due:
    """What is due of these claims, in `currency`.

    Interest: that of the highest level, less what was paid of it and less the most that was waived. Costs: the greater of flat sum and
    fees among what is open or paid, less what was paid.
    """
    live = tuple(claims)
    interest = _interest(live)
    flat_sum, fees = _sum(live, "flat_sum", "open", "paid"), sum((_sum(live, kind, "open", "paid") for kind in FEES), ZERO)
    left = max(flat_sum, fees) - sum((_sum(live, kind, "paid") for kind in (*FEES, FLAT_SUM)), ZERO)
    flat_left = min(_sum(live, "flat_sum", "open"), max(left, ZERO))
    return Due(interest=Money(interest, currency), flat_sum=Money(flat_left, currency), fee=Money(max(left - flat_left, ZERO), currency))


def when_settled(claims: Iterable[Claim], *, ask: bool) -> tuple[Claim, ...]:
    """The claims once the principal was paid without them: waived, or left open for a person to decide."""
    return tuple(claims) if ask else given_up(claims)


def given_up(claims: Iterable[Claim], *, level: int | None = None) -> tuple[Claim, ...]:
    """The claims with the open ones (of one level's notice, where given) waived because the principal was paid."""
    return tuple(
        replace(claim, state="waived", given_up=True) if claim.state == "open" and _is_of(claim, level) else claim for claim in claims
    )


def revived(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims once the payment came back, which is as if it had never been made: what was given up for it is open again.

    What a person settled stays, and what was void.
    """
    return tuple(replace(claim, state="open", given_up=False) if claim.given_up else claim for claim in claims)


def decided(claims: Iterable[Claim], state: State, *, kind: Kind | None = None) -> tuple[Claim, ...]:
    """The claims with the open ones (of one kind, where given) paid or waived, as a person says.

    Interest that is paid is that of the latest notice, which holds the interest of those before it: they are void.
    """
    known = tuple(claims)
    latest = max((one.level for one in known if one.kind == "interest" and one.state == "open"), default=None)

    def settled(claim: Claim) -> Claim:
        if kind not in (None, claim.kind):
            return claim
        if state == "paid" and claim.kind == "interest" and latest is not None and claim.level < latest:
            return replace(claim, state="void")
        return replace(claim, state=state) if claim.state == "open" else claim

    return tuple(settled(claim) for claim in known)


def in_state(claims: Iterable[Claim], state: State, *, level: int | None = None) -> tuple[Claim, ...]:
    """The claims with the open ones (of one level's notice, where given) in another state: void on cancellation, or for a bounce."""
    return tuple(replace(claim, state=state) if claim.state == "open" and _is_of(claim, level) else claim for claim in claims)


def _is_of(claim: Claim, level: int | None) -> bool:
    """Whether the notice of a level claimed it; a plan's fee is no notice's."""
    return level is None or (claim.level == level and claim.kind != "plan_fee")


def _interest(live: Sequence[Claim]) -> Decimal:
    stated = [claim for claim in live if claim.kind == "interest"]
    opened = [claim for claim in stated if claim.state == "open"]
    if not opened:
        return ZERO
    latest = max(opened, key=lambda claim: claim.level)
    waived = max((claim.amount.amount for claim in stated if claim.state == "waived"), default=ZERO)
    return max(latest.amount.amount - waived - _sum(stated, "interest", "paid"), ZERO)


def _sum(claims: Iterable[Claim], kind: Kind, *states: State) -> Decimal:
    return sum((claim.amount.amount for claim in claims if claim.kind == kind and claim.state in states), ZERO)
