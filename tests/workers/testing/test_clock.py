"""The test clock stands still until it is moved, and moves forward only."""

from datetime import datetime, timedelta

import pytest

from workers.testing.clock import ManualClock
from workers.testing.flow import START


def test_it_stands_still() -> None:
    assert ManualClock(START).now == START


def test_moving_it_moves_the_time_since_boot_too() -> None:
    clock = ManualClock(START)
    clock.pass_(timedelta(seconds=90))

    assert (clock.now, clock.boot_s()) == (START + timedelta(seconds=90), 90.0)


def test_it_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="forward only"):
        ManualClock(START).move(START - timedelta(seconds=1))


def test_it_takes_an_aware_time_only() -> None:
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 11, 20))  # noqa: DTZ001
