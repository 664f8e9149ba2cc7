"""Absence: what it means that a provider does not show an object any more.

Used by the re-reads (workers/rereads.py), which ask for each object by name before anything is believed, and by the reads of runs. A
provider that lost its list, or whose login leads to another account, shows nothing of anything: an object counts as deleted only once it
was missing for an hour, and a finished invoice never, for no provider deletes one. Owns the alert `invoice_missing`.
"""

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workers import desk, mirror
from workers.mirror import Held

BELIEVED_AFTER = timedelta(hours=1)
LOOK_EVERY = timedelta(seconds=30)
SHOWN_WITHIN = timedelta(minutes=10)  # how long a provider's reads lag behind its notifications is in no source: our own caution
REASON = "invoice_missing"


def is_deletion(held: Held | None, *, missing_at: datetime, read_at: datetime) -> bool:
    """Whether an object that has been missing since `missing_at` may be told as deleted; so may one that nobody told of, or that is."""
    if held is None or not held.state.seen or held.state.deleted:
        return True
    return not _is_finished(held) and read_at - missing_at >= BELIEVED_AFTER


def may_be_lag(connection: Connection, source: str, kind: str, object_id: str, *, now: datetime) -> bool:
    """Whether an object that a read does not show was told of so lately that the read may only lag behind."""
    told_at = mirror.told_at(connection, source, kind, object_id)
    return told_at is not None and now - told_at < SHOWN_WITHIN


def look_again_at(missing_at: datetime, read_at: datetime) -> datetime:
    """When to ask for it once more."""
    believed_at = missing_at + BELIEVED_AFTER
    return believed_at if read_at < believed_at else read_at + BELIEVED_AFTER


def tell(connection: Connection, held: Held, *, missing_at: datetime, at: datetime) -> None:
    """Have people know of a finished invoice that the provider shows no more."""
    subject, detail = f"{held.source}/{held.object_id}", {"invoice": held.object_id, "missing_since": f"{missing_at:%Y-%m-%d %H:%M} UTC"}
    desk.alert(connection, source=held.source, subject=subject, reason=REASON, at=at, detail=detail)


def is_over(connection: Connection, source: str, object_id: str, *, at: datetime) -> None:
    """It is there again."""
    desk.close_alert(connection, f"{source}/{object_id}", REASON, at=at)


def _is_finished(held: Held) -> bool:
    return held.kind == "invoice" and held.state.fields.get("type") != "draft"
