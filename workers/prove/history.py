"""What one effect's rows in the log may look like: the edges of its life, its one request, and why it was called again.

Pure: taken row by row as the chain is followed, in a database and in an exported ledger.
"""

from dataclasses import dataclass

from workers.ledger import EDGES
from workers.prove.report import LEDGER

NOT_ASKED = {("calling", "not_asked"), ("unknown", "look_says_no")}


@dataclass(slots=True)
class History:
    """One effect as its log tells it so far; `state` is "" before its first row. `free`: nothing was asked since the last call."""

    state: str = ""
    request_hash: str = ""
    calls: int = 0
    free: bool = False

    def take(self, before: str, after: str, reason: str, request_hash: str) -> list[tuple[int, str]]:
        """(invariant, what is wrong) of each fault of the effect's next row."""
        faults: list[tuple[int, str]] = []
        if before != self.state:
            faults.append((LEDGER, f"the effect moves from {before or 'nothing'}, but was {self.state or 'never begun'}"))
        if after not in EDGES.get(before, ()):
            faults.append((LEDGER, f"{before or 'nothing'} → {after} is no step an effect takes"))
        if self.state and request_hash != self.request_hash:
            faults.append((7, "the effect's request is not the one it began with"))
        if after == "calling":
            if self.calls and not self.free and (before, reason) != ("unknown", "same_key"):
                faults.append((9, "called again with no not_asked, no look that says no, and not under the same key"))
            self.calls, self.free = self.calls + 1, False
        elif after == "intended":
            self.free = self.free or (before, reason) in NOT_ASKED
        elif after in ("done", "rejected", "unknown") and not self.calls:
            faults.append((8, f"{after}, but never calling"))
        self.state, self.request_hash = after, request_hash
        return faults
