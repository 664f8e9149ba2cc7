"""Money: a Decimal and its currency, parsed from the text of a number and never from a float.

Used by every room. Rounds once, where an amount is shown.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

EXPONENTS = {"JPY": 0, "HUF": 2, "EUR": 2, "SEK": 2, "DKK": 2, "NOK": 2, "USD": 2, "GBP": 2, "CHF": 2, "PLN": 2, "CZK": 2}
_GERMAN = re.compile(r"^-?\d{1,3}(\.\d{3})*,\d+$|^-?\d+,\d+$")
_PLAIN = re.compile(r"^-?\d+(\.\d+)?([eE][-+]?\d{1,2})?$")


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in one currency.

    Unit: the currency's major unit ("12.50" is twelve fifty). Raises ValueError where two currencies meet.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise ValueError("Money takes a finite Decimal: parse the text of the number with parse_decimal")

    def _same(self, other: "Money") -> Decimal:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be compared or added")
        return other.amount

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def minor_units(self) -> int:
        """The amount in whole cents, öre or yen. Raises ValueError where it has more decimal places than its currency."""
        units = self.amount.scaleb(EXPONENTS.get(self.currency, 2))
        if units != units.to_integral_value():
            raise ValueError(f"{self.currency} has not so many decimal places")
        return int(units)

    @classmethod
    def of_minor_units(cls, units: int, currency: str) -> "Money":
        """So many cents, öre or yen."""
        return cls(Decimal(units).scaleb(-EXPONENTS.get(currency, 2)), currency)

    def rounded(self) -> "Money":
        """The amount at the currency's exponent, ROUND_HALF_UP: for showing and for what is printed."""
        return Money(quantized(self.amount, self.currency), self.currency)

    def __str__(self) -> str:
        return f"{self.rounded().amount} {self.currency}"


def quantized(amount: Decimal, currency: str) -> Decimal:
    """`amount` at the exponent of `currency` (two places where it is not listed), ROUND_HALF_UP. Raises ValueError for over 28 digits."""
    try:
        return amount.quantize(Decimal(1).scaleb(-EXPONENTS.get(currency, 2)), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise ValueError("an amount of too many digits") from None


def parse_decimal(text: str) -> Decimal:
    """The number in `text`, exactly.

    Shape: "1234.5", "-3", "4.7005e1", or German "1.234,50". Raises ValueError for anything else ("", "NaN", "1,234.5").
    """
    text = text.strip()
    if _PLAIN.match(text):
        return Decimal(text)
    if _GERMAN.match(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    raise ValueError("not a decimal number")
