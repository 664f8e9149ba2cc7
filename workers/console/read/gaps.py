"""What no notification told, and how quiet a source is: the scans with their last sweep, what they found, and the watch for silence.

Used by the page Sources; `billhook gaps` tells the same of all time. What was found is looked for among the last RECENT events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.settings import SourceSettings
from workers import missed, silence
from workers.desk import Alert
from workers.providers.scans import Scan
from workers.silence import Watch

LATELY = timedelta(days=7)
RECENT, FOUND_MAX = 20_000, 20
_ALERT = table_of(Alert)


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """How quiet a source is. `alert` is the open alert's id and `state` its state, where there is one."""

    watch: Watch
    silent: bool
    alert: int | None = None
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The scan set of a source (missed.scanned), the newest completed sweep, and what was found lately, the newest first."""

    scans: Sequence[dict[str, Any]]
    last_at: datetime | None
    found: Sequence[dict[str, Any]]
    more: bool


def quiet(connection: Connection, source: SourceSettings, *, last_at: datetime | None, now: datetime) -> Quiet:
    """The watch for silence of a source, and its alert. `last_at`: its last push, which the watch may not have taken in yet."""
    watch = silence.watch(connection, source.name, source.tz, source.silence_limit)
    same = (_ALERT.c.subject == source.name, _ALERT.c.reason == silence.REASON, _ALERT.c.closed_at.is_(None))
    alert = connection.execute(sa.select(_ALERT.c.id, _ALERT.c.state).where(*same)).first()
    told = {"alert": alert.id, "state": alert.state} if alert is not None else {}
    heard_since = last_at is not None and (watch.last_at is None or last_at > watch.last_at)
    return Quiet(watch=watch, silent=watch.is_silent(now) and not heard_since, **told)


def looked(connection: Connection, source: str, scans: tuple[Scan, ...], *, now: datetime) -> Looked:
    """What is looked through for a source, and what was found by it in the past week."""
    rows = missed.scanned(connection, source, scans)
    found = missed.missed(connection, since=now - LATELY, source=source, limit=FOUND_MAX + 1, among=RECENT)
    last_at = max((row["last_completed"] for row in rows if row["last_completed"] is not None), default=None)
    return Looked(scans=rows, last_at=last_at, found=found[:FOUND_MAX], more=len(found) > FOUND_MAX)
