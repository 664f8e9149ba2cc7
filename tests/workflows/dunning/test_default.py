"""Default: from which day, on which basis, and what each basis needs."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.dunning.cases import GERMANY, L0, L1, SWEDEN, day, notice
from workflows.dunning.default import Basis, Default, Ground, default_of

GERMAN: tuple[Basis, ...] = ("first_formal_notice", "thirty_days")
SWEDISH: tuple[Basis, ...] = ("contract_date", "month_after_demand")


def ground(debtor: str = "business", due: str = "2026-03-16", received: str | None = "2026-03-02", **said: Any) -> Ground:
    known: dict[str, Any] = {"debtor": debtor, "due_on": day(due), "received_on": received and day(received), "formal_level": 1}
    return Ground(**(known | said))


def test_a_reminder_alone_puts_nobody_in_default_before_the_thirty_days() -> None:
    assert default_of(ground(notices=[L0]), GERMAN, GERMANY) == Default(basis="thirty_days", from_on=date(2026, 4, 16))
    assert default_of(ground("consumer", notices=[L0]), GERMAN, GERMANY) is None


@pytest.mark.parametrize("debtor", ["business", "consumer"])
def test_the_first_formal_notice_puts_in_default_the_day_after_it_arrived(debtor: str) -> None:
    found = default_of(ground(debtor, notices=[L0, L1]), GERMAN, GERMANY)

    assert found == Default(basis="first_formal_notice", from_on=date(2026, 4, 8))


def test_a_letter_puts_in_default_three_days_later_than_an_e_mail() -> None:
    letter = notice(1, "2026-04-07", "2026-04-17", way="post")

    assert default_of(ground(notices=[letter]), ("first_formal_notice",), GERMANY) == Default(
        basis="first_formal_notice", from_on=date(2026, 4, 11)
    )


def test_a_notice_that_came_back_starts_no_default() -> None:
    bounced = notice(1, "2026-04-07", "2026-04-17", delivered=False)

    assert default_of(ground(notices=[bounced]), ("first_formal_notice",), GERMANY) is None


def test_the_earliest_of_several_formal_notices_counts() -> None:
    second = notice(2, "2026-04-21", "2026-05-04")

    assert default_of(ground(notices=[second, L1]), ("first_formal_notice",), GERMANY) == Default(
        basis="first_formal_notice", from_on=date(2026, 4, 8)
    )


@pytest.mark.parametrize(
    ("due", "received", "start"),
    [
        ("2026-03-16", "2026-03-02", "2026-04-16"),
        ("2026-03-02", "2026-03-16", "2026-04-16"),
        ("2026-03-03", "2026-03-03", "2026-04-03"),
        ("2026-03-04", "2026-03-04", "2026-04-08"),
        ("2026-03-05", "2026-03-05", "2026-04-08"),
        ("2026-04-01", "2026-04-01", "2026-05-05"),
        ("2026-01-30", "2026-01-30", "2026-03-03"),
    ],
)
def test_thirty_days_run_from_the_later_of_due_date_and_receipt_and_end_on_a_working_day(due: str, received: str, start: str) -> None:
    found = default_of(ground(due=due, received=received), ("thirty_days",), GERMANY)

    assert found == Default(basis="thirty_days", from_on=day(start))


def test_a_consumer_must_have_been_told_of_the_thirty_days() -> None:
    assert default_of(ground("consumer"), ("thirty_days",), GERMANY) is None
    assert default_of(ground("consumer", thirty_day_note=True), ("thirty_days",), GERMANY) == Default(
        basis="thirty_days", from_on=date(2026, 4, 16)
    )


def test_thirty_days_do_not_run_where_nobody_knows_when_the_invoice_arrived() -> None:
    assert default_of(ground(received=None), ("thirty_days",), GERMANY) is None


def test_a_printed_due_date_counts_only_where_it_was_agreed() -> None:
    assert default_of(ground("consumer"), GERMAN, GERMANY) is None
    assert default_of(ground("consumer", date_was_agreed=True), GERMAN, GERMANY) == Default(
        basis="contract_date", from_on=date(2026, 3, 17)
    )


@pytest.mark.parametrize(("due", "start"), [("2026-03-14", "2026-03-17"), ("2026-04-03", "2026-04-08"), ("2026-03-16", "2026-03-17")])
def test_an_agreed_date_on_a_day_off_moves_the_start_of_default(due: str, start: str) -> None:
    assert default_of(ground(due=due), ("contract_date",), GERMANY) == Default(basis="contract_date", from_on=day(start))


def test_the_earliest_basis_wins_and_the_first_named_of_two_that_agree() -> None:
    on_the_same_day = notice(1, "2026-03-16", "2026-03-26")

    assert default_of(ground(notices=[on_the_same_day]), ("first_formal_notice", "contract_date"), GERMANY) == Default(
        basis="first_formal_notice", from_on=date(2026, 3, 17)
    )
    assert default_of(ground(notices=[L1]), ("thirty_days", "contract_date", "first_formal_notice"), GERMANY) == Default(
        basis="contract_date", from_on=date(2026, 3, 17)
    )


def test_a_swedish_agreed_date_bears_interest_from_the_next_day() -> None:
    found = default_of(ground("consumer", due="2026-05-29", received="2026-05-15", formal_level=0), SWEDISH, SWEDEN)

    assert found == Default(basis="contract_date", from_on=date(2026, 5, 30))


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ({"notices": [notice(0, "2026-06-03", "2026-06-11")]}, "2026-07-03"),
        ({"notices": [notice(0, "2026-05-31", "2026-06-11")]}, "2026-06-30"),
        ({"notices": [notice(0, "2026-05-20", "2026-05-28")]}, "2026-06-22"),
        ({"interest_note": True}, "2026-06-15"),
        ({"interest_note": True, "received": "2026-04-20"}, "2026-05-30"),
        ({"interest_note": True, "received": None, "notices": [notice(0, "2026-06-03", "2026-06-11")]}, "2026-07-03"),
    ],
)
def test_without_agreed_terms_interest_begins_a_month_after_a_demand_that_mentions_it(said: dict[str, Any], start: str) -> None:
    said = {"received": "2026-05-15"} | said

    found = default_of(ground("consumer", due="2026-05-29", formal_level=0, **said), ("month_after_demand",), SWEDEN)

    assert found == Default(basis="month_after_demand", from_on=day(start))


def test_an_invoice_that_does_not_mention_interest_starts_no_month() -> None:
    assert default_of(ground("consumer", formal_level=0), ("month_after_demand",), SWEDEN) is None


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(-30, 30), st.integers(0, 60), st.sampled_from(["business", "consumer"]))
def test_nobody_is_in_default_before_the_due_date_has_passed_but_by_a_formal_notice(
    due: date, received: int, sent: int, debtor: str
) -> None:
    formal = notice(1, str(due + timedelta(days=sent)), str(due + timedelta(days=sent + 10)))
    known = ground(debtor, due=str(due), received=str(due + timedelta(days=received)), notices=[formal], thirty_day_note=True)

    for bases in (GERMAN, SWEDISH, ("contract_date",)):
        found = default_of(known, bases, GERMANY)
        assert found is not None
        assert found.from_on > due
