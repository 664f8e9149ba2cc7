"""What one notice says of one invoice: principal, interest, flat sum, fee, total, and every line behind them.

Pure. The figures of a message are sums of its invoices' rounded figures; nothing is rounded twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from workers.authoring import Money
from workflows.dunning.balance import Balance
from workflows.dunning.calendar import WorkingDays
from workflows.dunning.claims import Claim, charges, due
from workflows.dunning.default import Default, Ground, default_of
from workflows.dunning.interest import DayCount, Interest, Segment, Terms, interest
from workflows.dunning.ladder import Ladder
from workflows.dunning.planning import deadline_of
from workflows.dunning.policy import DunningPolicy
from workflows.dunning.rates import NoRate, RateTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """One invoice as it stands when a notice is built.

    `principal`: what is demanded of the invoice itself, from the fresh read. `balances`: what bore interest when.
    `claims`: those of earlier notices. `agreed_percent`: a rate a year that this customer agreed to, in place of the reckoning's; NoRate
    where it cannot be read.
    """

    principal: Money
    balances: Sequence[Balance]
    ground: Ground
    claims: Sequence[Claim] = ()
    fee_agreed: bool = False
    agreed_percent: Decimal | NoRate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """By which ladder, days and rates a statement is made; `reckoning_in` makes it of a policy.

    `confirmed`: the keys of the rate rows a person confirmed. `agreed_percent`: a rate a year in place of base rate and margin.
    """

    ladder: Ladder
    days: WorkingDays
    rates: RateTable
    confirmed: frozenset[str] = frozenset()
    day_count: DayCount = "actual/actual"
    agreed_percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The figures of one invoice in one notice.

    `interest` is None where the step states none, or where a rate is missing: then `no_rate` says which. `new_claims` are what the notice
    adds beside the ledger once it is done.
    """

    level: int
    name: str
    principal: Money
    interest: Money | None
    per_day: Money | None
    flat_sum: Money
    fee: Money
    total: Money
    deadline_on: date
    default: Default | None
    segments: tuple[Segment, ...] = ()
    no_rate: NoRate | None = None
    new_claims: tuple[Claim, ...] = ()


def reckoning_in(zone: str, policy: DunningPolicy, rates: RateTable, confirmed: frozenset[str]) -> Reckoning:
    """How a policy reckons for an account in this zone. Raises ValueError where the zone names no ladder."""
    return Reckoning(
        ladder=policy.ladder_in(zone), days=policy.days_in(zone), rates=rates, confirmed=confirmed, day_count=policy.day_count,
        agreed_percent=policy.agreed_rate,
    )  # fmt: skip


def statement(debt: Debt, level: int, *, sent_on: date, by: Reckoning) -> Statement:
    """The notice of `level` for one invoice, as sent on `sent_on`. A step that states no interest still carries what was claimed before."""
    currency, step = debt.principal.currency, by.ladder.steps[level]
    default = default_of(debt.ground, by.ladder.default_basis, by.days)
    found = _interest(debt, default, sent_on, by) if step.states_interest else None
    added = charges(
        by.ladder, level, debtor=debt.ground.debtor, currency=currency, default=default, sent_on=sent_on, fee_agreed=debt.fee_agreed,
        earlier=debt.claims,
    )  # fmt: skip
    if isinstance(found, Interest) and found.amount.amount > 0:
        added = (Claim(level=level, kind="interest", amount=found.amount), *added)
    owed = due([*debt.claims, *added], currency)
    stated = owed.interest if isinstance(found, Interest) else None
    return Statement(
        level=level, name=step.name, principal=debt.principal, interest=stated,
        per_day=found.per_day if isinstance(found, Interest) else None, flat_sum=owed.flat_sum, fee=owed.fee,
        total=debt.principal + owed.flat_sum + owed.fee + (stated or Money(Decimal(0), currency)),
        deadline_on=deadline_of(by.ladder, level, sent_on=sent_on, days=by.days), default=default,
        segments=found.segments if isinstance(found, Interest) else (), no_rate=found if isinstance(found, NoRate) else None,
        new_claims=added,
    )  # fmt: skip


def _interest(debt: Debt, default: Default | None, sent_on: date, by: Reckoning) -> Interest | NoRate:
    """The interest up to the day of the notice; zero of somebody who is not in default."""
    fixed = by.agreed_percent if debt.agreed_percent is None else debt.agreed_percent
    terms = Terms(country=by.ladder.country, margin=by.ladder.margin(debt.ground.debtor), fixed=fixed, day_count=by.day_count)
    balances = debt.balances if default else ()
    from_on = default.from_on if default else sent_on
    return interest(
        balances, currency=debt.principal.currency, from_on=from_on, to_on=sent_on, terms=terms, rates=by.rates, confirmed=by.confirmed
    )


def message_total(statements: Sequence[Statement]) -> Money:
    """The sum of one message. Raises ValueError where two currencies meet, for they go into separate messages."""
    first, *others = statements
    return sum((one.total for one in others), start=first.total)
