"""Runs: whose events wake one, what a second trigger comes to, and how a person ends one."""

from datetime import timedelta

import pytest

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
