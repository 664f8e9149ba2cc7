"""What one person decided about alone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

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


def test_two_that_count_somebodys_first_at_once_wait_for_each_other(postgres_url: str, postgres_database: Database) -> None:
    engine = sa.create_engine(postgres_url)

    with engine.begin() as first, engine.begin() as second:
        alone.await_turn(first, "anna", at=AT)
        second.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            alone.await_turn(second, "anna", at=AT)
        second.rollback()
    engine.dispose()


def test_to_wait_for_ones_turn_forgets_nothing(store: Database) -> None:
    add(store, "10")

    store.write(lambda c: alone.await_turn(c, "anna", at=AT))

    assert lately(store) == {"EUR": Decimal(10)}
