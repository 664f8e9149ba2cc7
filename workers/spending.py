"""Spending: what an effect takes from its budgets, all of it or nothing, in the transaction of its intent.

Used by workers/effects.py. What the author's functions give is read and checked before the transaction; a full budget makes the run
wait for the next window, or ends the effect with a reason.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy.engine import Connection

from receiver.money import Money
from workers import budgets, desk, volume
from workers.budgets import Taken
from workers.deed import Deed
from workers.errors import StepInvalid
from workers.terms import DAILY_CAP, Budget, Window

SCOPE_MAX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an effect takes of one budget, in whole units. `scope` is the counter's name, `shown` the limit for people."""

    budget: Budget
    scope: str
    units: int
    limit: int
    shown: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A budget has not so much left: the next window begins at `until`, or the effect ends with `reason` where that is None."""

    reason: str
    until: datetime | None


def wanted(deed: Deed, request: BaseModel, purpose: str) -> list[Wanted]:
    """What the effect takes, in the order in which it is reserved. Raises StepInvalid naming the budget, the step and the file."""
    if not deed.effect.budgets:
        return []
    policy = deed.policy()
    found = [_wanted(deed, request, purpose, budget, budget.limit(policy)) for budget in deed.effect.budgets]
    return sorted(found, key=lambda one: one.scope)


def _wanted(deed: Deed, request: BaseModel, purpose: str, budget: Budget, limit: object) -> Wanted:
    if isinstance(limit, Money):
        amount = _amount(deed, request, budget, limit.currency)
        units, most, unit = _spent(deed, budget, amount), _units(deed, budget, limit), limit.currency
    elif isinstance(limit, int) and not isinstance(limit, bool):
        units, most, unit = 1, limit, "count"
    else:
        raise _invalid(deed, budget, "limit= gives neither an int nor Money: return one of them")
    if most < 0:
        raise _invalid(deed, budget, "its limit is below zero: return 0 to allow nothing")
    scope = purpose if budget.name == DAILY_CAP else _scope(deed, budget)
    key = counter(deed.source, deed.workflow.name, budget, unit, scope)
    return Wanted(budget=budget, scope=key, units=units, limit=most, shown=str(limit))


def counter(source: str, workflow: str, budget: Budget, unit: str, scope: str = "") -> str:
    """The name of the counter; `unit` is a currency, or "count"."""
    return f"{source}/{workflow}/{budget.name}/{budget.window}/{unit}/{scope}"


def _amount(deed: Deed, request: BaseModel, budget: Budget, currency: str) -> Money:
    amount = getattr(request, "amount", None) if budget.amount is None else budget.amount(deed.obj, request)
    if not isinstance(amount, Money):
        way = "give amount= that returns it" if budget.amount is None else "return it from amount="
        raise _invalid(deed, budget, f"its limit is Money and the request has no amount with a currency: {way}")
    if amount.currency != currency:
        raise _invalid(deed, budget, f"its limit is in {currency} and the amount in {amount.currency}: use one currency")
    return amount


def _units(deed: Deed, budget: Budget, money: Money) -> int:
    try:
        return money.minor_units()
    except ValueError as cause:
        raise _invalid(deed, budget, f"an amount has more decimal places than {money.currency}: round it first") from cause


def _spent(deed: Deed, budget: Budget, amount: Money) -> int:
    units = _units(deed, budget, amount)
    if units < 0:
        raise _invalid(deed, budget, "the amount is below zero: only what is spent is counted")
    return units


def _scope(deed: Deed, budget: Budget) -> str:
    if budget.scope is None:
        return ""
    deed.fits(budget.scope, f'scope= of budget "{budget.name}"', deed.obj, **deed.kwargs)
    scope: Any = budget.scope(deed.obj, **deed.kwargs)
    if not isinstance(scope, str) or not 0 < len(scope) <= SCOPE_MAX:
        raise _invalid(deed, budget, f"scope= gives no text of 1 to {SCOPE_MAX} letters")
    return scope


def _invalid(deed: Deed, budget: Budget, what: str) -> StepInvalid:
    named = f'effect "{deed.step}" ({deed.effect.service.name})'
    return StepInvalid(f'The budget "{budget.name}" of {named} cannot be counted: {what}', file=deed.workflow.file)


def take(connection: Connection, deed: Deed, wanted: list[Wanted]) -> list[Taken] | Refused:
    """Reserve everything that is wanted; where one budget has not so much left, nothing, and people are told."""
    taken: list[Taken] = []
    today = deed.today(connection)
    for one in wanted:
        part = budgets.reserve(connection, one.scope, opens_on(one.budget.window, today), one.limit, one.units)
        if part is None:
            budgets.give_back(connection, taken)
            return _refused(connection, deed, one, today)
        taken.append(part)
    _stop_spike(connection, deed, wanted, today)
    return taken


def _refused(connection: Connection, deed: Deed, one: Wanted, today: date) -> Refused:
    budget, subject = one.budget, f"{deed.source}/{deed.workflow.name}"
    if one.units > one.limit:  # it would wait for ever
        _tell(connection, deed, f"{subject}/{budget.name}", "over_budget", one)
        return Refused(f"over_budget:{budget.name}", None)
    if budget.full == "cancel":
        return Refused(f"budget_full:{budget.name}", None)
    if budget.name == DAILY_CAP:
        _tell(connection, deed, subject, DAILY_CAP, one)
    else:
        _tell(connection, deed, f"{subject}/{budget.name}", "budget_full", one)
    next_on = following(budget.window, opens_on(budget.window, today))
    return Refused("budget_full", datetime.combine(next_on, datetime.min.time(), deed.runtime.zone_of(deed.source)))


def _tell(connection: Connection, deed: Deed, subject: str, reason: str, one: Wanted) -> None:
    detail = {"limit": one.shown, "window": one.budget.window, "run": deed.claim.run_id}
    desk.alert(connection, source=deed.source, subject=subject, reason=reason, at=deed.now(connection), detail=detail)


def _stop_spike(connection: Connection, deed: Deed, wanted: list[Wanted], today: date) -> None:
    """Pause the workflow where today is far beyond the usual; the effect is then held with all others."""
    if deed.effect.spike_floor is None:
        return
    floor = deed.effect.spike_floor(deed.policy())
    for scope in (one.scope for one in wanted if one.budget.name == DAILY_CAP):
        found = volume.spike(connection, scope, today, floor=floor)
        if found is not None:
            volume.stop(connection, deed.source, deed.workflow.name, scope, found, today=today, at=deed.now(connection))


def opens_on(window: Window, day: date) -> date:
    """The first day of the window that `day` is in."""
    if window == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if window == "month" else day


def following(window: Window, first: date) -> date:
    """The first day of the next window."""
    if window == "month":
        return opens_on("month", first + timedelta(days=31))
    return first + timedelta(days=7 if window == "week" else 1)
