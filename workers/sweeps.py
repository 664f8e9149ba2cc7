"""A sweep: one going through of one scan of one source, with the requests it has made.

Made by workers/gaps.py, handed to the walks. Its client takes a token for every request and counts it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from workers import rereads
from workers.limits import Rank
from workers.providers.scans import Scan
from workers.runtime import Runtime

Where = dict[str, Any]
Step = tuple[int, Where | None]  # how many deliveries a step made, and where to go on, None at the end


@dataclass(kw_only=True)
class Sweep:
    """`since`: from when on it looks, where it goes by time. `stuck`: the last request at this place failed."""

    runtime: Runtime
    source: str
    scan: Scan
    began_at: datetime
    since: datetime
    rank: Rank
    requests: int = 0
    stuck: bool = False

    @property
    def client(self) -> Any:
        """The provider's client, at this sweep's rank."""
        return self.runtime.client(self.source, self.rank, counted=self._count)

    def operation(self, requests: int) -> Any:
        """The client for several requests that are made together. Raises RateHeld."""
        return self.runtime.operation(self.source, self.rank, requests, counted=self._count)

    def _count(self) -> None:
        self.requests += 1

    @property
    def found_by(self) -> str:
        """Whose find a delivery is, as the inbox keeps it."""
        return f"{rereads.SCAN}{self.scan.name}"

    def now(self) -> datetime:
        with self.runtime.db.read() as connection:
            return self.runtime.clock.business(connection)

    def keep(self, records: Mapping[str, Mapping[str, Any]], *, read_at: datetime) -> int:
        """Put the records that differ from the mirror into the inbox; how many deliveries that made."""
        added = rereads.keep_reads(self.runtime, self.source, self.scan.kind, records, read_at=read_at, found_by=self.found_by)
        for delivery_id in added:
            self.runtime.announcer.announce_delivery(delivery_id)
        return len(added)

    def ask_again(self, ids: Iterable[str], *, reason: str, at: datetime) -> None:
        """Have these objects read one by one: what a list does not show may be there all the same."""
        wanted = list(ids)

        def act(connection: Connection) -> None:
            for id in wanted:
                rereads.ask(connection, self.source, self.scan.kind, id, reason=reason, at=at)

        if wanted:
            self.runtime.db.write(act)
            self.runtime.point("reread-asked")
