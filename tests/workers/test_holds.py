"""Holds: what keeps calls back is one thing at a time, and a run that goes to sleep misses no end of it."""

from collections.abc import Callable
from datetime import datetime
from threading import Thread

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database
from tests.workers.letters import mail
from tests.workers.test_calls import at_point
from workers import breaker, control, holds
from workers.testing.flow import START, Flow

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


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("freeze", lambda c, at: holds.end_freeze(c, at=at, actor="ada")),
        ("pause:shop:*", lambda c, at: control.end_pause(c, "pause:shop:*", at=at, actor="ada")),
        ("pause:*:t-mail", lambda c, at: control.end_pause(c, "pause:*:t-mail", at=at, actor="ada")),
        ("pause:shop:t-mail", lambda c, at: control.set_mode(c, "shop", "t-mail", "auto", was="auto", at=at, actor="ada")),
    ],
)
def test_what_was_held_goes_on_at_once_when_the_hold_ends(name: str, end: Callable[[Connection, datetime], None]) -> None:
    with Flow(mail) as flow:
        flow.db.write(lambda c: put(c, name, {"reason": "stock take"}))
        flow.trigger("invoice.completed")
        flow.advance(minutes=5, seconds=10)
        assert flow.runs[0][3] in ("frozen", "paused")

        flow.db.write(lambda c: end(c, flow.clock.now))
        flow.advance(seconds=1)

        assert [row[2] for row in flow.effects] == ["done"]


def test_the_end_of_one_pause_leaves_what_another_holds(database: Database) -> None:
    database.write(lambda c: [put(c, name, {"reason": "x"}) for name in ("pause:shop:*", "pause:*:w")])
    database.write(lambda c: control.end_pause(c, "pause:shop:*", at=START, actor="ada"))

    assert not over(database, "paused")


def test_a_hold_that_ends_while_a_run_goes_to_sleep_for_it_is_not_slept_for() -> None:
    with Flow(mail) as flow:
        flow.db.write(lambda c: put(c, "pause:shop:*", {"reason": "stock take"}))
        flow.trigger("invoice.completed")
        at_point(flow, "suspending", lambda: flow.db.write(lambda c: control.end_pause(c, "pause:shop:*", at=flow.clock.now, actor="ada")))
        flow.advance(minutes=5, seconds=1)

        assert [row[2] for row in flow.effects] == ["done"]
