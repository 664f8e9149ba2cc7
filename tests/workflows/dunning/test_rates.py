"""Rates: what holds on a day, what may be used, and what the shipped table says of itself."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.workflows.dunning.cases import RATES, day
from workflows.dunning.rates import SHIPPED, NoRate, RateRow, RateTable, half_year_end, half_year_start, parse_rates, shipped_rates

DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31))


def row(**said: object) -> RateRow:
    fields = {"country": "DE", "valid_from": "2026-07-01", "percent": "1.52", "sources": ("one", "two"), "entered_on": "2026-11-21"}
    return RateRow.model_validate(fields | said)


@pytest.mark.parametrize(
    ("on", "percent"),
    [
        ("2025-06-30", "2.27"),
        ("2025-07-01", "1.27"),
        ("2025-12-31", "1.27"),
        ("2026-06-30", "1.27"),
        ("2026-07-01", "1.52"),
        ("2026-12-31", "1.52"),
    ],
)
def test_a_rate_holds_from_the_first_to_the_last_day_of_its_half_year(on: str, percent: str) -> None:
    assert RATES.percent_on("DE", day(on)) == Decimal(percent)


def test_a_day_after_the_last_row_has_no_rate_and_never_the_last_one_known() -> None:
    assert RATES.percent_on("DE", date(2027, 1, 4)) == NoRate("rate_missing", "DE", date(2027, 1, 4))
    assert RATES.percent_on("NO", date(2026, 1, 4)) == NoRate("rate_missing", "NO", date(2026, 1, 4))


def test_an_unconfirmed_row_is_used_only_once_its_figure_was_confirmed() -> None:
    table = RateTable(rows=(row(),))

    found = table.percent_on("DE", date(2026, 8, 1))

    assert found == NoRate("rate_unconfirmed", "DE", date(2026, 8, 1), "DE 2026-07-01 1.52")
    assert table.percent_on("DE", date(2026, 8, 1), frozenset({"DE 2026-07-01 1.52"})) == Decimal("1.52")
    assert isinstance(table.percent_on("DE", date(2026, 8, 1), frozenset({"DE 2026-07-01 1.77"})), NoRate)


def test_what_waits_for_a_person_is_listed_until_it_is_confirmed() -> None:
    table = RateTable(rows=(row(), row(valid_from="2026-01-01", confirmed=True)))

    assert [one.key for one in table.unconfirmed()] == ["DE 2026-07-01 1.52"]
    assert table.unconfirmed(frozenset({"DE 2026-07-01 1.52"})) == ()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"valid_from": "2026-07-02"}, "base rates change on 1 January and 1 July only"),
        ({"valid_from": "2026-04-01"}, "base rates change on 1 January and 1 July only"),
        ({"confirmed": True, "sources": ("one",)}, "a confirmed row names 2 sources"),
        ({"confirmed": True, "sources": ("one", "one")}, "a confirmed row names 2 sources"),
        ({"percent": 1.52}, "write it in quotes"),
        ({"percent": "152"}, "less than or equal to 30"),
        ({"sources": ()}, "at least 1 item"),
        ({"country": "Germany"}, "match pattern"),
        ({"note": "x"}, "Extra inputs"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_with_the_reason(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        row(**said)


def test_two_rows_for_one_half_year_are_refused() -> None:
    with pytest.raises(ValidationError, match="DE 2026-07-01 has two rows"):
        RateTable(rows=(row(), row(percent="1.77")))


@pytest.mark.parametrize(
    ("today", "found"),
    [
        ("2026-12-17", None),
        ("2026-12-18", NoRate("rate_missing", "DE", date(2027, 1, 1))),
        ("2027-01-05", NoRate("rate_missing", "DE", date(2027, 1, 5))),
    ],
)
def test_a_missing_half_year_is_told_fourteen_days_before_it_begins(today: str, found: NoRate | None) -> None:
    assert RATES.gap_ahead("DE", day(today), days=14) == found


def test_a_half_year_that_is_missing_today_is_told_though_the_next_is_there() -> None:
    table = RateTable(rows=(row(confirmed=True),))

    assert table.gap_ahead("DE", date(2026, 6, 20), days=14) == NoRate("rate_missing", "DE", date(2026, 6, 20))


def test_a_gap_ahead_names_the_row_that_waits_for_a_person() -> None:
    table = RateTable(rows=(row(valid_from="2026-01-01", confirmed=True), row()))

    gap = table.gap_ahead("DE", date(2026, 6, 20), days=14)

    assert gap == NoRate("rate_unconfirmed", "DE", date(2026, 7, 1), "DE 2026-07-01 1.52")
    assert table.gap_ahead("DE", date(2026, 6, 20), frozenset({"DE 2026-07-01 1.52"}), days=14) is None


def test_a_scenario_replaces_the_rows_of_its_country_only() -> None:
    table = RATES.replaced({"DE": {"2026-01-01": "2.00"}})

    assert table.percent_on("DE", date(2026, 2, 1)) == Decimal("2.00")
    assert isinstance(table.percent_on("DE", date(2026, 7, 1)), NoRate)
    assert table.percent_on("SE", date(2026, 7, 1)) == Decimal("2.00")


@pytest.mark.parametrize(
    ("rows", "why"),
    [({"2026-02-01": "2.00"}, "1 January and 1 July only"), ({"soon": "2.00"}, "valid date"), ({"2026-01-01": "2,00"}, "a point")],
)
def test_a_scenario_with_a_rate_that_cannot_be_right_is_refused(rows: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RATES.replaced({"DE": rows})


def test_a_checksum_tells_a_changed_figure_and_not_another_order() -> None:
    one, other = row(valid_from="2026-01-01"), row()

    assert RateTable(rows=(one, other)).checksum == RateTable(rows=(other, one)).checksum
    assert RateTable(rows=(one,)).checksum != RateTable(rows=(row(valid_from="2026-01-01", percent="1.77"),)).checksum


def test_the_shipped_table_is_not_changed_without_its_checksum() -> None:
    changed = SHIPPED.read_text(encoding="utf-8").replace('"1.52"', '"1.77"')

    with pytest.raises(ValueError, match=r'look at each against its sources, then write checksum = "[0-9a-f]{16}"'):
        parse_rates(changed)


@pytest.mark.parametrize(
    ("country", "on", "percent"),
    [("DE", "2025-03-01", "2.27"), ("DE", "2025-09-01", "1.27"), ("DE", "2026-03-01", "1.27"), ("SE", "2023-09-01", "3.50")],
)
def test_the_shipped_table_has_what_two_sources_say(country: str, on: str, percent: str) -> None:
    assert shipped_rates().percent_on(country, day(on)) == Decimal(percent)


@pytest.mark.parametrize(
    "key", ["DE 2026-07-01 1.52", "SE 2025-01-01 3.00", "SE 2025-07-01 2.00", "SE 2026-01-01 2.00", "SE 2026-07-01 2.00"]
)
def test_what_the_central_bank_was_not_seen_to_say_ships_unconfirmed(key: str) -> None:
    assert key in {one.key for one in shipped_rates().unconfirmed()}


@given(DAYS)
def test_every_day_lies_in_exactly_one_half_year(on: date) -> None:
    start, end = half_year_start(on), half_year_end(on)

    assert start <= on <= end
    assert half_year_start(end) == start
    assert half_year_start(end + timedelta(days=1)) == end + timedelta(days=1)
