"""The edge of the main loops: one traceback for one trouble, and rest while the database is in it."""

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from receiver.errors import DatabaseBusy
from workers.edge import REST_MOST_S, Edge


class Hands:
    """A clock moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


def full() -> None:
    raise DatabaseBusy


def wrong() -> None:
    raise ValueError("a mistake")


def test_equal_failures_are_one_traceback_and_then_a_count_a_minute(clock: Hands) -> None:
    edge = Edge(clock)

    with capture_logs() as logged:
        for _ in range(100):
            edge.guarded("poll failed", wrong, run="r-1")
        clock.now += 60
        edge.guarded("poll failed", lambda: None)

    assert [(line["event"], line["count"], "exc_info" in line) for line in logged] == [
        ("poll failed", 1, True), ("and it failed again in the minute before", 99, False),
    ]  # fmt: skip
    assert (logged[0]["run"], logged[0]["error_type"], logged[1]["reason"]) == ("r-1", "ValueError", "poll failed")


def test_another_failure_is_told_at_once(clock: Hands) -> None:
    edge = Edge(clock)

    with capture_logs() as logged:
        edge.guarded("poll failed", wrong)
        edge.guarded("poll failed", full)
        edge.guarded("sweep failed", wrong)

    assert len(logged) == 3


def test_trouble_of_the_database_makes_the_loops_rest_longer_and_longer(clock: Hands) -> None:
    edge, rests = Edge(clock), []

    for _ in range(6):
        edge.guarded("poll failed", full)
        edge.guarded("advance failed", full)
        rests.append(edge.rest_s)
        clock.now += edge.rest_s
        assert edge.rest_s == 0

    assert rests == [1, 2, 4, 8, REST_MOST_S, REST_MOST_S]
    clock.now += 61
    edge.guarded("poll failed", full)
    assert edge.rest_s == 1


def test_a_mistake_of_the_program_makes_nobody_rest(clock: Hands) -> None:
    edge = Edge(clock)

    edge.guarded("poll failed", wrong)
    edge.guarded("poll failed", lambda: (_ for _ in ()).throw(sa.exc.ArgumentError()))

    assert edge.rest_s == 0


def test_what_goes_well_is_handed_back() -> None:
    assert Edge().guarded("poll failed", lambda: 7) == 7
