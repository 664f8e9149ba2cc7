"""From changes of the fold to events that are news.

Pure functions, used by workers/routing.py: which changes were told before, which are history, late or an echo, and what each is
called for ever.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from receiver.event import Event, event_class
from workers.fold import Change, Entry, Folded, still_true

EPOCHS = ("invoice.paid", "invoice.reopened")
PER_DELIVERY = ("invoice.changed", "customer.updated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event already in the table."""

    type: str
    identity: str
    delivery_id: int
    historical: bool
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A change nobody was told of yet."""

    event: Event
    identity: str
    late: bool
    historical: bool
    starts: bool
    corrects: int | None = None


def news(
    source: str,
    kind: str,
    object_id: str,
    found: Sequence[Change],
    told: Iterable[Told],
    *,
    entry: Entry,
    state: Folded,
    first: Entry | None,
    baseline: bool,
    since: datetime | None,
    zone: ZoneInfo,
    echo: bool,
) -> list[News]:
    """The events `entry` revealed, in order.

    `first`: the object's first snapshot, None where what was found cannot have been the first thing said of it. `baseline`: whether a
    baseline read is among its snapshots.
    """
    known = list(told)
    customer_id = state.fields.get("customer_id") if kind == "invoice" else object_id
    result = []
    for change in found:
        identity = _identity(kind, object_id, change)
        before = _told_before(change, identity, known, entry) or _told_by_later(change, found, known)
        historical = _historical(change, first, state, since, zone)
        corrects = before.id if before is not None and _outweighs(before, change, entry, historical, baseline=baseline) else None
        if before is not None and corrects is None:
            continue
        made = _event(source, kind, object_id, customer_id, change)
        late = not change.last
        starts = not historical and not echo and (not late or still_true(change.type, state))
        result.append(News(event=made, identity=identity, late=late, historical=historical, starts=starts, corrects=corrects))
    return result


def _identity(kind: str, object_id: str, change: Change) -> str:
    if change.type in EPOCHS or change.type in PER_DELIVERY:
        return f"{change.type}:{object_id}:{change.opener.delivery_id}"
    return f"{change.type}:{object_id}"


def _told_before(change: Change, identity: str, known: Sequence[Told], entry: Entry) -> Told | None:
    """The event that stands for this change already: an epoch's, if any delivery of its segment opened one."""
    if change.type in EPOCHS:
        return next((t for t in known if t.type == change.type and _opened_by(t) in change.segment), None)
    if change.type in PER_DELIVERY and change.opener.delivery_id != entry.delivery_id:
        return Told(type=change.type, identity=identity, delivery_id=change.opener.delivery_id, historical=False, id=0)
    return next((t for t in known if t.identity == identity), None)


def _told_by_later(change: Change, found: Sequence[Change], known: Sequence[Told]) -> Told | None:
    """The event that told of a late delivery's change already: a read came first and showed it, and now it changed nothing itself."""
    if change.last or change.type not in PER_DELIVERY:
        return None
    openers = {other.opener.delivery_id for other in found if other.type == change.type}
    return next((t for t in known if t.type == change.type and _opened_by(t) not in openers), None)


def _opened_by(told: Told) -> int:
    """The delivery that opened a told epoch; the one that revealed it may have been another."""
    return int(told.identity.rpartition(":")[2])


def _historical(change: Change, first: Entry | None, state: Folded, since: datetime | None, zone: ZoneInfo) -> bool:
    """Whether the change held before the source was ours to watch."""
    opener = change.opener
    if opener.baseline:
        return True
    if since is None:
        return False
    if opener.read_at is not None and first is opener:
        return _dated_before(state.fields, since, zone)
    return opener.said_at < since


def _dated_before(fields: Any, since: datetime, zone: ZoneInfo) -> bool:
    """An object never seen by push is judged by the day printed on it."""
    text = fields.get("invoice_date") or fields.get("created") or ""
    try:
        return date.fromisoformat(str(text)[:10]) < since.astimezone(zone).date()
    except ValueError:
        return False


def _outweighs(before: Told, change: Change, entry: Entry, historical: bool, *, baseline: bool) -> bool:
    """A push from between the baseline's first request and its read of this object wins over that read."""
    if not before.historical or historical or not baseline or entry.read_at is not None:
        return False
    return change.opener is entry and change.type not in PER_DELIVERY


def _event(source: str, kind: str, object_id: str, customer_id: str | None, change: Change) -> Event:
    cls = event_class(change.type)
    assert cls is not None, change.type
    ids: dict[str, Any] = {"customer_id": object_id} if kind == "customer" else {"invoice_id": object_id, "customer_id": customer_id}
    if change.type in EPOCHS:
        ids["n"] = change.n
    if change.type in PER_DELIVERY:
        ids["fields"] = change.fields
    return cls(source=source, at=change.opener.said_at, **ids)
