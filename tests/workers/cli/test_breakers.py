"""billhook breaker: which breakers are open, and how a person moves one."""

from datetime import UTC, datetime

import pytest

from receiver.db import Database
from tests.workers.cli.conftest import Billhook
from tests.workers.test_breaker import open_breaker
from workers import breaker


@pytest.fixture
def opened(store: Database) -> Database:
    """The breaker of shop is open for a quarter of an hour."""
    store.write(lambda c: open_breaker(c, 9, at=datetime.now(UTC)))
    return store


def held(store: Database) -> datetime | None:
    with store.read() as connection:
        return breaker.held_until(connection, "shop", now=datetime.now(UTC))


def test_open_breakers_are_listed_with_their_next_try(billhook: Billhook, opened: Database) -> None:
    (row,) = billhook("breaker", "--json").json

    assert (row["source"], row["state"], row["failures"]) == ("shop", "open", 9)
    assert datetime.fromisoformat(row["next_try"]) == held(opened)


def test_a_probe_lets_the_next_call_try_and_keeps_it_open(billhook: Billhook, opened: Database) -> None:
    (row,) = billhook("breaker", "shop", "--probe", "--json").json

    assert row["state"] == "half open: the next call tries"
    assert held(opened) is None


def test_a_closed_breaker_holds_nothing_and_its_alert_is_closed(billhook: Billhook, opened: Database) -> None:
    printed = billhook("breaker", "shop", "--close")

    assert printed.out.strip() == "the breaker of shop is closed"
    assert held(opened) is None and billhook("alerts", "--json").json == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--probe",), 2, "with its source"),
        (("shop", "--probe", "--close"), 2, "one of the two"),
        (("shpo",), 2, "shpo"),
        (("shop", "--probe"), 1, "is not open"),
        (("shop", "--close"), 1, "is not open"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(billhook: Billhook, store: Database, words: tuple[str, ...], code: int, said: str) -> None:
    printed = billhook("breaker", *words)

    assert printed.code == code and said in printed.err
