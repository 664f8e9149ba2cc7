"""When to ask again: growing, bounded, and never sooner than the other side wishes."""

from datetime import timedelta

import pytest

from receiver.errors import Retryable
from workers.retry import LONGEST_S, backoff, failure_pause, told


@pytest.mark.parametrize("attempt", range(1, 40))
def test_a_pause_lies_between_half_its_ceiling_and_its_ceiling(attempt: int) -> None:
    ceiling = min(LONGEST_S, 2.0 ** (attempt - 1))

    assert ceiling / 2 <= backoff(attempt, key="e").total_seconds() <= ceiling


@pytest.mark.parametrize("attempt", [-1, 0, 1, 10_000])
def test_no_attempt_count_breaks_the_bounds(attempt: int) -> None:
    assert timedelta(0) < backoff(attempt) <= timedelta(seconds=LONGEST_S)


def test_the_same_attempt_of_the_same_thing_waits_the_same_and_others_differ() -> None:
    assert backoff(5, key="a") == backoff(5, key="a")
    assert len({backoff(5, key=key) for key in "abcdefgh"}) == 8


def test_the_other_sides_wish_is_never_undercut() -> None:
    assert backoff(1, Retryable(retry_after_s=3600.0)) == timedelta(hours=1)
    assert backoff(10, Retryable(retry_after_s=0.5)) > timedelta(seconds=1)


def test_a_bug_is_tried_three_times_more() -> None:
    assert [failure_pause(n) for n in range(5)] == [timedelta(seconds=5), timedelta(seconds=20), timedelta(seconds=80), None, None]


def test_the_code_of_a_failed_read_is_our_own_word_for_its_kind() -> None:
    assert told("read_failed", Retryable(kind="tls")) == "read_failed: tls"
    assert told("read_failed", Retryable(status=502)) == "read_failed"


def test_a_status_stands_behind_the_kind_that_says_no_more() -> None:
    assert told("read_failed", Retryable(kind="status", status=503)) == "read_failed: status 503"
    assert told("read_failed", Retryable(kind="credentials", status=401)) == "read_failed: credentials"
