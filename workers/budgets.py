"""Budgets: counters of what a scope used up in a window, and which effect holds how much of them.

Owns tables `budget` and `reservation` and their queries. Units are whole: a count, or the minor units of one currency. What is
reserved with an effect's intent is given back in the transaction that ends it without being done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from receiver.db import BIGINT, insert_of, row_id, table_of


class BudgetRow(SQLModel, table=True):
    """What one scope used up in one window, which begins on `window_on`."""

    __tablename__ = "budget"
    __table_args__ = (sa.UniqueConstraint("scope", "window_on", name="budget_window"),)

    id: int | None = Field(default=None, sa_column=row_id())
    scope: str = Field(max_length=512)
    window_on: date
    used: int = Field(default=0, sa_column=sa.Column(BIGINT, nullable=False))


class ReservationRow(SQLModel, table=True):
    """What one effect holds of one budget."""

    __tablename__ = "reservation"

    effect_id: str = Field(primary_key=True, max_length=32)
    budget_id: int = Field(sa_column=sa.Column(BIGINT, primary_key=True, autoincrement=False))
    units: int = Field(sa_column=sa.Column(BIGINT, nullable=False))


@dataclass(frozen=True, slots=True)
class Taken:
    """What was reserved of one budget."""

    budget_id: int
    scope: str
    on: date
    units: int


_BUDGET, _RESERVATION = table_of(BudgetRow), table_of(ReservationRow)
_RESERVE = (
    sa.update(_BUDGET)
    .where(
        _BUDGET.c.scope == sa.bindparam("of_scope"),
        _BUDGET.c.window_on == sa.bindparam("on_day"),
        _BUDGET.c.used <= sa.bindparam("room", type_=BIGINT),
    )
    .values(used=_BUDGET.c.used + sa.bindparam("units", type_=BIGINT))
    .returning(_BUDGET.c.id)
)
_GIVE_BACK = sa.update(_BUDGET).where(_BUDGET.c.id == sa.bindparam("of_budget")).values(used=_BUDGET.c.used - sa.bindparam("units"))
_OF_EFFECT = _RESERVATION.c.effect_id == sa.bindparam("of_effect")
_RELEASE = sa.delete(_RESERVATION).where(_OF_EFFECT).returning(_RESERVATION.c.budget_id, _RESERVATION.c.units)
_NAMES: Any = sa.bindparam("of_budgets", expanding=True)
_NAMED = sa.select(_BUDGET.c.id, _BUDGET.c.scope, _BUDGET.c.window_on).where(_BUDGET.c.id.in_(_NAMES))


def reserve(connection: Connection, scope: str, on: date, limit: int, units: int = 1) -> Taken | None:
    """Take `units` from the scope's budget of the window that begins `on`, or None where so much is not left."""
    connection.execute(insert_of(connection, BudgetRow).values(scope=scope, window_on=on, used=0).on_conflict_do_nothing())
    named = {"of_scope": scope, "on_day": on, "room": limit - units, "units": units}
    id = connection.execute(_RESERVE, named).scalar_one_or_none()
    return None if id is None else Taken(id, scope, on, units)


def hold(connection: Connection, effect_id: str, taken: Sequence[Taken]) -> None:
    """Note what the effect holds, so that it is given back with it."""
    if taken:
        rows = [{"effect_id": effect_id, "budget_id": one.budget_id, "units": one.units} for one in taken]
        connection.execute(sa.insert(_RESERVATION), rows)


def give_back(connection: Connection, taken: Sequence[Taken]) -> None:
    """Return what `reserve` took, in the order in which everybody takes: by scope, then by window."""
    for one in sorted(taken, key=lambda one: (one.scope, one.on)):
        connection.execute(_GIVE_BACK, {"of_budget": one.budget_id, "units": one.units})


def release(connection: Connection, effect_id: str) -> None:
    """Return everything the effect holds: it ended without being done."""
    held = {row.budget_id: row.units for row in connection.execute(_RELEASE, {"of_effect": effect_id})}
    if held:
        named = connection.execute(_NAMED, {"of_budgets": list(held)})
        give_back(connection, [Taken(row.id, row.scope, row.window_on, held[row.id]) for row in named])


def used_between(connection: Connection, scope: str, first: date, last: date) -> dict[date, int]:
    """What the scope used in each window that began from `first` to `last` inclusive."""
    within = sa.and_(_BUDGET.c.scope == scope, _BUDGET.c.window_on.between(first, last))
    return {row.window_on: row.used for row in connection.execute(sa.select(_BUDGET.c.window_on, _BUDGET.c.used).where(within))}
