"""Telling what repeats: the first at once, then how often it came again, once a minute.

Used where one trouble comes back many times a second: the door's writer, the refusal list, the main loops of the workers. Knows no
logger: its caller writes the line.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

EVERY_S = 60.0

K = TypeVar("K", bound=Hashable)


class Repeats(Generic[K]):
    """What happened lately, by kind. Safe to share between threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[K, float] = {}
        self._untold: Counter[K] = Counter()
        self._lock = threading.Lock()

    def due(self, kind: K) -> int:
        """How many to tell of now: 1 for the first of its kind, 0 in the minute after one was told, else all since then."""
        with self._lock:
            now = self._clock()
            self._untold[kind] += 1
            if now - self._told.get(kind, float("-inf")) < EVERY_S:
                return 0
            self._told[kind] = now
            return self._untold.pop(kind)

    def overdue(self) -> list[tuple[K, int]]:
        """The kinds whose minute is over, with how many nobody was told of. One that did not come again is forgotten."""
        with self._lock:
            now = self._clock()
            over = [kind for kind, told in self._told.items() if now - told >= EVERY_S]
            counts = [(kind, self._untold.pop(kind, 0)) for kind in over]
            for kind, count in counts:
                if count:
                    self._told[kind] = now
                else:
                    del self._told[kind]
            return [(kind, count) for kind, count in counts if count]

    def over(self) -> int:
        """Forget everything, because it is over; how many nobody was told of. -1 where nothing had happened."""
        with self._lock:
            untold = sum(self._untold.values()) if self._told else -1
            self._told.clear()
            self._untold.clear()
            return untold
