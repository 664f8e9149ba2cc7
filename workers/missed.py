"""What was missed, and how it was found: facts that no delivery told, scans with their pace, and what no API brings back.

Reads only; used by `billhook gaps`. A fact counts as missed where a scan told it first, or a re-read after our own write; what was there
before the source was watched, and what we only learned more of, does not.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.inbox import Delivery
from workers import cursors, events, rereads
from workers.events import EventRow
from workers.mirror import Mirror, SnapshotRow
from workers.providers.scans import HOUR, UNSEEN, Scan

Row = dict[str, Any]
# The object's own word for when a fact became true, by the field of the mirror that says it.
SAID_AT = {
    "invoice.paid": "paid_on", "invoice.created": "invoice_date", "invoice.completed": "invoice_date", "customer.created": "created",
    "customer.updated": "last_update",
}  # fmt: skip
# A queue or an account that tells only when it is asked: nothing was missed there.
_ONLY_ASKED = (f"{rereads.SCAN}messages", f"{rereads.SCAN}account")
_EVENT, _DELIVERY, _MIRROR, _SNAPSHOT = table_of(EventRow), table_of(Delivery), table_of(Mirror), table_of(SnapshotRow)
_PUSH = _DELIVERY.alias("push")


def missed(connection: Connection, *, since: datetime, source: str | None = None, limit: int = 1000, among: int | None = None) -> list[Row]:
    """Facts found by a look since then, the newest first; `among`: only so many of the last events are looked at.

    {"source", "type", "customer_id", "invoice_id", "happened_at": by the object itself or None, "found_at", "found_by": a scan or re-read,
    "delivery_id", "event_id", "webhook": how long after the find it came, or "never"}.
    """
    found = sa.or_(_DELIVERY.c.actor.startswith(rereads.SCAN), _DELIVERY.c.actor == f"{rereads.REREAD}{rereads.OWN_WRITE}")
    query = (
        sa.select(_EVENT, _DELIVERY.c.actor, _DELIVERY.c.received_at, _DELIVERY.c.headers, _DELIVERY.c.native_type, _DELIVERY.c.native_id)
        .join(_DELIVERY, _DELIVERY.c.id == _EVENT.c.delivery_id)
        .where(_DELIVERY.c.origin == "poll", found, _DELIVERY.c.actor.not_in(_ONLY_ASKED), sa.not_(_EVENT.c.historical))
        .where(_EVENT.c.recorded_at >= since)
    )
    query = query if source is None else query.where(_EVENT.c.source == source)
    query = query if among is None else query.where(_EVENT.c.id > events.newest(connection) - among)
    rows = connection.execute(query.order_by(_EVENT.c.id.desc()).limit(limit)).mappings().all()
    return [_told(connection, row) for row in rows]


def _told(connection: Connection, row: sa.RowMapping) -> Row:
    kind, object_id = ("invoice", row["invoice_id"]) if row["invoice_id"] else ("customer", row["customer_id"])
    of = (_MIRROR.c.source == row["source"], _MIRROR.c.kind == kind, _MIRROR.c.object_id == object_id)
    held = connection.execute(sa.select(_MIRROR.c.id, _MIRROR.c.fields).where(*of)).first()
    came_at = _push_after(connection, row, None if held is None else held.id)
    return {
        "source": row["source"], "type": row["type"], "customer_id": row["customer_id"], "invoice_id": row["invoice_id"],
        "happened_at": _own_instant(row, {} if held is None else held.fields), "found_at": row["received_at"],
        "found_by": row["actor"].removeprefix(rereads.SCAN), "delivery_id": row["delivery_id"], "event_id": row["id"],
        "webhook": "never" if came_at is None else f"{_minutes(came_at - row['received_at'])} later",
    }  # fmt: skip


def _own_instant(row: sa.RowMapping, fields: Mapping[str, Any]) -> str | None:
    """When it happened, as the provider's record says: often no more than a day."""
    if row["headers"]:
        return str(row["headers"]).partition('"date":"')[2].partition('"')[0] or None
    said = fields.get(SAID_AT.get(row["type"], ""))
    return None if said is None else str(said)


def _push_after(connection: Connection, row: sa.RowMapping, mirror_id: int | None) -> datetime | None:
    """When a webhook about the object came in that speaks of the time before it was found, or None."""
    same = sa.and_(*(_PUSH.c[name] == row[name] for name in ("source", "native_type", "native_id")))
    again = sa.select(sa.func.min(_PUSH.c.received_at)).where(_PUSH.c.origin == "push", same, _PUSH.c.id > row["delivery_id"])
    pushed = sa.not_(_DELIVERY.c.native_type.startswith("poll."))  # a read that two scans made at once is a repeat too
    repeat = sa.select(_DELIVERY.c.last_repeat_at).where(_DELIVERY.c.id == row["delivery_id"], pushed)
    if (came := connection.execute(again).scalar_one() or connection.execute(repeat).scalar_one_or_none()) is not None or mirror_id is None:
        return came
    before = sa.or_(
        _SNAPSHOT.c.created_at <= row["received_at"],
        sa.and_(_SNAPSHOT.c.created_at.is_(None), _SNAPSHOT.c.received_at < row["received_at"] + HOUR),
    )
    query = (
        sa.select(sa.func.min(_SNAPSHOT.c.received_at))
        .join(_PUSH, _PUSH.c.id == _SNAPSHOT.c.delivery_id)
        .where(_SNAPSHOT.c.mirror_id == mirror_id, _PUSH.c.origin == "push", sa.not_(_SNAPSHOT.c.partial), before)
        .where(_PUSH.c.id > row["delivery_id"])
    )
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def _minutes(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def every(scan: Scan) -> str:
    """How often it is swept: "15 min", "6 h"."""
    return _minutes(scan.every)


def scanned(connection: Connection, source: str, scans: tuple[Scan, ...]) -> list[Row]:
    """The scan set of a source: what is asked how often, the last completed sweep, and what that comes to in requests an hour."""
    rows = cursors.of_source(connection, source)
    return [_scan(source, scan, rows.get(scan.name)) for scan in scans]


def _scan(source: str, scan: Scan, row: sa.RowMapping | None) -> Row:
    ended = row is not None and row["ended_at"] is not None
    place = cursors.place_in(row)
    return {
        "source": source, "scan": scan.name, "every": every(scan), "last_completed": row["ended_at"] if row is not None else None,
        "under_way": None if place is None else f"since {place.began_at:%Y-%m-%d %H:%M} UTC, {place.requests} requests",
        "requests": row["requests"] if row is not None and ended else None,
        "per_hour": round(row["requests"] * (HOUR / scan.every), 1) if row is not None and ended else None,
        "asks": scan.calls, "costs": scan.costs, "finds": list(scan.finds), "cannot_find": scan.misses,
    }  # fmt: skip


def lost_for_good(source: str, kind: str) -> list[Row]:
    """The kinds of facts no API of this source's provider brings back."""
    return [{"source": source, "fact": one.fact, "why": one.why} for one in UNSEEN.get(kind, ())]
