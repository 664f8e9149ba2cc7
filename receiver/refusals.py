"""The refusal list's writer: what the door turned away is kept with its cause, off the hot path.

Samples in memory (so many full rows a minute for each source and cause, the rest only counted) and caps each source in rows and
bytes, so a flood costs counters and good traffic nothing. Never keeps a credential: headers are the door's allow-list.
"""

import threading
import time
from collections import Counter, deque
from dataclasses import replace

import sqlalchemy as sa

from receiver.db import Database
from receiver.errors import DatabaseBusy
from receiver.inbox import RefusedRequest, cap_refusals, count_refusals, keep_refusals
from receiver.log import get_logger
from receiver.metrics import REFUSALS_DROPPED
from receiver.repeats import Repeats
from receiver.settings import ReceiverSettings

BODY_KEPT = 65_536
WAITING_MAX = 256
FLUSH_S = 0.5
WINDOW_S = 60.0

log = get_logger(__name__)


class RefusalLog:
    """Takes refusals from the event loop and writes them in a thread of its own. `add` never blocks and never raises."""

    def __init__(self, database: Database, settings: ReceiverSettings) -> None:
        self._database, self._settings = database, settings
        self._rows: deque[RefusedRequest] = deque()
        self._seen: Counter[tuple[str, str]] = Counter()
        self._window: Counter[tuple[str, str]] = Counter()
        self._window_began = time.monotonic()
        self._told: Repeats[tuple[str, str, int]] = Repeats()
        self._failures: Repeats[str] = Repeats()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="billhook-refusals", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def add(self, refusal: RefusedRequest) -> None:
        """Keep one refusal, or count it where enough of its like were kept this minute. The first of its like is logged, then a count."""
        like = (refusal.source, refusal.cause)
        _log(refusal.source, refusal.cause, refusal.status, self._told.due((*like, refusal.status)))
        with self._lock:
            if time.monotonic() - self._window_began > WINDOW_S:
                self._window.clear()
                self._window_began = time.monotonic()
            self._window[like] += 1
            if self._window[like] <= self._settings.refusals_per_minute and len(self._rows) < WAITING_MAX:
                self._rows.append(replace(refusal, body=refusal.body[:BODY_KEPT], detail=refusal.detail[:256]))
            else:
                self._seen[like] += 1
                REFUSALS_DROPPED.inc()

    def flush(self) -> None:
        """Write what waits; where the database does not take it, it is dropped: refusals are not worth a queue."""
        for told, count in self._told.overdue():
            _log(*told, count)
        with self._lock:
            rows, seen = list(self._rows), dict(self._seen)
            self._rows.clear()
            self._seen.clear()
        if not rows and not seen:
            return
        limits = self._settings

        def write(connection: sa.Connection) -> None:
            keep_refusals(connection, rows)
            count_refusals(connection, seen)
            for source in {row.source for row in rows}:
                cap_refusals(connection, source, rows_max=limits.refusals_max, bytes_max=limits.refusals_max_bytes)

        try:
            self._database.write(write, timeout_s=5.0)
        except (sa.exc.SQLAlchemyError, DatabaseBusy) as error:
            REFUSALS_DROPPED.inc(len(rows))
            if count := self._failures.due(type(error).__name__):
                log.warning("refusals could not be kept", count=count, error=type(error).__name__)
        else:
            self._failures.over()

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(6.0)
        self.flush()

    def _run(self) -> None:
        while not self._ended.wait(FLUSH_S):
            self.flush()


def _log(source: str, cause: str, status: int, count: int) -> None:
    if count:
        log.warning("refused at the door", source=source, cause=cause, status=status, count=count, command="billhook refusals")
