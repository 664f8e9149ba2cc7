"""Exact numbers: what is taken for one, and what is told to whoever wrote another."""

from decimal import Decimal

import pytest
from pydantic import BaseModel, ValidationError

from workflows.dunning.amount import Amount, exact


class Priced(BaseModel):
    price: Amount


@pytest.mark.parametrize(("said", "number"), [("2.50", "2.50"), (" 3 ", "3"), (40, "40"), (Decimal("0.10"), "0.10"), ("-1.27", "-1.27")])
def test_text_whole_numbers_and_decimals_are_exact(said: object, number: str) -> None:
    assert str(exact(said)) == number


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (2.5, 'write it in quotes, "2.50"'),
        (True, 'a number is written in quotes, such as "2.50"'),
        (None, 'a number is written in quotes, such as "2.50"'),
        ("40 EUR", '"40 EUR" is not a number'),
        ("1,27", "with a point"),
        ("NaN", "is not an amount"),
        ("Infinity", "is not an amount"),
    ],
)
def test_what_is_not_exact_is_refused_with_the_way_to_write_it(said: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        exact(said)


def test_an_amount_is_not_negative() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Priced.model_validate({"price": "-0.01"})
