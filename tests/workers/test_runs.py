"""Runs: one worker at a time, nothing written under a stale fence, nothing slept through."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from workers import journal, runs
from workers.errors import LostLease
from workers.runs import LEASE, SPREAD, Claim, RunRow
from workers.testing.flow import START

LATER = START + LEASE + timedelta(seconds=1)


def started(
    database: Database, *, key: str = "k", invoice_id: str | None = "9", customer_id: str | None = "7", trigger_id: int = 1
) -> str | None:
    return database.write(
        lambda c: runs.start(
            c, source="shop", workflow="w", key=key, trigger_id=trigger_id, mode="auto", policy_id=None, customer_id=customer_id,
            invoice_id=invoice_id, at=START,
        )
    )  # fmt: skip


def claimed(database: Database, run_id: str | None, *, at: object = START, owner: str = "one") -> Claim | None:
    assert run_id is not None
    return database.write(lambda c: runs.claim(c, run_id, owner=owner, business=at, machine=at))  # type: ignore[arg-type]


def mine(database: Database, run_id: str | None) -> Claim:
    claim = claimed(database, run_id)
    assert claim is not None
    return claim


def row(database: Database, run_id: str | None) -> sa.RowMapping:
    with database.read() as connection:
        return connection.execute(sa.select(table_of(RunRow)).where(table_of(RunRow).c.id == run_id)).mappings().one()


def woken(database: Database, customer_id: str | None, invoice_id: str | None) -> list[str]:
    return database.write(lambda c: runs.wake_concerned(c, "shop", customer_id=customer_id, invoice_id=invoice_id, at=START))


def test_a_run_is_claimed_by_one_worker_until_its_lease_ends(database: Database) -> None:
    run_id = started(database)
    first = mine(database, run_id)

    assert claimed(database, run_id, owner="two") is None
    second = claimed(database, run_id, at=LATER, owner="two")

    assert second is not None
    assert (second.fence, second.row["takeovers"]) == (first.fence + 1, 1)


def test_a_worker_that_was_overtaken_writes_nothing(database: Database) -> None:
    run_id = started(database)
    zombie = mine(database, run_id)
    claimed(database, run_id, at=LATER, owner="two")
    entry = journal.Entry(name="step", kind="step", result=1, at=START)

    for act in (
        lambda c: journal.write(c, zombie, entry, machine=LATER),
        lambda c: runs.suspend(c, zombie, wake_at=None),
        lambda c: runs.finish(c, zombie, outcome="done", reason=None, at=LATER),
        lambda c: runs.park(c, zombie, reason="x"),
        lambda c: runs.retry_later(c, zombie, wake_at=LATER),
        lambda c: runs.hold(c, zombie.run_id, zombie.fence, machine=LATER),
    ):
        with pytest.raises(LostLease):
            database.write(act)  # type: ignore[arg-type]

    with database.read() as connection:
        assert journal.read(connection, zombie.run_id) == {}
    assert row(database, run_id)["owner"] == "two"


def test_a_run_that_has_not_seen_everything_does_not_sleep(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    woken(database, None, "9")

    assert not database.write(lambda c: runs.suspend(c, claim, wake_at=None))
    again = mine(database, run_id)
    assert database.write(lambda c: runs.suspend(c, again, wake_at=None))


def test_an_event_wakes_a_sleeping_run_at_once(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: runs.suspend(c, claim, wake_at=START + timedelta(days=9)))

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
    assert database.write(lambda c: runs.finish(c, claim, outcome="done", reason=None, at=START)) == 2
    assert started(database, trigger_id=3) is not None


def test_a_finished_run_owns_no_lease_and_no_timer(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: runs.finish(c, claim, outcome="done", reason=None, at=START))

    ended = row(database, run_id)
    assert (ended["owner"], ended["lease_until"], ended["wake_at"]) == (None, None, None)


def test_progress_forgets_failures_and_takeovers(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: runs.retry_later(c, claim, wake_at=START))
    again = claimed(database, run_id, at=START)
    assert again is not None
    assert again.row["failures"] == 1

    entry = journal.Entry(name="step", kind="step", result=None, at=START)
    database.write(lambda c: journal.write(c, again, entry, machine=START))

    assert (row(database, run_id)["failures"], row(database, run_id)["takeovers"]) == (0, 0)


def test_a_parked_run_is_not_claimed_until_it_is_retried(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: runs.park(c, claim, reason="x"))

    assert claimed(database, run_id, at=LATER) is None
    assert database.write(lambda c: runs.unpark(c, claim.run_id, at=LATER))
    assert claimed(database, run_id, at=LATER) is not None
    assert not database.write(lambda c: runs.unpark(c, claim.run_id, at=LATER))


def test_a_run_given_up_hands_its_waiting_trigger_on(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: runs.park(c, claim, reason="x"))
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


def test_claimable_are_the_ready_the_due_and_the_abandoned(database: Database) -> None:
    ready, due, asleep, abandoned, held = (started(database, key=key) for key in ("a", "b", "c", "d", "e"))
    for run_id, wake in ((due, START), (asleep, LATER + timedelta(days=1))):
        claim = mine(database, run_id)
        database.write(lambda c, claim=claim, wake=wake: runs.suspend(c, claim, wake_at=wake))  # type: ignore[misc]
    mine(database, abandoned)
    claimed(database, held, at=LATER)

    with database.read() as connection:
        found = runs.claimable(connection, business=LATER, machine=LATER, limit=9)
    assert set(found) == {ready, due, abandoned}


def test_what_a_lost_worker_had_comes_back_one_by_one_and_nothing_later_than_a_whole_lease(database: Database) -> None:
    ids = [started(database, key=str(number)) for number in range(20)]
    for id in ids:
        claimed(database, id)

    leases = [row(database, id)["lease_until"] for id in ids]
    assert all(START + LEASE - SPREAD <= lease <= START + LEASE for lease in leases)
    assert len({lease.replace(microsecond=0) for lease in leases}) >= 4
