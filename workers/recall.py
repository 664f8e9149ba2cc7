"""Recall: what a run knows from its journal, and the order in which the journal has it.

The ground of workers/run.py: the function must pass its entries in the order they were written, and then what it has in the ledger,
before anything new may happen. Nothing here writes.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, Protocol, TypeVar, cast
from zoneinfo import ZoneInfo

from receiver.event import Event
from workers.claims import Claim
from workers.errors import Diverged, StepInvalid, Unwind
from workers.journal import Entry
from workers.registry import Workflow
from workers.witness import Witness

M = TypeVar("M", bound=Callable[..., Any])


class Archive(Protocol):
    """What a journal refers to and does not hold itself."""

    def policy_body(self, policy_id: int) -> Mapping[str, Any]: ...

    def event(self, event_id: int) -> Event: ...

    def zone_of(self, source: str) -> ZoneInfo: ...


def act(method: M) -> M:
    """billhook's own part of a workflow function: no trap is set in it, and once an Unwind left it nothing more is done."""

    @wraps(method)
    def done(self: "Recall", *args: Any, **kwargs: Any) -> Any:
        if self._left is not None:
            raise self._left
        try:
            if self.witness is None:
                return method(self, *args, **kwargs)
            with self.witness.looking_away():
                return method(self, *args, **kwargs)
        except Unwind as left:
            self._left = left
            raise

    return cast(M, done)


class Recall:
    """One run, as far as its journal tells it."""

    def __init__(
        self,
        archive: Archive,
        claim: Claim,
        workflow: Workflow,
        kept: dict[str, Entry],
        unsettled: Collection[str],
        witness: Witness | None,
    ) -> None:
        """`unsettled`: steps of effects that have a row in the ledger and no entry in the journal yet."""
        self._archive, self._claim, self._workflow, self._kept, self.witness = archive, claim, workflow, kept, witness
        self._ahead = deque((entry.name, entry.kind) for entry in kept.values() if entry.kind != "patch")
        self._ahead.extend((step, "effect") for step in unsettled if step not in kept)
        self._used: set[str] = set()
        self._left: Unwind | None = None
        self._waits = 0
        self._now: datetime = claim.row["started_at"]
        self._last: str | None = None

    @property
    def id(self) -> str:
        return self._claim.run_id

    @property
    def source(self) -> str:
        return str(self._claim.row["source"])

    @property
    def mode(self) -> str:
        """The mode the run started under: observe, propose or auto."""
        return str(self._claim.row["mode"])

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the source's account."""
        return self._archive.zone_of(self.source)

    @property
    def reissued(self) -> bool:
        """Whether a person (or a named rule) ordered this run to do again what was done."""
        return self._claim.row["reissue"] is not None

    def now(self) -> datetime:
        """The business time of the last journaled step: aware, UTC, the same at every replay."""
        return self._now

    @property
    def last_step(self) -> str | None:
        """The step the function came to last, for messages to its author."""
        return self._last

    def check_replayed(self, now: str = "the end") -> None:
        """Raise Diverged where `now` comes before a step the journal has: today's code is not the one that wrote it."""
        if self._left is None and self._ahead:
            step, was = self._ahead[0]
            self._left = Diverged(step=step, was=was, now=now, file=self._workflow.file)
        if self._left is not None:
            raise self._left

    def _entry(self, name: str, kind: str, asked: str = "") -> Entry | None:
        if name in self._used:
            raise StepInvalid(f'The step name "{name}" is used twice: give each step of a run its own', file=self._workflow.file)
        self._used.add(name)
        self._last = name
        if self.witness is not None:
            self.witness.note(name, kind, asked)
        if self._ahead and self._ahead[0] != (name, kind):
            self.check_replayed(f'{kind} "{name}"')
        if self._ahead:
            self._ahead.popleft()
        entry = self._kept.get(name)
        if entry is not None:
            self._now = max(self._now, entry.at)
        return entry

    def _take(self, entry: Entry) -> Entry:
        self._kept[entry.name] = entry
        self._now = max(self._now, entry.at)
        return entry

    def _next_wait(self, kind: str) -> str:
        self._waits += 1
        return f"{kind}-{self._waits}"
