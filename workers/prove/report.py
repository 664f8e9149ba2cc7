"""The report: what was looked at, what is broken, and what no database can show.

Every check adds its findings here under the number of an invariant (DESIGN section 3), or under LEDGER for the log itself.
"""

from collections import Counter
from dataclasses import dataclass, field

LEDGER = 0
KEPT_MAX = 100

TITLES = {
    LEDGER: "the effect log is whole: hash-chained, in order, with the head kept outside",
    1: "a 2xx means the delivery is durable",
    2: "one delivery per identity",
    3: "every routed delivery started or woke what it should, or recorded why not",
    4: "the journal is written only under the current fence",
    5: "one live run per workflow and key",
    6: "a waiting run has seen every matching event",
    7: "a slot is done at most once per generation, and a request never changes",
    8: "no provider call without a committed calling",
    9: "a second call only after not_asked, after a look that says no, or under the provider's own key",
    10: "finished runs own no lease, wait or timer",
    11: "every unfinished run has a next cause",
    12: "replaying a journal on the same code writes nothing",
    13: "all of this holds whatever Redis contains",
}
NOT_SHOWN = {
    1: "the senders' answers are not in the database; the tests compare them with the client's own log",
    12: "needs the code of the workflows: billhook check-replay",
    13: "Redis is no part of the database; the tests empty it",
}
PARTLY = {
    3: "shown: an outcome on every routed delivery and a delivery behind every event; whether the outcome is right, only the code knows",
    4: "the journal keeps no fence; shown: no entry without a run, before its first claim, or a lease past its end",
    6: "shown: no waiting run slept over what woke it, no event about its objects failed to wake it, no trigger was left behind",
    8: "whether a call went out that nobody wrote down, only the provider's own log shows",
    9: "the life of a provider's key stands in the code",
}
LEDGER_ONLY = "needs the database"
NOT_VOUCHED = (
    "the end of the log behind the newest head kept outside, and how a database stood that was put back together with those heads",
    "of an effect: reason, attempts, wake_at, retired, the fresh read itself (only its hash), an approval that was given and taken back",
    "what a run read and decided: of the journal only the entries of done effects are compared; nor a run's key, policy and times",
    "an event changed together with its data, and whether it follows from its delivery: only the code that reads it knows",
    "a delivery no event, run or order names; the mirror, blocks, tasks, alerts and parked items",
    "lines of the audit about what is no longer in force: an earlier mode, a pause or freeze that ended, a call-off, an unfreeze",
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is broken. `subject` names it as the lists do ("effect:…", "run:…", "row 12"); `seq` is a log row's number."""

    invariant: int
    subject: str
    what: str
    seq: int | None = None


@dataclass
class Report:
    """What a proof came to. Of one invariant at most KEPT_MAX findings are kept; all are counted."""

    kept: list[Finding] = field(default_factory=list)
    broken: Counter[int] = field(default_factory=Counter)
    looked_at: Counter[str] = field(default_factory=Counter)
    notes: dict[int, str] = field(default_factory=lambda: NOT_SHOWN | PARTLY)
    not_shown: set[int] = field(default_factory=lambda: set(NOT_SHOWN))

    def add(self, invariant: int, subject: str, what: str, *, seq: int | None = None) -> None:
        """Keep one finding."""
        self.broken[invariant] += 1
        if self.broken[invariant] <= KEPT_MAX:
            self.kept.append(Finding(invariant=invariant, subject=subject, what=what, seq=seq))

    def counted(self, what: str, many: int) -> None:
        """Count what was looked at."""
        self.looked_at[what] += many

    def join(self, other: "Report") -> None:
        """Take over what another process found."""
        for finding in other.kept:
            self.add(finding.invariant, finding.subject, finding.what, seq=finding.seq)
        self.broken += other.broken - Counter(finding.invariant for finding in other.kept)
        self.looked_at += other.looked_at

    def only_ledger(self) -> None:
        """An exported ledger shows the log, and of the invariants what the log alone can show."""
        shown = (LEDGER, 7, 8, 9)
        self.not_shown |= {number for number in TITLES if number not in shown}
        self.notes |= {number: LEDGER_ONLY for number in TITLES if number not in (*shown, *NOT_SHOWN)}
        self.notes[7] = "shown: no request changed; slots are in the database"

    def result(self, invariant: int) -> str:
        """`broken`, `holds` or `not shown`."""
        return "broken" if self.broken[invariant] else "not shown" if invariant in self.not_shown else "holds"

    @property
    def clean(self) -> bool:
        """Whether nothing is broken."""
        return not self.broken
