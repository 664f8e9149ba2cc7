"""The lease of one claim while its worker reads: what is only looked at writes nothing that would renew it.

Used by workers/run.py, and through a Deed where a call is made ready or looked for. Asked before each request of a read.
"""

from workers import claims
from workers.claims import Claim
from workers.runtime import Runtime

RENEWED_AFTER_S = 4.0  # a request takes at most 20 s, and a first lease at least 24 s


class Lease:
    """Renewed where some of it has passed, so that a run that reads for long is nobody else's to take."""

    def __init__(self, runtime: Runtime, claim: Claim) -> None:
        self._runtime, self._claim = runtime, claim
        self._renewed_s = runtime.clock.boot_s()

    def renew(self) -> None:
        """Renew it where it is time. Raises LostLease."""
        runtime, claim, now = self._runtime, self._claim, self._runtime.clock.boot_s()
        if now - self._renewed_s < RENEWED_AFTER_S:
            return
        runtime.db.write(lambda c: claims.hold(c, claim.run_id, claim.fence, machine=runtime.clock.machine(c)))
        self._renewed_s = now
        runtime.point("renewed")
