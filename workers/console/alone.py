"""What one person decided about alone, by currency, within the last 24 hours: many small approvals are then seen as the sum they are.

Called by workers/console/second.py. Kept in `control`, one row a person, in sums by the hour: it stays small however much is decided.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.engine import Connection

from workers import control

A_DAY = timedelta(hours=24)


def lately(connection: Connection, who: str, *, at: datetime) -> dict[str, Decimal]:
    """The sums by currency since the hour that was 24 hours ago."""
    sums: dict[str, Decimal] = {}
    for money in _hours(connection, who, at).values():
        for currency, amount in money.items():
            sums[currency] = sums.get(currency, Decimal()) + Decimal(amount)
    return sums


def add(connection: Connection, who: str, money: Mapping[str, Decimal], *, at: datetime) -> None:
    """Count what this person decides alone now. The caller has waited for its turn (`await_turn`)."""
    hours, hour = _hours(connection, who, at), at.replace(minute=0, second=0, microsecond=0).isoformat()
    now = {currency: Decimal(amount) for currency, amount in hours.get(hour, {}).items()}
    hours[hour] = {currency: str(now.get(currency, Decimal()) + money.get(currency, Decimal())) for currency in {*now, *money}}
    control.put(connection, _named(who), hours, at=at, actor=who)


def await_turn(connection: Connection, who: str, *, at: datetime) -> None:
    """Wait for a transaction that counts for the same person. Of somebody's first one there is no row to wait for yet: it is made."""
    control.put_first(connection, _named(who), {}, at=at, actor=who)
    control.await_turn(connection, _named(who))


def _hours(connection: Connection, who: str, at: datetime) -> dict[str, dict[str, str]]:
    """The hours that are not over for 24 hours yet."""
    kept: dict[str, dict[str, str]] = control.get(connection, _named(who)) or {}
    return {hour: money for hour, money in kept.items() if datetime.fromisoformat(hour) + timedelta(hours=1) > at - A_DAY}


def _named(who: str) -> str:
    return f"alone:{who}"
