"""Working days of a place: which days are off, by country, region and kind."""

from datetime import date

import pytest

from workers.workdays import check_place, is_workday


def test_a_regional_holiday_counts_in_its_region_only() -> None:
    epiphany = date(2027, 1, 6)

    assert is_workday(epiphany, "DE", None)
    assert is_workday(epiphany, "DE", "BE")
    assert not is_workday(epiphany, "DE", "BY")


def test_the_swedish_eves_are_off_only_where_they_are_asked_for() -> None:
    midsummer = date(2026, 6, 19)

    assert is_workday(midsummer, "SE", None)
    assert not is_workday(midsummer, "SE", None, ("public", "de_facto"))


def test_a_place_without_known_holidays_is_refused_with_what_is_known() -> None:
    check_place("DE", "BY")
    check_place("SE", None)
    with pytest.raises(ValueError, match=r'"DE" has no region "XX": one of .*BY'):
        check_place("DE", "XX")
    with pytest.raises(ValueError, match='no holidays are known for country "Germany"'):
        check_place("Germany", None)
