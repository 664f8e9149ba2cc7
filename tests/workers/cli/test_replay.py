"""`billhook replay`: looks first, does it with --yes, and says what is wrong."""

import pytest

from receiver.db import Database
from tests.workers.cli.conftest import Billhook


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say which"),
        (("--source", "shop"), "say which"),
        (("--workflow", "nosuch"), "there is no workflow nosuch: known are"),
        (("--invoice", "1", "--per-minute", "0"), "per-minute"),
    ],
)
def test_wrong_usage_is_explained(billhook: Billhook, store: Database, arguments: tuple[str, ...], said: str) -> None:
    printed = billhook("replay", *arguments)

    assert printed.code == 2
    assert said in printed.err


def test_an_event_that_is_not_there_is_named(billhook: Billhook, store: Database) -> None:
    printed = billhook("replay", "77")

    assert (printed.code, "there is no event 77" in printed.err) == (1, True)


def test_nothing_to_call_off_is_said(billhook: Billhook, store: Database) -> None:
    assert "nothing of a replay abc waits" in billhook("replay", "--off", "abc").err


def test_without_yes_it_only_looks(billhook: Billhook, store: Database) -> None:
    printed = billhook("replay", "--type", "invoice.completed", "--json")

    assert printed.code == 0
    assert printed.json == {"events": 0, "replay": None, "would": []}
