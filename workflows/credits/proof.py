"""What balances prove: whether a top-up arrived, and whether more came than we know of.

Pure. Amounts are Decimals in one currency.
"""

from decimal import Decimal
from typing import Literal

Proof = Literal["confirmed", "confirmed_with_drift", "review"]


def proof_of(before: Decimal, amount: Decimal, after: Decimal) -> Proof:
    """`before` and `after` one call of `amount`: exactly it, it less some usage in between, or something nobody can explain."""
    if after == before + amount:
        return "confirmed"
    return "confirmed_with_drift" if before < after < before + amount else "review"


def unexplained(then: Decimal, granted: Decimal, now: Decimal) -> Decimal:
    """By how much a balance is higher than what was there and what we granted since; 0 or less is usage."""
    return now - (then + granted)
