"""How long one who typed a wrong password waits: per name and per peer address, each failure twice as long as the one before.

In memory, of a fixed size: a name or address falls into one of BUCKETS by a keyed hash, so that nobody can fill it up or push another
out; two that share a bucket share their pause. A restart forgets it. Used on the event loop by web/login.py, and by web/guesses.py for
API tokens, which have no name: of these only the peer waits.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

BUCKETS = 4_096
FREE = 3  # so many failures in a row cost nothing: people mistype
NAME_MAX_S = 60.0  # short: whoever knows a name could otherwise keep its owner out
PEER_MAX_S = 900.0
FORGOTTEN_S = 3_600.0
AUDITED_A_MINUTE = 30


@dataclass(slots=True)
class _Bucket:
    failures: int = 0
    last_s: float = 0.0


@dataclass(slots=True)
class Pauses:
    """The failures of the last hour. Instants are seconds of any clock that only goes forward."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    buckets: dict[int, _Bucket] = field(default_factory=dict)
    minute: int = -1
    told: int = 0
    untold: int = 0

    def wait_s(self, name: str | None, peer: str, *, now_s: float) -> float:
        """How long this name or this peer has to wait yet; 0 where it may try. None: there is no name."""
        by_name = self._left(f"name:{name}", NAME_MAX_S, now_s) if name is not None else 0.0
        return max(by_name, self._left(f"peer:{network(peer)}", PEER_MAX_S, now_s))

    def failed(self, name: str | None, peer: str, *, now_s: float) -> None:
        """Note a failure. It is noted before the password is checked, and taken back by `succeeded`: many at once gain nothing."""
        for what in ([f"name:{name}"] if name is not None else []) + [f"peer:{network(peer)}"]:
            bucket = self.buckets.setdefault(self._place(what), _Bucket())
            if now_s - bucket.last_s > FORGOTTEN_S:
                bucket.failures = 0
            bucket.failures, bucket.last_s = bucket.failures + 1, now_s

    def succeeded(self, name: str, peer: str) -> None:
        """Forget the failures of the name; of the peer only this attempt, or a known account would buy guesses at others."""
        self.buckets.pop(self._place(f"name:{name}"), None)
        if bucket := self.buckets.get(self._place(f"peer:{network(peer)}")):
            bucket.failures = max(0, bucket.failures - 1)

    def to_audit(self, *, now_s: float) -> int | None:
        """Whether this failure is to be kept: how many before it were not, or None where it is only counted, over 30 in a minute."""
        if self.minute != int(now_s // 60):
            self.minute, self.told = int(now_s // 60), 0
        if self.told >= AUDITED_A_MINUTE:
            self.untold += 1
            return None
        self.told, missed, self.untold = self.told + 1, self.untold, 0
        return missed

    def _left(self, what: str, most_s: float, now_s: float) -> float:
        bucket = self.buckets.get(self._place(what))
        if bucket is None or bucket.failures < FREE:
            return 0.0
        pause = min(most_s, 2.0 ** min(bucket.failures - FREE, 16))
        return max(0.0, bucket.last_s + pause - now_s)

    def _place(self, what: str) -> int:
        return int.from_bytes(hashlib.blake2b(what.encode("utf-8", "surrogatepass"), key=self.key, digest_size=4).digest()) % BUCKETS


def network(peer: str) -> str:
    """What counts as one peer: an IPv4 address, and a /64 of IPv6, which one machine may have whole."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or address.exploded[:19])
    return peer
