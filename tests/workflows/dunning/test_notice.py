"""Notices: when the debtor has them, and which of them count."""

from datetime import date

import pytest

from tests.workflows.dunning.cases import L0, L1, notice
from workflows.dunning.notice import Way, arrived_on, delivered, last_delivered

BOUNCED = notice(1, "2026-04-07", "2026-04-17", delivered=False)


@pytest.mark.parametrize(("way", "received"), [("email", "2026-04-07"), ("post", "2026-04-10"), ("other", "2026-04-07")])
def test_an_e_mail_arrives_the_same_day_and_a_letter_three_days_later(way: Way, received: str) -> None:
    assert arrived_on(date(2026, 4, 7), way, post_days=3) == date.fromisoformat(received)


def test_a_notice_that_came_back_has_no_level() -> None:
    assert last_delivered([L0, BOUNCED]) == L0
    assert last_delivered([BOUNCED]) is None
    assert delivered([L1, BOUNCED, L0]) == (L0, L1)


def test_the_highest_level_counts_also_where_a_lower_one_was_sent_again() -> None:
    again = notice(0, "2026-04-20", "2026-04-27")

    assert last_delivered([L0, L1, again]) == L1
