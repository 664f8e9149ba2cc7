"""The rate a provider takes calls at, and how a token bucket keeps to it although one operation may need several calls.

What may be done at once and what refills make up the rate together, so no window of `seconds` sees more than `calls`. Of what may
be done at once, a part is the bucket's size and the rest its overdraft: an operation begins with the first token it finds, and what
its other calls lack is owed. So a read that takes four calls gets through a bucket that never holds four.
"""

from dataclasses import dataclass

LARGEST = 4  # calls of one common operation: an invoice, its customer and its reminders read, then the call itself
AT_ONCE = 0.2
SECOND, MINUTE, HOUR = 1, 60, 3600


@dataclass(frozen=True, slots=True)
class Rate:
    """`calls` in every `seconds`. `largest`: the calls of the largest operation for which that is kept in every window, not on average.

    A rate that is lower than about five times `largest` refills slower, so that the window is kept all the same.
    """

    calls: int
    seconds: int = MINUTE
    largest: int = LARGEST

    @property
    def at_once(self) -> float:
        return max(float(self.largest), self.calls * AT_ONCE)

    @property
    def overdraft(self) -> float:
        """How many tokens may be owed."""
        return 0.0 if self.largest == 1 else max(self.largest - 1, self.at_once / 2)

    @property
    def size(self) -> float:
        """Tokens of a full bucket, at least one."""
        return self.at_once - self.overdraft

    @property
    def per_s(self) -> float:
        """Tokens a second."""
        return max(self.calls - self.at_once, self.calls / 2) / self.seconds


class Steady(Rate):
    """One after the other, so many on average: a pace somebody chose, and no provider's limit."""

    @property
    def at_once(self) -> float:
        return 1.0

    @property
    def overdraft(self) -> float:
        return 0.0

    @property
    def per_s(self) -> float:
        return self.calls / self.seconds
