"""Schedules: which instants are due, through both changes of the clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from workers.schedule import Daily, Every

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    """Local time in Berlin, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize("span", ["", "15", "m", "0m", "-1m", "1.5h", "1w", "15 m"])
def test_every_takes_a_whole_span_only(span: str) -> None:
    with pytest.raises(ValueError, match="Every takes a whole span"):
        Every(span)


@pytest.mark.parametrize("time", ["", "9", "25:00", "noon"])
def test_daily_takes_a_local_time_only(time: str) -> None:
    with pytest.raises(ValueError, match="Daily takes a local time"):
        Daily(time)


def test_every_counts_from_the_epoch_so_a_restart_moves_nothing() -> None:
    now = datetime(2026, 11, 20, 9, 7, 3, tzinfo=UTC)

    assert Every("15m").latest(now, BERLIN) == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    assert Every("15m").following(now, BERLIN) == datetime(2026, 11, 20, 9, 15, tzinfo=UTC)


def test_an_instant_itself_is_due_and_the_next_follows_it() -> None:
    now = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)

    assert Every("15m").latest(now, BERLIN) == now
    assert Every("15m").following(now, BERLIN) == now + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("now", "latest", "following"),
    [
        ("2026-11-20T08:59", "2026-11-19T09:00", "2026-11-20T09:00"),
        ("2026-11-20T09:00", "2026-11-20T09:00", "2026-11-21T09:00"),
        ("2026-03-28T12:00", "2026-03-28T09:00", "2026-03-29T09:00"),
        ("2026-10-25T12:00", "2026-10-25T09:00", "2026-10-26T09:00"),
        ("2026-12-31T23:59", "2026-12-31T09:00", "2027-01-01T09:00"),
    ],
)
def test_daily_is_the_same_local_time_in_summer_and_winter(now: str, latest: str, following: str) -> None:
    assert Daily("09:00").latest(at(now), BERLIN) == at(latest)
    assert Daily("09:00").following(at(now), BERLIN) == at(following)


def test_a_time_in_the_skipped_hour_comes_once_after_it() -> None:
    due = Daily("02:30").following(at("2026-03-29T01:00"), BERLIN)

    assert due == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 by the clock on the wall
    assert Daily("02:30").following(due, BERLIN) == at("2026-03-30T02:30")


def test_a_time_in_the_repeated_hour_comes_once() -> None:
    due = Daily("02:30").following(at("2026-10-25T01:00"), BERLIN)

    assert due == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert Daily("02:30").following(due, BERLIN) == at("2026-10-26T02:30")
    assert Daily("02:30").latest(datetime(2026, 10, 25, 1, 45, tzinfo=UTC), BERLIN) == due
