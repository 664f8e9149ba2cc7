"""pause, resume, freeze and unfreeze from the command line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.cli.conftest import AT, Billhook, Made
from workers import control
from workers.errors import StateConflict
from workers.release import release
from workers.runs import RunRow


def paused(store: Database, workflow: str = "auto-send") -> bool:
    with store.read() as connection:
        return control.paused(connection, "shop", workflow)


@pytest.mark.parametrize("chosen", [("--source", "shop"), ("--workflow", "auto-send"), ("--source", "shop", "--workflow", "auto-send")])
def test_a_pause_holds_and_the_same_words_end_it(billhook: Billhook, store: Database, chosen: tuple[str, ...]) -> None:
    assert billhook("pause", *chosen, "--reason", "stock take").code == 0
    assert paused(store)

    assert billhook("resume", *chosen).code == 0
    assert not paused(store)


@pytest.mark.parametrize(("begin", "end"), [(("freeze",), ("unfreeze",)), (("pause", "-s", "shop"), ("resume", "-s", "shop"))])
def test_the_end_of_a_hold_has_its_runs_due(
    billhook: Billhook, store: Database, made: Made, begin: tuple[str, ...], end: tuple[str, ...]
) -> None:
    reason = {"freeze": "frozen", "pause": "paused"}[begin[0]]
    table, later = table_of(RunRow), datetime.now(UTC) + timedelta(minutes=1)
    store.write(lambda c: c.execute(sa.update(table).values(status="waiting", reason=reason, wake_at=later)))
    billhook(*begin)

    assert billhook(*end).code == 0
    with store.read() as connection:
        assert connection.execute(sa.select(table.c.wake_at)).scalar_one() <= datetime.now(UTC)


def test_a_pause_of_one_workflow_leaves_the_others(billhook: Billhook, store: Database) -> None:
    billhook("pause", "--workflow", "auto-send")

    assert not paused(store, "auto-send-sweep")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resume",), "say what"),
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


def test_pause_alone_lists_what_is_paused_with_what_ends_it(billhook: Billhook, store: Database) -> None:
    assert billhook("pause").out == "nothing is paused\n"

    billhook("pause", "--workflow", "auto-send", "--reason", "stock take")

    row = {"source": "every", "workflow": "auto-send", "paused": "stock take", "resume": "billhook resume --workflow auto-send"}
    assert billhook("pause", "--json").json == [row]


def test_unfreezing_says_how_many_were_held_and_how_long_they_take(billhook: Billhook, store: Database) -> None:
    billhook("freeze")
    printed = billhook("unfreeze", "--per-minute", "30", "--json")

    assert printed.json == [{"frozen": False, "was": "operator", "held": 0, "doubted": 0, "per_minute": 30, "minutes": 0.0}]


def test_a_freeze_beside_that_of_a_restored_backup_leaves_it_as_it_is(billhook: Billhook, store: Database) -> None:
    store.write(lambda c: control.put(c, "freeze", {"reason": "restored"}, at=AT))
    printed = billhook("freeze", "--reason", "stock take", "--json")

    assert printed.json == [{"frozen": True, "reason": "restored"}]
    with store.read() as connection:
        assert (control.frozen(connection), control.set_at(connection, "freeze")) == ("restored", AT)


def test_a_freeze_that_became_that_of_a_restored_backup_is_not_released_without_a_look(store: Database) -> None:
    store.write(lambda c: control.put(c, "freeze", {"reason": "restored"}, at=AT))

    with pytest.raises(StateConflict, match="another one by now"):
        store.write(lambda c: release(c, "stock take", Path("heads"), None, "", at=AT, actor="cli:anna"))

    with store.read() as connection:
        assert control.frozen(connection) == "restored"
