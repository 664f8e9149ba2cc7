"""Claims: one worker at a time, nothing written under a stale fence, nothing slept through."""

from datetime import timedelta

import pytest

from receiver.db import Database
from tests.workers.by_hand import LATER, claimed, mine, row, started, woken
from workers import claims, journal, runs
from workers.claims import LEASE, SPREAD
from workers.errors import LostLease
from workers.testing.flow import START


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
        lambda c: claims.suspend(c, zombie, wake_at=None),
        lambda c: claims.finish(c, zombie, outcome="done", reason=None, at=LATER),
        lambda c: claims.park(c, zombie, reason="x"),
        lambda c: claims.retry_later(c, zombie, wake_at=LATER),
        lambda c: claims.hold(c, zombie.run_id, zombie.fence, machine=LATER),
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

    assert not database.write(lambda c: claims.suspend(c, claim, wake_at=None))
    again = mine(database, run_id)
    assert database.write(lambda c: claims.suspend(c, again, wake_at=None))


def test_a_finished_run_owns_no_lease_and_no_timer(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: claims.finish(c, claim, outcome="done", reason=None, at=START))

    ended = row(database, run_id)
    assert (ended["owner"], ended["lease_until"], ended["wake_at"]) == (None, None, None)


def test_progress_forgets_failures_and_takeovers(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: claims.retry_later(c, claim, wake_at=START))
    again = claimed(database, run_id, at=START)
    assert again is not None
    assert again.row["failures"] == 1

    entry = journal.Entry(name="step", kind="step", result=None, at=START)
    database.write(lambda c: journal.write(c, again, entry, machine=START))

    assert (row(database, run_id)["failures"], row(database, run_id)["takeovers"]) == (0, 0)


def test_a_parked_run_is_not_claimed_until_it_is_retried(database: Database) -> None:
    run_id = started(database)
    claim = mine(database, run_id)
    database.write(lambda c: claims.park(c, claim, reason="x"))

    assert claimed(database, run_id, at=LATER) is None
    assert database.write(lambda c: runs.unpark(c, claim.run_id, at=LATER))
    assert claimed(database, run_id, at=LATER) is not None
    assert not database.write(lambda c: runs.unpark(c, claim.run_id, at=LATER))


def test_claimable_are_the_ready_the_due_and_the_abandoned(database: Database) -> None:
    ready, due, asleep, abandoned, held = (started(database, key=key) for key in ("a", "b", "c", "d", "e"))
    for run_id, wake in ((due, START), (asleep, LATER + timedelta(days=1))):
        claim = mine(database, run_id)
        database.write(lambda c, claim=claim, wake=wake: claims.suspend(c, claim, wake_at=wake))  # type: ignore[misc]
    mine(database, abandoned)
    claimed(database, held, at=LATER)

    with database.read() as connection:
        found = claims.claimable(connection, business=LATER, machine=LATER, limit=9)
    assert set(found) == {ready, due, abandoned}


def test_what_a_lost_worker_had_comes_back_one_by_one_and_nothing_later_than_a_whole_lease(database: Database) -> None:
    ids = [started(database, key=str(number)) for number in range(20)]
    for id in ids:
        claimed(database, id)

    leases = [row(database, id)["lease_until"] for id in ids]
    assert all(START + LEASE - SPREAD <= lease <= START + LEASE for lease in leases)
    assert len({lease.replace(microsecond=0) for lease in leases}) >= 4
