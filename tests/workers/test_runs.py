"""Runs: whose events wake one, what a second trigger comes to, and how a person ends one."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database
from tests.workers.by_hand import LATER, mine, row, started, woken
from workers import claims, runs
from workers.testing.flow import START


def test_an_event_wakes_a_sleeping_run_at_once(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: claims.suspend(c, claim, wake_at=START + timedelta(days=9)))

    assert woken(database, None, "9") == [run_id]
    assert row(database, run_id)["status"] == "ready"


@pytest.mark.parametrize(
    ("of_invoice", "of_customer", "customer_id", "invoice_id", "wakes"),
    [
        ("9", "7", None, "9", True),
        ("9", "7", "7", None, True),
        ("9", "7", "7", "8", False),
        (None, "7", "7", "8", True),
        (None, "7", "6", None, False),
        ("9", None, "7", "9", True),
        ("9", "7", None, None, False),
    ],
)
def test_a_run_is_woken_by_what_concerns_its_objects(
    database: Database, of_invoice: str | None, of_customer: str | None, customer_id: str | None, invoice_id: str | None, wakes: bool
) -> None:
    run_id = started(database, invoice_id=of_invoice, customer_id=of_customer)

    woken(database, customer_id, invoice_id)

    assert row(database, run_id)["pending_seq"] == int(wakes)


def test_a_second_trigger_of_a_live_run_is_followed_when_it_ends(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)

    assert started(database, trigger_id=2) is None
    assert database.write(lambda c: claims.finish(c, claim, outcome="done", reason=None, at=START)) == 2
    assert started(database, trigger_id=3) is not None


def test_a_run_given_up_hands_its_waiting_trigger_on(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: claims.park(c, claim, reason="x"))
    started(database, trigger_id=2)

    assert database.write(lambda c: runs.give_up(c, claim.run_id, reason="no", at=LATER)) == 2
    assert row(database, run_id)["status"] == "closed"


def test_leaving_observe_ends_the_runs_that_only_observed(database: Database) -> None:
    run_id = database.write(
        lambda c: runs.start(
            c, source="shop", workflow="w", key="o", trigger_id=1, mode="observe", policy_id=None,
            customer_id=None, invoice_id=None, at=START,
        )
    )  # fmt: skip
    acting = started(database)

    assert database.write(lambda c: runs.supersede(c, "shop", "w", at=START)) == 1
    assert (row(database, run_id)["status"], row(database, acting)["status"]) == ("superseded", "ready")


def held(database: Database, count: int, *, reason: str = "frozen") -> list[str]:
    """Runs that wait an hour for `reason`, the longest ready first."""
    ids = [started(database, key=f"k{n}", invoice_id=str(n)) or "" for n in range(count)]
    for id in ids:
        claim = mine(database, id)
        database.write(lambda c, claim=claim: claims.suspend(c, claim, wake_at=START + timedelta(hours=1), reason=reason))  # type: ignore[misc]
    return ids


def test_what_is_let_go_is_due_at_once_and_says_no_reason_that_is_over(database: Database) -> None:
    frozen, paused = held(database, 1)[0], started(database, key="other", invoice_id="99")
    claim = mine(database, paused)
    database.write(lambda c: claims.suspend(c, claim, wake_at=LATER, reason="paused"))

    assert database.write(lambda c: runs.let_go(c, "frozen", at=START, source="shop", workflow="w")) == 1
    assert (row(database, frozen)["wake_at"], row(database, frozen)["reason"]) == (START, None)
    assert (row(database, paused)["wake_at"], row(database, paused)["reason"]) == (LATER, "paused")


@pytest.mark.parametrize("other", [{"source": "else"}, {"workflow": "else"}])
def test_what_is_let_go_elsewhere_wakes_nobody_here(database: Database, other: dict[str, str]) -> None:
    held(database, 1)

    assert database.write(lambda c: runs.let_go(c, "frozen", at=START, **other)) == 0


def test_many_are_let_go_one_second_after_the_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LET_GO_PER_S", 2)
    ids = held(database, 5)

    assert database.write(lambda c: runs.let_go(c, "frozen", at=START)) == 5
    assert sorted((row(database, id)["wake_at"] - START).total_seconds() for id in ids) == [0, 0, 1, 1, 2]


def test_what_would_be_due_before_is_not_put_off_by_letting_it_go(database: Database) -> None:
    (id,) = held(database, 1)
    database.write(lambda c: runs.let_go(c, "frozen", at=START + timedelta(days=1)))

    assert row(database, id)["wake_at"] == START + timedelta(hours=1)


def test_letting_go_passes_over_a_row_that_somebody_holds(postgres_database: Database) -> None:
    ids = held(postgres_database, 2)

    def let_go(connection: Connection) -> int:
        connection.execute(sa.text("SET LOCAL lock_timeout = '2s'"))  # whoever waits for the row here would wait for ever
        return runs.let_go(connection, "frozen", at=START)

    def act(holding: Connection) -> int:
        runs.wake(holding, ids[0], at=START)
        return postgres_database.write(let_go)

    assert postgres_database.write(act) == 1
    assert [row(postgres_database, id)["reason"] for id in ids] == ["frozen", None]
