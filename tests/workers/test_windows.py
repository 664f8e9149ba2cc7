"""Windows of the local clock: the instants at which something may leave, in every hour of the year."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.windows import Window, closing, every_day, instant, local_day, next_open, parse_window
from workers.workdays import is_workday

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ZONES = st.sampled_from([BERLIN, ZoneInfo("Europe/Stockholm"), ZoneInfo("Europe/London"), NEW_YORK, ZoneInfo("UTC")])
INSTANTS = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2028, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
MINUTES = st.integers(0, 24 * 60)
WINDOWS = st.tuples(MINUTES, MINUTES).filter(lambda two: two[0] < two[1]).map(lambda two: Window(wall(two[0]), wall(two[1])))


def wall(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def in_germany(day: date) -> bool:
    return is_workday(day, "DE", None)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@given(WINDOWS, INSTANTS, ZONES)
def test_the_next_opening_is_never_earlier_and_always_inside_the_window(window: Window, at: datetime, zone: ZoneInfo) -> None:
    opens = next_open(window, at, zone)

    begins, ends = window.on(opens.astimezone(zone).date(), zone)
    assert opens >= at
    assert begins <= opens < ends


@given(WINDOWS, INSTANTS, ZONES)
def test_an_open_window_is_left_at_once_and_asking_again_changes_nothing(window: Window, at: datetime, zone: ZoneInfo) -> None:
    opens = next_open(window, at, zone)

    assert next_open(window, opens, zone) == opens


@given(WINDOWS, INSTANTS, ZONES)
def test_nothing_waits_longer_than_two_days_where_every_day_is_open(window: Window, at: datetime, zone: ZoneInfo) -> None:
    assert next_open(window, at, zone) - at <= timedelta(hours=49)


@given(INSTANTS)
def test_a_letter_never_leaves_on_a_weekend_or_a_public_holiday(at: datetime) -> None:
    opens = next_open(parse_window("08:00-16:00"), at, BERLIN, in_germany)

    day = opens.astimezone(BERLIN).date()
    assert day.weekday() < 5
    assert (day.month, day.day) not in {(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)}


@given(WINDOWS, INSTANTS, ZONES)
def test_a_window_closes_after_it_opened(window: Window, at: datetime, zone: ZoneInfo) -> None:
    opens = next_open(window, at, zone)

    assert closing(window, opens, zone) > opens


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-20 06:59", "2026-11-20 07:00"),
        ("2026-11-20 07:00", "2026-11-20 07:00"),
        ("2026-11-20 19:59", "2026-11-20 19:59"),
        ("2026-11-20 20:00", "2026-11-21 07:00"),
        ("2026-03-28 21:00", "2026-03-29 07:00"),
        ("2026-10-24 21:00", "2026-10-25 07:00"),
    ],
)
def test_e_mail_opens_at_seven_by_the_local_clock_also_when_the_clocks_change(at: str, opens: str) -> None:
    assert next_open(parse_window("07:00-20:00"), local(at), BERLIN) == local(opens)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-12-24 16:00", "2026-12-28 08:00"),
        ("2026-04-02 16:00", "2026-04-07 08:00"),
        ("2026-05-13 17:00", "2026-05-15 08:00"),
        ("2027-01-04 15:59", "2027-01-04 15:59"),
    ],
)
def test_post_passes_over_holidays_and_weekends(at: str, opens: str) -> None:
    assert next_open(parse_window("08:00-16:00"), local(at), BERLIN, in_germany) == local(opens)


@pytest.mark.parametrize("window", ["02:00-03:30", "02:30-04:00", "02:59-03:01"])
def test_a_window_that_begins_in_the_skipped_hour_opens_right_after_it(window: str) -> None:
    opens = next_open(parse_window(window), local("2026-03-29 00:30"), BERLIN, every_day)

    assert opens == local("2026-03-29 03:00")


def test_a_window_that_the_clocks_skip_as_a_whole_opens_on_the_next_day() -> None:
    opens = next_open(parse_window("02:10-02:40"), local("2026-03-29 00:30"), BERLIN, every_day)

    assert opens == local("2026-03-30 02:10")


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-10-25 02:30", "2026-10-25 00:30"),
        ("2026-10-25 03:00", "2026-10-25 02:00"),
        ("2026-03-29 02:00", "2026-03-29 01:00"),
        ("2026-03-29 02:30", "2026-03-29 01:00"),
        ("2026-03-29 02:59", "2026-03-29 01:00"),
        ("2026-03-29 03:00", "2026-03-29 01:00"),
        ("2026-03-29 01:59", "2026-03-29 00:59"),
    ],
)
def test_an_hour_that_exists_twice_is_the_first_and_one_that_does_not_ends_with_the_gap(written: str, utc: str) -> None:
    at = datetime.fromisoformat(written)

    assert instant(at.date(), at.time(), BERLIN) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_date_is_that_of_the_account_and_not_of_greenwich() -> None:
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)

    assert local_day(late, BERLIN) == date(2026, 4, 1)
    assert local_day(late, NEW_YORK) == date(2026, 3, 31)


def test_a_whole_day_closes_at_the_next_midnight() -> None:
    assert closing(parse_window("00:00-24:00"), local("2026-11-20 13:00"), BERLIN) == local("2026-11-21 00:00")


@pytest.mark.parametrize("text", ["7-20", "07:00 - 20:00", "20:00-07:00", "07:00-07:00", "07:61-20:00", "07:00-24:30", "25:00-26:00", ""])
def test_a_window_that_no_day_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"window|day"):
        parse_window(text)


def test_a_window_that_never_finds_an_open_day_is_refused() -> None:
    with pytest.raises(ValueError, match="no open day within 60 days of 2026-11-20: let more days be open"):
        next_open(parse_window("08:00-16:00"), local("2026-11-20 08:00"), BERLIN, lambda day: False)
