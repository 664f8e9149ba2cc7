"""pause, resume, freeze and unfreeze from the command line."""

import pytest

from receiver.db import Database
from tests.workers.cli.conftest import Billhook
from workers import control


def paused(store: Database, workflow: str = "auto-send") -> bool:
    with store.read() as connection:
        return control.paused(connection, "shop", workflow)


@pytest.mark.parametrize("chosen", [("--source", "shop"), ("--workflow", "auto-send"), ("--source", "shop", "--workflow", "auto-send")])
def test_a_pause_holds_and_the_same_words_end_it(billhook: Billhook, store: Database, chosen: tuple[str, ...]) -> None:
    assert billhook("pause", *chosen, "--reason", "stock take").code == 0
    assert paused(store)

    assert billhook("resume", *chosen).code == 0
    assert not paused(store)


def test_a_pause_of_one_workflow_leaves_the_others(billhook: Billhook, store: Database) -> None:
    billhook("pause", "--workflow", "auto-send")

    assert not paused(store, "auto-send-sweep")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pause",), "say what"),
        (("pause", "--workflow", "autosend"), "there is no workflow autosend: known are"),
        (("pause", "--source", "shpo"), "shpo"),
        (("unfreeze", "--per-minute", "0"), "per-minute"),
    ],
)
def test_wrong_usage_is_explained(billhook: Billhook, store: Database, arguments: tuple[str, ...], said: str) -> None:
    printed = billhook(*arguments)

    assert printed.code == 2
    assert said in printed.err


def test_what_is_not_paused_cannot_be_resumed_and_the_answer_names_what_is(billhook: Billhook, store: Database) -> None:
    billhook("pause", "--source", "shop")
    printed = billhook("resume", "--workflow", "auto-send")

    assert printed.code == 1
    assert "every source/auto-send is not paused; paused now: shop/every workflow" in printed.err


def test_unfreezing_says_how_many_were_held_and_how_long_they_take(billhook: Billhook, store: Database) -> None:
    billhook("freeze")
    printed = billhook("unfreeze", "--per-minute", "30", "--json")

    assert printed.json == [{"frozen": False, "was": "operator", "held": 0, "doubted": 0, "per_minute": 30, "minutes": 0.0}]
