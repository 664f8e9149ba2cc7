"""Filters: a value nobody knows is wrong usage and names what is known; one that is known may still find nothing."""

import pytest

from receiver.db import Database
from tests.workers.cli.conftest import Billhook, Made


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("effects", "--source", "bogus"), "shop"),
        (("effects", "--state", "bogus"), "calling"),
        (("runs", "--state", "bogus"), "superseded"),
        (("runs", "--type", "bogus"), "auto-send"),
        (("deliveries", "--state", "bogus"), "refused"),
        (("events", "--type", "bogus"), "invoice.completed"),
        (("approvals", "--type", "bogus"), "invoice.sendbyemail"),
        (("alerts", "--source", "bogus"), "shop"),
    ],
)
def test_a_value_nobody_knows_is_wrong_usage_and_the_known_ones_are_named(
    billhook: Billhook, made: Made, words: tuple[str, ...], named: str
) -> None:
    answer = billhook(*words)

    assert answer.code == 2
    assert " bogus: known are " in answer.err and named in answer.err


@pytest.mark.parametrize(
    "words", [("effects", "--source", "shop", "--state", "done"), ("runs", "--type", "auto-send"), ("parked", "--type", "anything")]
)
def test_a_known_value_that_finds_nothing_is_an_empty_list(billhook: Billhook, store: Database, words: tuple[str, ...]) -> None:
    assert billhook(*words).code == 0


def test_a_source_that_is_configured_no_more_is_known_while_something_of_it_is_kept(
    billhook: Billhook, store: Database, made: Made
) -> None:
    store.write(lambda c: c.exec_driver_sql("UPDATE effect SET source = 'old'"))

    assert len(billhook("effects", "--source", "old", "--json").json) == 1
    assert "old, shop" in billhook("effects", "--source", "bogus").err
