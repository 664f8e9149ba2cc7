"""`billhook replay`: looks first, does it with --yes, and says what is wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted
from tests.workers.cli.conftest import AT, Billhook, Made
from workers import control, events, ledger, policies, runs


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
    nothing = {"events": 0, "ordered_already": 0, "minutes": 0, "warnings": [], "replay": None, "would": []}
    assert printed.json == nothing


@pytest.fixture
def completed(store: Database) -> list[int]:
    """Three events that start auto-send, which was switched on after the first two."""
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)

    def act(connection: Connection) -> list[int]:
        def one(number: int) -> int:
            event = InvoiceCompleted(source="shop", at=at + timedelta(hours=number), invoice_id=str(number), customer_id="7")
            recorded = events.record(connection, event, f"invoice.completed:{number}", delivery_id=1, at=event.at)
            assert recorded is not None
            return recorded.id

        later = at + timedelta(hours=1, minutes=30)
        control.set_mode(connection, "shop", "auto-send", "auto", was="observe", at=later, actor="ada")
        return [one(number) for number in range(3)]

    return store.write(act)


def of_auto_send(would: list[dict[str, Any]]) -> dict[str, Any]:
    return next(one for one in would if one["workflow"] == "auto-send")


def test_what_was_completed_before_the_switch_is_shown_to_be_skipped(billhook: Billhook, completed: list[int]) -> None:
    would = of_auto_send(billhook("replay", *_ids(completed), "--json").json["would"])

    assert (would["mode"], would["start"], would["skip"]) == ("auto", 1, 2)
    assert would["why"] == "completed before the switch at 2026-11-20 10:30 UTC"


def test_runs_that_begin_and_find_all_done_are_told_apart_in_words(billhook: Billhook, store: Database, made: Made) -> None:
    before = billhook("replay", str(made.event)).out
    store.write(lambda c: c.execute(sa.update(table_of(runs.RunRow)).values(status="done", ended_at=AT)))
    for was, state in (("proposed", "approved"), ("approved", "calling"), ("calling", "done")):
        store.write(lambda c, was=was, state=state: ledger.move(c, made.effect, state, since=[was], at=AT))  # type: ignore[misc]

    after = billhook("replay", str(made.event)).out

    assert "done:" not in before
    assert "done: 1 of these find that what they are for is done already, and do not do it again" in after


def _ids(ids: list[int]) -> list[str]:
    return ["--workflow", "auto-send", *(str(id) for id in ids)]


def test_a_replay_under_way_is_listed_and_its_events_are_not_ordered_again(billhook: Billhook, completed: list[int]) -> None:
    assert billhook("replay", "--list").out == "no replay is under way\n"
    first = billhook("replay", *_ids(completed[:2]), "--yes", "--per-minute", "1", "--json").json
    assert (first["ordered_already"], first["minutes"]) == (0, 1)

    (one,) = billhook("replay", "--list", "--json").json
    again = billhook("replay", *_ids(completed))

    assert (one["replay"], one["ordered"], one["done"], one["due"], one["later"], one["per_minute"]) == (first["replay"], 2, 0, 1, 1, 1)
    assert "2 of them are ordered already by a replay under way" in again.out
    billhook("replay", *_ids(completed), "--yes")
    assert [one["ordered"] for one in billhook("replay", "--list", "--json").json] == [2, 1]


def test_another_policy_than_that_of_the_last_run_is_warned_of(
    billhook: Billhook, place: Path, store: Database, completed: list[int]
) -> None:
    def began(connection: Connection) -> None:
        policy = policies.version(connection, "auto-send", {"hold_minutes": 99}, at=datetime.now(UTC))
        runs.start(
            connection, source="shop", workflow="auto-send", key="x", trigger_id=completed[0], mode="auto", policy_id=policy,
            customer_id=None, invoice_id=None, at=datetime.now(UTC),
        )  # fmt: skip

    assert billhook("replay", *_ids(completed), "--json").json["warnings"] == []
    store.write(began)

    (warning,) = billhook("replay", *_ids(completed), "--json").json["warnings"]

    assert "the last run of auto-send began with another policy" in warning
    assert "hold_minutes" in warning
