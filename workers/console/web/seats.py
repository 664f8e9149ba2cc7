"""How many live streams each person, and each address, has open: a few, so that nobody's tabs or programs take all there are."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

EACH_MAX = 4  # a browser opens six connections to a host: two are left for its pages
ADDRESS_MAX = 16  # an office may share one
EVERY_MAX = 50


class Seats:
    """The seats of one console. Used from its event loop alone."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def seat(self, person: str, address: str) -> Iterator[bool]:
        """A seat for as long as the block lasts; false where this person, this address or everybody has too many already."""
        names = (("person", person), ("address", address), ("every", ""))
        free = all(self._taken[name] < most for name, most in zip(names, (EACH_MAX, ADDRESS_MAX, EVERY_MAX), strict=True))
        if not free:
            yield False
            return
        self._taken.update(names)
        try:
            yield True
        finally:
            self._taken.subtract(names)
            self._taken += Counter()  # forgets who has none
