"""The pace: what the last minute brought, and how long things took, told from the last rows."""

import doctest
from datetime import UTC, datetime, timedelta

import pytest

from receiver.db import Database
from tests.workers.lines import called, delivered, planned
from workers import pace as paces
from workers.pace import Latency, pace

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(seconds: float) -> datetime:
    """So many seconds ago."""
    return NOW - seconds * SECOND


def test_the_last_minute_counts_and_what_came_before_does_not(database: Database) -> None:
    for place, ago in enumerate((90, 59, 5)):
        delivered(database, str(place), at(ago), routed_at=at(ago - 2))

    with database.read() as connection:
        found = pace(connection, now=NOW)

    assert (found.arrived, found.routed) == (2.0, 2.0)
    assert found.routing == Latency(median_s=2.0, p95_s=2.0, count=3)


def test_a_call_takes_from_its_beginning_to_its_answer_whatever_the_answer(database: Database) -> None:
    for answer, took in (("done", 1), ("rejected", 3), ("unknown", 30)):
        called(database, planned(database, at(3000)), at(50), at(50 - took), answer)

    with database.read() as connection:
        found = pace(connection, now=NOW)

    assert found.calls == Latency(median_s=3.0, p95_s=30.0, count=3)
    assert found.answered == 3.0


def test_what_a_replay_put_off_is_not_slow_and_what_is_older_than_an_hour_not_told(sqlite_database: Database) -> None:
    delivered(sqlite_database, "put off", at(3000), route_after=at(20), routed_at=at(10))
    delivered(sqlite_database, "long ago", at(9000), routed_at=at(7000))

    with sqlite_database.read() as connection:
        assert pace(connection, now=NOW).routing == Latency(median_s=None, p95_s=None, count=0)


def test_a_rush_beyond_the_sample_is_told_by_the_rate_it_came_at(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paces, "SAMPLE", 4)
    instants = [at(seconds) for seconds in (0.5, 1, 1.5, 2)]

    assert paces.per_minute(instants, NOW) == 120.0


def test_a_clock_that_went_back_is_no_negative_latency() -> None:
    assert paces.latency([-SECOND, SECOND]) == Latency(median_s=0.0, p95_s=1.0, count=2)


def test_its_examples_hold() -> None:
    assert doctest.testmod(paces).failed == 0
