"""The clock of the sandboxes; posting is in test_app.py, over the wire."""

from datetime import UTC, datetime, timedelta

import pytest

from workers.sandbox.sender import ScaledClock

NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Wall:
    def __init__(self) -> None:
        self.now = NINE

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


def test_another_scale_goes_on_from_where_the_clock_is(wall: Wall) -> None:
    clock = ScaledClock(60, wall)
    wall.now += timedelta(minutes=1)

    clock.move(advance_s=1800, scale=2)
    wall.now += timedelta(minutes=1)

    assert clock() == NINE + timedelta(hours=1, minutes=30 + 2)


@pytest.mark.parametrize("advance_s, scale", [(-1, 1), (float("nan"), 1), (float("inf"), 1), (1e12, 1), (0, 0), (0, -1), (0, float("inf"))])
def test_it_goes_neither_back_nor_out_of_the_calendar(wall: Wall, advance_s: float, scale: float) -> None:
    clock = ScaledClock(1.0, wall)

    with pytest.raises(ValueError, match="the clock"):
        clock.move(advance_s=advance_s, scale=scale)

    assert (clock(), clock.scale) == (NINE, 1.0)
