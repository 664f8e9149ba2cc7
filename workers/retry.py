"""When to ask again: the only place that decides it.

Retryable means that nothing was asked; the wait is durable (a `wake_at`), never a sleep in a thread.
"""

import hashlib
from datetime import timedelta

from receiver.errors import BillhookError, Retryable

FIRST_S = 1.0
LONGEST_S = 900.0


def backoff(attempt: int, cause: Retryable | None = None, *, key: str = "") -> timedelta:
    """How long to wait after the `attempt`-th failure (from 1): doubling from 1 s to 15 min, half of it jitter drawn from `key`.

    The other side's own wish (Retry-After) is never undercut.
    """
    ceiling = min(LONGEST_S, FIRST_S * 2 ** min(max(attempt, 1) - 1, 20))
    drawn = int.from_bytes(hashlib.sha256(f"{key}:{attempt}".encode()).digest()[:4], "big") / 2**32
    wanted = ceiling / 2 + drawn * ceiling / 2
    return timedelta(seconds=max(wanted, cause.retry_after_s or 0.0 if cause else 0.0))


def told(reason: str, cause: BillhookError) -> str:
    """The code kept for a read or call that came to nothing, such as "read_failed: credentials" or "read_failed: status 503".

    The kind is billhook's own word; an HTTP status stands behind the kind that says no more than that there was one.
    """
    kind, status = cause.context.get("kind"), cause.context.get("status")
    if not isinstance(kind, str):
        return reason
    return f"{reason}: {kind} {status}" if kind == "status" and isinstance(status, int) else f"{reason}: {kind}"


def settle_pause(tries: int) -> float | None:
    """Seconds until an answer that could not be kept is written again, or None: the answer is known only here, so the first is at once.

    In all less than the lease: the one wait in a thread, because letting go would lose what the provider said.
    """
    pauses = (0.0, 0.2, 1.0, 3.0)
    return pauses[tries] if tries < len(pauses) else None


def failure_pause(failures: int) -> timedelta | None:
    """How long a run that met a bug rests before its next try, or None: three tries, then a person."""
    return None if failures >= 3 else timedelta(seconds=5 * 4**failures)
