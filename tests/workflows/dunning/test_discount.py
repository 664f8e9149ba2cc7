"""Cash discount: when a rest is the discount that was allowed."""

from datetime import date

import pytest

from tests.workflows.dunning.cases import GERMANY, day
from workflows.dunning.amount import exact
from workflows.dunning.balance import Credit
from workflows.dunning.discount import CashDiscount, explained_by_discount

TWO_PERCENT = CashDiscount(exact("2.00"), 10)


def explained(outstanding: str, paid: list[tuple[str, str]] | None, discount: CashDiscount | None = TWO_PERCENT) -> bool:
    return explained_by_discount(
        discount,
        total=exact("1190.00"),
        outstanding=exact(outstanding),
        invoice_date=date(2026, 3, 2),
        credits=None if paid is None else [Credit(day(on), exact(amount)) for on, amount in paid],
        days=GERMANY,
        minimum=exact("5.00"),
    )


@pytest.mark.parametrize(
    ("outstanding", "paid", "taken"),
    [
        ("23.80", [("2026-03-12", "1166.20")], True),
        ("23.80", [("2026-03-13", "1166.20")], False),
        ("23.80", [("2026-03-10", "600.00"), ("2026-03-12", "566.20")], True),
        ("23.80", [("2026-03-10", "600.00"), ("2026-03-20", "566.20")], False),
        ("28.79", [("2026-03-12", "1161.21")], True),
        ("28.80", [("2026-03-12", "1161.20")], False),
        ("690.00", [("2026-03-12", "500.00")], False),
        ("1190.00", [], False),
        ("23.80", None, True),
        ("28.79", None, True),
        ("28.80", None, False),
        ("23.80", [], False),
        ("690.00", None, False),
    ],
)
def test_a_rest_is_the_discount_where_the_money_came_in_time(outstanding: str, paid: list[tuple[str, str]] | None, taken: bool) -> None:
    assert explained(outstanding, paid) is taken


@pytest.mark.parametrize("discount", [None, CashDiscount(exact("0"), 10)])
def test_without_a_discount_nothing_is_explained(discount: CashDiscount | None) -> None:
    assert not explained("4.00", None, discount)


def test_an_invoice_of_which_nothing_was_paid_is_not_explained_by_a_generous_discount() -> None:
    assert not explained("1190.00", None, CashDiscount(exact("100"), 10))


def test_the_last_day_of_a_discount_moves_to_a_working_day() -> None:
    assert TWO_PERCENT.ends_on(date(2026, 3, 4), GERMANY) == date(2026, 3, 16)


def test_a_discount_is_rounded_half_up_to_the_cent() -> None:
    assert str(CashDiscount(exact("2.5"), 8).amount(exact("0.20"))) == "0.01"
