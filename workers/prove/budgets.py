"""Budgets: what a window counts as used is what its effects hold, and no effect that came to nothing holds any."""

import sqlalchemy as sa

from receiver.db import Database, table_of
from workers.budgets import BudgetRow, ReservationRow
from workers.ledger import EffectRow
from workers.prove.pages import snapshot
from workers.prove.report import LEDGER, Report

FREED = ("cancelled", "rejected", "expired")
_BUDGET, _RESERVATION, _EFFECT = table_of(BudgetRow), table_of(ReservationRow), table_of(EffectRow)
_HELD = sa.select(_RESERVATION.c.budget_id, sa.func.sum(_RESERVATION.c.units).label("units")).group_by(_RESERVATION.c.budget_id).subquery()
_SUM = sa.func.coalesce(_HELD.c.units, 0)
_UNEVEN = (
    sa.select(_BUDGET.c.scope, _BUDGET.c.window_on, _BUDGET.c.used, _SUM.label("held"))
    .select_from(_BUDGET.outerjoin(_HELD, _HELD.c.budget_id == _BUDGET.c.id))
    .where(_BUDGET.c.used != _SUM)
)
_FREED = (
    sa.select(_RESERVATION.c.effect_id, _EFFECT.c.state)
    .select_from(_RESERVATION.outerjoin(_EFFECT, _EFFECT.c.id == _RESERVATION.c.effect_id))
    .where(sa.or_(_EFFECT.c.id.is_(None), _EFFECT.c.state.in_(FREED)))
)


def check(database: Database, report: Report) -> None:
    """Look at every window and every reservation."""
    with snapshot(database) as connection:
        report.counted("budgets", connection.execute(sa.select(sa.func.count()).select_from(_BUDGET)).scalar_one())
        for row in connection.execute(_UNEVEN):
            report.add(LEDGER, f"budget:{row.scope}/{row.window_on}", f"it counts {row.used} as used, its effects hold {row.held}")
        for effect_id, state in connection.execute(_FREED).all():
            what = f"it is {state}, but holds a part of a budget" if state else "it holds a part of a budget, but there is no such effect"
            report.add(LEDGER, f"effect:{effect_id}", what)
