"""Budgets: counted in whole units, conditional, and given back with the effect that held them."""

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database
from tests.flow.test_races import at_once
from tests.workers.test_ledger import made, moved
from workers import budgets
from workers.budgets import Taken

SCOPE, TODAY = "shop/w/top-ups/day/EUR/501", date(2026, 11, 20)


def reserve(database: Database, limit: int, units: int = 1, scope: str = SCOPE, on: date = TODAY) -> Taken | None:
    return database.write(lambda c: budgets.reserve(c, scope, on, limit, units))


def used(database: Database) -> int:
    with database.read() as connection:
        return budgets.used_between(connection, SCOPE, TODAY, TODAY).get(TODAY, 0)


def test_a_budget_takes_what_fits_and_nothing_more(database: Database) -> None:
    taken = [reserve(database, 1000, units) for units in (600, 401, 400, 1)]

    assert [one.units if one else None for one in taken] == [600, None, 400, None]
    assert used(database) == 1000


def test_scopes_and_windows_share_nothing(database: Database) -> None:
    others = {"scope": SCOPE + "2"}, {"on": date(2026, 11, 21)}
    reserve(database, 1)

    assert [reserve(database, 1, **other) is not None for other in others] == [True, True]  # type: ignore[arg-type]


@pytest.mark.parametrize(("after", "left"), [("cancelled", 3), ("expired", 3), ("done", 8), ("unknown", 8), ("rejected", 3)])
def test_only_what_ends_without_being_done_gives_back_what_it_held(database: Database, after: str, left: int) -> None:
    reserve(database, 10, 3)
    taken, effect_id = reserve(database, 10, 5), made(database)
    assert taken is not None
    database.write(lambda c: budgets.hold(c, effect_id, [taken]))
    if after in ("done", "unknown", "rejected"):
        moved(database, effect_id, "calling")

    moved(database, effect_id, after)

    assert used(database) == left


def test_what_was_given_back_is_not_given_back_twice(database: Database) -> None:
    taken, effect_id = reserve(database, 10, 5), made(database)
    assert taken is not None
    database.write(lambda c: budgets.hold(c, effect_id, [taken]))
    for _ in range(2):
        database.write(lambda c: budgets.release(c, effect_id))

    assert used(database) == 0


def test_budgets_are_given_back_in_the_order_in_which_they_are_taken(database: Database) -> None:
    """Two workers that take and give back the same budgets never wait for each other in a circle."""
    effect_id, order = made(database), list[int]()
    later, sooner = reserve(database, 10, 5, scope="b"), reserve(database, 10, 5, scope="a")
    assert later is not None
    assert sooner is not None

    def act(connection: Connection) -> None:
        budgets.hold(connection, effect_id, [later, sooner])
        sa.event.listen(connection, "before_execute", lambda c, clause, many, one, options: order.append(one.get("of_budget", 0)))
        budgets.release(connection, effect_id)

    database.write(act)

    assert [id for id in order if id] == [sooner.budget_id, later.budget_id]


def test_amounts_of_a_bank_are_counted_to_the_cent(database: Database) -> None:
    most = 9_000_000_000_000_001
    assert reserve(database, most, most - 1) is not None

    assert [reserve(database, most, units) is not None for units in (2, 1)] == [False, True]


def test_two_workers_at_once_take_no_more_than_there_is(postgres_database: Database) -> None:
    acts: list[Any] = [lambda: reserve(postgres_database, 5)] * 12

    assert sum(taken is not None for taken in at_once(*acts)) == 5
    assert used(postgres_database) == 5
