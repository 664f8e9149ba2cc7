"""How guessing at API tokens is slowed: an address that sends wrong ones waits longer each time, as with log-ins.

A token that was right within the hour is not held up by what others at its address send: behind one address there may be many programs,
one of them with a token that was revoked. It is looked up like every other, so a revoked one ends at once. Used by web/access.py, on the
event loop.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from prometheus_client import Counter

from receiver.metrics import REGISTRY
from workers.console.pauses import Pauses

RIGHT_S, RIGHT_MAX = 3_600.0, 1_000
TOKENS = Counter("billhook_console_tokens_refused", "Requests with a wrong API token by what was answered", ["outcome"], registry=REGISTRY)


@dataclass(slots=True)
class Guesses:
    """The wrong tokens of the last hour by address, and which were right. Instants are seconds of a clock that only goes forward."""

    now_s: Callable[[], float] = time.monotonic
    pauses: Pauses = field(default_factory=Pauses)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _right: dict[bytes, float] = field(default_factory=dict)

    def wait_s(self, given: Sequence[str], peer: str) -> int:
        """How many whole seconds who sends these Authorization headers has to wait; 0 where the token is looked up."""
        if self._right.get(self._of(given), 0.0) > self.now_s():
            return 0
        left = self.pauses.wait_s(None, peer, now_s=self.now_s())
        if left <= 0:
            return 0
        TOKENS.labels("paused").inc()
        return int(left) + 1

    def wrong(self, given: Sequence[str], peer: str) -> None:
        """Note a wrong one."""
        self._right.pop(self._of(given), None)
        self.pauses.failed(None, peer, now_s=self.now_s())
        TOKENS.labels("wrong").inc()

    def right(self, given: Sequence[str]) -> None:
        """Note a right one; the address's failures stay."""
        if len(self._right) >= RIGHT_MAX:
            self._right.clear()
        self._right[self._of(given)] = self.now_s() + RIGHT_S

    def _of(self, given: Sequence[str]) -> bytes:
        return hashlib.blake2b("\0".join(given).encode("utf-8", "surrogatepass"), key=self._key).digest()
