"""Payments around a notice: before, in flight, after, in part, and back."""

from datetime import UTC, date, datetime

import pytest

from tests.workflows.dunning.cases import GERMANY, L1, L2
from workflows.dunning.amount import exact
from workflows.dunning.crossing import Call, after_part_payment, came_back, crossing

CALL = Call(
    sent_on=date(2026, 4, 21), calling_at=datetime(2026, 4, 21, 7, 0, 0, tzinfo=UTC), settled_at=datetime(2026, 4, 21, 7, 0, 8, tzinfo=UTC)
)


def at(second: int, minute: int = 0) -> datetime:
    return datetime(2026, 4, 21, 7, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seen", "credited", "how"),
    [
        (datetime(2026, 4, 21, 6, 59, 30, tzinfo=UTC), None, "before"),
        (at(0), None, "crossed"),
        (at(5), None, "crossed"),
        (at(8), None, "crossed"),
        (at(9), None, "after"),
        (at(0, 30), date(2026, 4, 20), "crossed"),
        (at(0, 30), date(2026, 4, 21), "after"),
        (at(0, 30), date(2026, 4, 22), "after"),
    ],
)
def test_a_payment_crosses_a_notice_in_flight_or_when_the_money_was_there_the_day_before(
    seen: datetime, credited: date | None, how: str
) -> None:
    assert crossing(CALL, seen_paid_at=seen, credited_on=credited) == how


@pytest.mark.parametrize(
    ("paid", "deadline"),
    [("594.99", "2026-04-17"), ("595.00", "2026-04-24"), ("1000.00", "2026-04-24"), ("0.00", "2026-04-17")],
)
def test_half_of_what_was_demanded_moves_the_deadline_and_less_does_not(paid: str, deadline: str) -> None:
    found = after_part_payment(L1, demanded=exact("1190.00"), paid=exact(paid), days=GERMANY)

    assert (found.deadline_on, found.level, found.sent_on) == (date.fromisoformat(deadline), 1, L1.sent_on)


def test_a_moved_deadline_ends_on_a_working_day_and_share_and_days_are_the_policys() -> None:
    extended = after_part_payment(L2, demanded=exact("100"), paid=exact("20"), days=GERMANY, share=exact("0.20"), extend_days=10)

    assert extended.deadline_on == date(2026, 5, 15)


def test_a_notice_that_demanded_nothing_keeps_its_deadline() -> None:
    assert after_part_payment(L1, demanded=exact("0"), paid=exact("0"), days=GERMANY) == L1


@pytest.mark.parametrize(
    ("before", "now", "back"), [("0.00", "1190.00", True), ("4.99", "1190.00", True), ("0.00", "4.99", False), ("690.00", "1190.00", False)]
)
def test_a_payment_came_back_where_a_settled_balance_is_owed_again(before: str, now: str, back: bool) -> None:
    assert came_back(exact(before), exact(now), tolerance=exact("4.99")) == back
