"""What one person decided about alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from receiver.db import Database
from workers.console import alone

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def add(store: Database, amount: str, *, at: datetime = AT, who: str = "anna") -> None:
    store.write(lambda c: alone.add(c, who, {"EUR": Decimal(amount)}, at=at))


def lately(store: Database, *, at: datetime = AT, who: str = "anna") -> dict[str, Decimal]:
    with store.read() as connection:
        return alone.lately(connection, who, at=at)


def test_what_is_decided_in_one_hour_and_in_several_is_one_sum(store: Database) -> None:
    add(store, "10.50")
    add(store, "0.50")
    add(store, "5", at=AT + timedelta(hours=3))

    assert lately(store, at=AT + timedelta(hours=3)) == {"EUR": Decimal("16.00")}


def test_it_is_forgotten_after_a_day_and_is_nobody_elses(store: Database) -> None:
    add(store, "10")

    assert lately(store, at=AT + timedelta(hours=24)) == {"EUR": Decimal(10)}
    assert lately(store, at=AT + timedelta(hours=25)) == {}
    assert lately(store, who="ben") == {}
