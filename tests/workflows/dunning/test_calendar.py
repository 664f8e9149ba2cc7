"""Days that count: deadlines, sending days, the hours of a sender, and months."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.dunning.cases import GERMANY, SWEDEN, day
from workers.authoring import Window, next_open
from workflows.dunning.calendar import WorkingDays, add_months, parse_day_of_year, parse_hours

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = st.dates(min_value=date(2025, 1, 1), max_value=date(2028, 12, 31))
OFFICE = parse_hours("09:00-17:00")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("ends", "moved"),
    [
        ("2026-04-17", "2026-04-17"),
        ("2026-04-18", "2026-04-20"),
        ("2026-04-19", "2026-04-20"),
        ("2026-04-03", "2026-04-07"),
        ("2026-05-01", "2026-05-04"),
        ("2026-05-14", "2026-05-15"),
        ("2026-05-25", "2026-05-26"),
        ("2026-10-03", "2026-10-05"),
        ("2026-12-25", "2026-12-28"),
        ("2025-12-24", "2025-12-24"),
        ("2027-01-01", "2027-01-04"),
    ],
)
def test_a_german_deadline_moves_past_weekends_and_holidays_only(ends: str, moved: str) -> None:
    assert GERMANY.deadline(day(ends)) == day(moved)


@pytest.mark.parametrize(
    ("ends", "moved"),
    [("2026-06-19", "2026-06-22"), ("2026-12-24", "2026-12-28"), ("2026-12-31", "2027-01-04"), ("2026-01-06", "2026-01-07")],
)
def test_the_swedish_eves_are_no_working_days(ends: str, moved: str) -> None:
    assert SWEDEN.deadline(day(ends)) == day(moved)


def test_a_regional_holiday_moves_a_deadline_in_its_region_only() -> None:
    epiphany = date(2027, 1, 6)

    assert GERMANY.deadline(epiphany) == epiphany
    assert WorkingDays(country="DE", region="BY").deadline(epiphany) == date(2027, 1, 7)


def test_days_on_which_the_sender_is_closed_move_what_is_sent_and_no_deadline() -> None:
    quiet = WorkingDays(country="DE", closed=((12, 24), (12, 31)))

    assert quiet.sending_day(date(2026, 12, 24)) == date(2026, 12, 28)
    assert quiet.deadline(date(2026, 12, 24)) == date(2026, 12, 24)


def test_a_sender_who_never_opens_is_told_so() -> None:
    shut = WorkingDays(country="DE", closed=tuple((month, n) for month in range(1, 13) for n in range(1, 32)))

    with pytest.raises(ValueError, match="no working day within 60 days of 2026-03-02: shorten closed_days"):
        shut.sending_day(date(2026, 3, 2))


@given(DAYS)
def test_a_moved_deadline_is_the_nearest_working_day_not_before_it(ends: date) -> None:
    moved = GERMANY.deadline(ends)

    assert moved >= ends
    assert GERMANY.is_working(moved)
    assert not any(GERMANY.is_working(ends + timedelta(days=n)) for n in range((moved - ends).days))
    assert GERMANY.deadline(moved) == moved


@pytest.mark.parametrize(
    ("start", "until", "count"),
    [("2026-04-02", "2026-04-07", 1), ("2026-04-07", "2026-04-10", 3), ("2026-04-10", "2026-04-10", 0), ("2026-04-10", "2026-04-07", 0)],
)
def test_working_days_are_counted_after_the_first_up_to_the_last(start: str, until: str, count: int) -> None:
    assert GERMANY.working_days_after(day(start), day(until)) == count


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-11-30", 1, "2026-12-30"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-05-15", 0, "2026-05-15"),
    ],
)
def test_a_month_ends_on_its_last_day_where_it_has_no_such_day(start: str, months: int, end: str) -> None:
    assert add_months(day(start), months) == day(end)


@given(DAYS, st.integers(0, 24))
def test_months_move_the_month_by_exactly_so_many(start: date, months: int) -> None:
    end = add_months(start, months)

    assert end.year * 12 + end.month == start.year * 12 + start.month + months
    assert end.day <= start.day


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-03-23 08:59", "2026-03-23 09:00"),
        ("2026-03-23 09:00", "2026-03-23 09:00"),
        ("2026-03-23 16:59", "2026-03-23 16:59"),
        ("2026-03-23 17:00", "2026-03-24 09:00"),
        ("2026-04-02 17:00", "2026-04-07 09:00"),
        ("2026-04-03 12:00", "2026-04-07 09:00"),
        ("2026-03-27 17:00", "2026-03-30 09:00"),
    ],
)
def test_notices_leave_by_the_local_clock_on_days_on_which_the_sender_works(at: str, opens: str) -> None:
    assert next_open(OFFICE, local(at), BERLIN, GERMANY.is_open) == local(opens)


def test_hours_are_read_as_they_are_written() -> None:
    assert parse_hours("07:30-20:00") == Window(time(7, 30), time(20))


@pytest.mark.parametrize(
    "text", ["9-17", "09:00", "09:00-25:00", "17:00-09:00", "09:00-09:00", "09:00-17:00+01:00", "09:00+01:00-17:00", ""]
)
def test_hours_that_no_day_has_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"09:00-17:00"):
        parse_hours(text)


def test_a_day_of_the_year_is_a_month_and_a_day() -> None:
    assert parse_day_of_year("12-24") == (12, 24)
    with pytest.raises(ValueError, match=r'not "24\.12\."'):
        parse_day_of_year("24.12.")
