"""Exact numbers in data and settings: a Decimal from the text of a number, never from a float.

Pure. 2.5 in TOML is a float, which does not hold 2.50: it is refused with the way to write it.
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator, Field


def exact(said: object) -> Decimal:
    """The number in `said`: text, a whole number or a Decimal. Raises ValueError saying what to write instead."""
    if isinstance(said, float):
        raise ValueError(f'write it in quotes, "{said:.2f}": a bare number with a point is not exact')
    if isinstance(said, bool) or not isinstance(said, str | int | Decimal):
        raise ValueError('a number is written in quotes, such as "2.50"')
    try:
        number = Decimal(said.strip() if isinstance(said, str) else said)
    except InvalidOperation:
        raise ValueError(f'"{said}" is not a number: write it with a point and without a currency, such as "2.50"') from None
    if not number.is_finite():
        raise ValueError(f'"{said}" is not an amount')
    return number


Exact = Annotated[Decimal, BeforeValidator(exact)]
Amount = Annotated[Exact, Field(ge=0)]
