"""Duties: one holder at a time, and due once per span."""

from datetime import timedelta

from receiver.db import Database
from workers import duties
from workers.testing.flow import START


def take(database: Database, owner: str, seconds: int = 0) -> bool:
    return database.write(lambda c: duties.take(c, "sweeper", owner, machine=START + timedelta(seconds=seconds)))


def due(database: Database, seconds: int) -> bool:
    return database.write(lambda c: duties.due(c, "scan", now=START + timedelta(seconds=seconds), every=timedelta(seconds=10)))


def test_a_role_has_one_holder_until_its_lease_ends(database: Database) -> None:
    assert take(database, "one")
    assert not take(database, "two", 15)
    assert take(database, "two", 16)
    assert not take(database, "one", 17)


def test_a_holder_keeps_its_role_by_taking_it_again(database: Database) -> None:
    assert take(database, "one")
    assert take(database, "one", 14)
    assert not take(database, "two", 20)


def test_a_released_role_is_free_at_once(database: Database) -> None:
    take(database, "one")
    database.write(lambda c: duties.release(c, "one"))

    assert take(database, "two")


def test_a_job_is_due_once_per_span(database: Database) -> None:
    assert [due(database, seconds) for seconds in (0, 1, 9, 10, 11, 20)] == [True, False, False, True, False, True]
