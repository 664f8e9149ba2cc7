"""Interest: every worked example to the cent, and what must hold of any."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.dunning.cases import RATES, day
from workflows.dunning.balance import Balance, Credit, after_credits
from workflows.dunning.interest import Interest, Terms, interest
from workflows.dunning.rates import NoRate, RateRow, RateTable

B2B = Terms(country="DE", margin=Decimal(9))
B2C = Terms(country="DE", margin=Decimal(5))
SWEDISH = Terms(country="SE", margin=Decimal(8))
BY_365 = Terms(country="DE", margin=Decimal(9), day_count="actual/365")
STARTS = st.dates(min_value=date(2025, 1, 1), max_value=date(2026, 10, 1))
LENGTHS = st.integers(0, 90)
AMOUNTS = st.decimals(min_value="0.01", max_value="99999.99", places=2)


def reckon(owed: str | Decimal, start: date, end: date, terms: Terms = B2B, *, credits: tuple[Credit, ...] = (), **said: Any) -> Interest:
    currency = "SEK" if terms.country == "SE" else "EUR"
    balances = after_credits(Decimal(owed), credits, since=min(start, end))
    found = interest(balances, currency=currency, from_on=start, to_on=end, terms=terms, rates=said.get("rates", RATES))
    assert isinstance(found, Interest)
    return found


@pytest.mark.parametrize(
    ("name", "terms", "owed", "start", "end", "credit", "segments", "amount"),
    [
        ("I1", B2B, "1190.00", "2025-05-31", "2025-08-15", None, [(31, "11.390419"), (46, "15.402186")], "26.79"),
        ("I2", B2C, "238.00", "2025-12-16", "2026-02-10", None, [(16, "0.654141"), (41, "1.676237")], "2.33"),
        ("I3", B2B, "5000.00", "2026-05-16", "2026-07-31", ("2026-06-20", "2000.00"),
         [(35, "49.239726"), (11, "9.285205"), (31, "26.804384")], "85.33"),
        ("I4", B2B, "10000.00", "2024-02-01", "2024-03-31", None, [(60, "206.885246")], "206.89"),
        ("I4 by 365", BY_365, "10000.00", "2024-02-01", "2024-03-31", None, [(60, "207.452055")], "207.45"),
        ("I5", SWEDISH, "12500.00", "2025-06-11", "2025-07-20", None, [(20, "75.342466"), (20, "68.493151")], "143.84"),
        ("I6", SWEDISH, "899.00", "2025-12-01", "2026-01-15", None, [(31, "7.635342"), (15, "3.694521")], "11.33"),
        ("I7", B2B, "1190.00", "2026-04-08", "2026-05-08", ("2026-04-28", "500.00"), [(20, "6.696603"), (11, "2.135597")], "8.83"),
        ("I8", B2B, "10000.00", "2027-12-22", "2028-01-10", None, [(10, "28.136986"), (10, "28.060109")], "56.20"),
        ("I8 by 365", BY_365, "10000.00", "2027-12-22", "2028-01-10", None, [(10, "28.136986"), (10, "28.136986")], "56.27"),
        ("I9", B2B, "2380.00", "2026-06-16", "2026-07-20", None, [(15, "10.044904"), (20, "13.719233")], "23.76"),
        ("the wrong row", B2B, "5000.00", "2025-08-01", "2025-10-31", None, [(92, "129.430137")], "129.43"),
    ],
)  # fmt: skip
def test_a_worked_example_is_right_to_the_cent_and_line_by_line(
    name: str, terms: Terms, owed: str, start: str, end: str, credit: tuple[str, str] | None, segments: list[tuple[int, str]], amount: str
) -> None:
    credits = (Credit(day(credit[0]), Decimal(credit[1])),) if credit else ()

    found = reckon(owed, day(start), day(end), terms, credits=credits)

    assert [(one.days, str(one.shown)) for one in found.segments] == segments
    assert str(found.amount.amount) == amount


def test_a_wrong_row_would_have_claimed_more() -> None:
    wrong = RATES.replaced({"DE": {"2025-07-01": "1.77"}})

    assert str(reckon("5000.00", date(2025, 8, 1), date(2025, 10, 31), rates=wrong).amount) == "135.73 EUR"


def test_a_segment_says_from_when_to_when_on_what_and_at_which_rate() -> None:
    first, second = reckon("1190.00", date(2025, 5, 31), date(2025, 8, 15)).segments

    assert (first.from_on, first.to_on, first.base, first.percent, first.year_days) == (
        date(2025, 5, 31), date(2025, 6, 30), Decimal("1190.00"), Decimal("11.27"), 365,
    )  # fmt: skip
    assert (second.from_on, second.to_on, second.percent) == (date(2025, 7, 1), date(2025, 8, 15), Decimal("10.27"))


def test_the_days_are_counted_from_default_to_notice_both_included() -> None:
    assert reckon("1190.00", date(2026, 4, 8), date(2026, 4, 21)).days == 14
    assert reckon("1190.00", date(2026, 4, 8), date(2026, 4, 8)).days == 1
    assert str(reckon("1190.00", date(2026, 4, 8), date(2026, 4, 21)).amount) == "4.69 EUR"


def test_what_a_further_day_adds_is_said() -> None:
    assert str(reckon("1190.00", date(2026, 4, 8), date(2026, 4, 21)).per_day) == "0.33 EUR"


def test_nothing_more_is_added_once_the_balance_is_zero() -> None:
    found = reckon("1190.00", date(2026, 4, 8), date(2026, 4, 21), credits=(Credit(date(2026, 4, 10), Decimal(1190)),))

    assert (found.days, str(found.per_day)) == (2, "0.00 EUR")


def test_no_day_is_no_interest_even_where_no_rate_is_known() -> None:
    found = reckon("1190.00", date(2027, 3, 2), date(2027, 3, 1))

    assert (str(found.amount), str(found.per_day), found.segments) == ("0.00 EUR", "0.00 EUR", ())


def test_half_a_cent_is_rounded_up() -> None:
    flat = Terms(country="DE", margin=Decimal(0), fixed=Decimal("3.65"))

    assert str(reckon("50.00", date(2026, 4, 1), date(2026, 4, 1), flat).amount) == "0.01 EUR"
    assert str(reckon("49.99", date(2026, 4, 1), date(2026, 4, 1), flat).amount) == "0.00 EUR"


def test_an_agreed_rate_needs_no_table() -> None:
    agreed = Terms(country="NO", margin=Decimal(99), fixed=Decimal("7.30"))

    assert str(reckon("1000.00", date(2026, 4, 1), date(2026, 4, 10), agreed).amount) == "2.00 EUR"


def test_a_rate_below_zero_claims_nothing() -> None:
    low = RATES.replaced({"DE": {"2026-01-01": "-9.99"}})

    assert str(reckon("1000.00", date(2026, 4, 1), date(2026, 4, 10), rates=low).amount) == "0.00 EUR"


def test_one_day_without_a_rate_leaves_no_interest_at_all_and_names_that_day() -> None:
    balances = (Balance(date(2026, 12, 1), Decimal(1190)),)

    found = interest(balances, currency="EUR", from_on=date(2026, 12, 1), to_on=date(2027, 1, 4), terms=B2B, rates=RATES)

    assert found == NoRate("rate_missing", "DE", date(2027, 1, 1))


def test_a_day_on_which_nothing_was_owed_needs_no_rate() -> None:
    balances = after_credits(Decimal(1190), [Credit(date(2026, 12, 20), Decimal(1190))], since=date(2026, 12, 1))

    found = interest(balances, currency="EUR", from_on=date(2026, 12, 1), to_on=date(2027, 1, 4), terms=B2B, rates=RATES)

    assert isinstance(found, Interest)
    assert found.days == 19


def test_an_unconfirmed_rate_gives_no_interest_until_a_person_confirms_it() -> None:
    said = {"country": "DE", "valid_from": "2026-07-01", "percent": "1.52", "sources": ("one",), "entered_on": "2026-11-21"}
    table = RateTable(rows=(RateRow.model_validate(said),))
    balances = (Balance(date(2026, 7, 1), Decimal(1000)),)
    asked: dict[str, Any] = {"currency": "EUR", "from_on": date(2026, 7, 1), "to_on": date(2026, 7, 31), "terms": B2B, "rates": table}

    assert interest(balances, **asked) == NoRate("rate_unconfirmed", "DE", date(2026, 7, 1), "DE 2026-07-01 1.52")
    assert isinstance(interest(balances, **asked, confirmed=frozenset({"DE 2026-07-01 1.52"})), Interest)


@given(AMOUNTS, STARTS, LENGTHS, LENGTHS)
def test_a_period_cut_in_two_bears_the_same_interest(owed: Decimal, start: date, first: int, second: int) -> None:
    cut, end = start + timedelta(days=first), start + timedelta(days=first + second)
    end = min(end, date(2026, 12, 31))

    whole, early, late = reckon(owed, start, end), reckon(owed, start, min(cut, end)), reckon(owed, min(cut, end) + timedelta(days=1), end)

    assert whole.exact == early.exact + late.exact


@given(AMOUNTS, STARTS, LENGTHS)
def test_a_day_more_never_bears_less(owed: Decimal, start: date, length: int) -> None:
    end = start + timedelta(days=length)

    assert (
        reckon(owed, start, min(end + timedelta(days=1), date(2026, 12, 31))).exact
        >= reckon(owed, start, min(end, date(2026, 12, 31))).exact
    )


@given(AMOUNTS, AMOUNTS, STARTS, LENGTHS)
def test_two_invoices_together_bear_what_each_bears(one: Decimal, other: Decimal, start: date, length: int) -> None:
    end = min(start + timedelta(days=length), date(2026, 12, 31))

    assert reckon(one + other, start, end).exact == reckon(one, start, end).exact + reckon(other, start, end).exact


@given(AMOUNTS, STARTS, LENGTHS, st.integers(0, 100), st.decimals(0, 1, places=2))
def test_a_payment_never_raises_the_interest_and_an_earlier_one_lowers_it_more(
    owed: Decimal, start: date, length: int, paid_after: int, share: Decimal
) -> None:
    end, paid_on = min(start + timedelta(days=length), date(2026, 12, 31)), start + timedelta(days=paid_after)
    paid = Credit(paid_on, owed * share)
    later = Credit(paid_on + timedelta(days=5), owed * share)

    nothing_paid = reckon(owed, start, end).exact
    assert reckon(owed, start, end, credits=(paid,)).exact <= reckon(owed, start, end, credits=(later,)).exact <= nothing_paid


@given(AMOUNTS, STARTS, LENGTHS)
def test_by_actual_days_it_is_never_more_than_by_365_and_always_within_half_a_cent(owed: Decimal, start: date, length: int) -> None:
    end = min(start + timedelta(days=length), date(2026, 12, 31))

    found = reckon(owed, start, end)

    assert found.exact <= reckon(owed, start, end, BY_365).exact
    assert abs(Fraction(found.amount.amount) - found.exact) <= Fraction(1, 200)
