"""Holds: what keeps calls back is one thing at a time, and a run that goes to sleep misses no end of it."""

from collections.abc import Callable
from threading import Thread

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database
from workers import breaker, control, holds
from workers.testing.flow import START

WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def put(connection: Connection, name: str, value: object) -> None:
    control.put(connection, name, value, at=START)


def open_breaker(connection: Connection) -> None:
    for _ in range(breaker.FAILURES_MAX):
        breaker.failed(connection, "shop", "status", at=START)


def over(database: Database, reason: str) -> bool:
    return database.write(lambda c: holds.is_over(c, "shop", "w", reason, now=START))


@pytest.mark.parametrize(
    ("reason", "begin", "end"),
    [
        ("frozen", lambda c: put(c, "freeze", {"reason": "operator"}), lambda c: put(c, "freeze", None)),
        ("paused", lambda c: put(c, "pause:*:w", {"reason": "x"}), lambda c: put(c, "pause:*:w", None)),
        ("breaker_open", open_breaker, lambda c: breaker.answered(c, "shop", at=START)),
    ],
)
def test_a_hold_stands_until_it_is_ended(
    database: Database, reason: str, begin: Callable[[Connection], None], end: Callable[[Connection], None]
) -> None:
    database.write(begin)
    assert not over(database, reason)

    database.write(end)
    assert over(database, reason)


def test_another_hold_is_not_the_one_a_run_says_it_waits_for(database: Database) -> None:
    database.write(lambda c: put(c, "freeze", {"reason": "operator"}))

    assert over(database, "paused")


def test_who_goes_to_sleep_waits_for_the_transaction_that_ends_the_hold(postgres_database: Database) -> None:
    postgres_database.write(lambda c: put(c, "freeze", {"reason": "operator"}))
    said: list[bool] = []
    sleeper = Thread(target=lambda: said.append(over(postgres_database, "frozen")))

    def end(connection: Connection) -> None:
        put(connection, "freeze", None)
        sleeper.start()
        while sleeper.is_alive() and not connection.execute(WAITING).scalar_one():
            pass

    postgres_database.write(end)
    sleeper.join()

    assert said == [True]
