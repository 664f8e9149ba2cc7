"""What a program's act is confirmed with: one word for exactly what was shown, to one asker, once, for a quarter of an hour.

A word is made with a preview and holds nothing but a number, its end and a MAC over who was shown what. The key is this process's: after
a restart one looks again. Which were used is kept as long as they hold, with the answer, so that the same act sent twice is done once
and answered twice.
"""

import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from receiver.db import canonical_json
from workers.errors import StateConflict

LIFE_S = 900.0
USED_MAX = 10_000
STALE = "What was shown is no longer so, or was shown too long ago, or to somebody else: look again, then confirm what you see."
UNDER_WAY = "This very act is being carried out: ask again in a moment, with the same word, for what came of it."
Answer = Mapping[str, Any]


@dataclass(slots=True)
class Confirmations:
    """The words of one console. Safe to use from several threads."""

    clock: Callable[[], float] = time.monotonic
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _used: dict[str, tuple[float, Answer | None]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def made(self, who: str, shown: Any) -> str:
        """The word for what is `shown` to `who`."""
        number, ends = uuid.uuid4().hex, int(self.clock() + LIFE_S)
        return f"{number}.{ends}.{self._mac(number, ends, who, shown)}"

    def number(self, word: str, who: str, shown: Any) -> str:
        """The word's number, 32 hex digits: the id of the order it confirms. Raises StateConflict where it is not one for this."""
        number, _, rest = word.partition(".")
        ends, _, mac = rest.partition(".")
        known = ends.isascii() and ends.isdecimal() and len(ends) < 16 and self.clock() < int(ends)
        if not known or not hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(number, int(ends), who, shown).encode()):
            raise StateConflict(STALE)
        return number

    def answered(self, word: str, who: str) -> Answer | None:
        """What came of an act that was confirmed with this word by the same asker, or None. Raises StateConflict while it is done."""
        with self._lock:
            kept = self._used.get(self._name(word, who))
            if kept is None or self.clock() >= kept[0]:
                return None
            if kept[1] is None:
                raise StateConflict(UNDER_WAY)
            return kept[1]

    def once(self, word: str, who: str, carry: Callable[[], Answer]) -> Answer:
        """The answer of `carry`, kept, or the one kept before. What ends in an error may be tried again.

        Raises StateConflict where it is under way.
        """
        name, ends = self._name(word, who), self.clock() + LIFE_S
        if (before := self.answered(word, who)) is not None:
            return before
        with self._lock:
            if name in self._used:
                raise StateConflict(UNDER_WAY)
            self._used = {one: kept for one, kept in list(self._used.items())[-USED_MAX:] if self.clock() < kept[0]}
            self._used[name] = (ends, None)
        answer: Answer | None = None
        try:
            answer = carry()
            return answer
        finally:
            with self._lock:
                if answer is None:
                    self._used.pop(name, None)
                else:
                    self._used[name] = (ends, answer)

    def _name(self, word: str, who: str) -> str:
        return hashlib.sha256(f"{who}\0{word}".encode("utf-8", "surrogatepass")).hexdigest()

    def _mac(self, number: str, ends: int, who: str, shown: Any) -> str:
        said = canonical_json([number, ends, who, shown])
        return hmac.new(self.key, said.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
