"""The spike stop: a workflow that suddenly does far more than usual stops and asks a person.

Compares the day's use of a budget with the fourteen days before it. Used by workers/spending.py in the transaction that reserves; an
operator's resume holds for the rest of that day.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Connection

from workers import budgets, control, desk

HISTORY_DAYS = 14
FACTOR = 3
LOOK_BACK = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Spike:
    """What was used today, and in the fourteen days before together."""

    today: int
    before: int


def spike(connection: Connection, scope: str, today: date, *, floor: int) -> Spike | None:
    """More than three times the daily average of the last fourteen days, once there are fourteen days of history and `floor` is passed."""
    used = budgets.used_between(connection, scope, today - LOOK_BACK, today)
    if not used or min(used) > today - timedelta(days=HISTORY_DAYS):
        return None
    before = sum(count for day, count in used.items() if today - timedelta(days=HISTORY_DAYS) <= day < today)
    now = used.get(today, 0)
    return Spike(now, before) if now > floor and now * HISTORY_DAYS > FACTOR * before else None


def stop(connection: Connection, source: str, workflow: str, scope: str, found: Spike, *, today: date, at: datetime) -> None:
    """Pause the workflow on the source and raise an alert, once a day."""
    marker = f"spike:{scope}"
    if control.get(connection, marker) == today.isoformat():
        return
    control.put(connection, marker, today.isoformat(), at=at)
    control.put(connection, f"pause:{source}:{workflow}", {"reason": control.SPIKE_STOP}, at=at)
    detail = {"today": found.today, "days_before": HISTORY_DAYS, "used_before": found.before}
    desk.alert(connection, source=source, subject=f"{source}/{workflow}", reason=control.SPIKE_STOP, at=at, detail=detail)
