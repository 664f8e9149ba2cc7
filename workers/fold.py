"""The fold: what an object's snapshots, put in order, say it is and say has happened to it.

Pure functions, used by workers/mirror.py. What belongs behind everything else is folded onto the end (`added`); a late delivery is
put in its place and the whole fold run again (`changes`): both give the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

PRINTED = ("number", "invoice_date", "due_date", "delivery_date", "total", "sub_total", "vat_total", "currency", "items")
VOLATILE = ("last_update", "hash", "payment_data_url", "dashboard_url", "extra", "created")
SAME_MOMENT = timedelta(seconds=60)
RETRIED_FOR = timedelta(hours=1)  # a notification is tried for 50 minutes: what arrives later than that was sent after the read
_NUMBER = re.compile(r"^-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?$", re.ASCII)  # a leading zero makes it a code, such as "0077"
_BEGIN, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One snapshot with what its place in the order depends on."""

    delivery_id: int
    fields: Mapping[str, Any]
    sequence: int | None = None
    created_at: datetime | None = None
    received_at: datetime
    read_at: datetime | None = None
    deleted: bool = False
    partial: bool = False
    baseline: bool = False

    @property
    def tells_end(self) -> bool:
        """Whether somebody told that it was deleted; a read only did not find it."""
        return self.deleted and self.read_at is None

    @property
    def said_at(self) -> datetime:
        """The instant this snapshot speaks of, as far as anybody said."""
        return self.read_at or self.created_at or self.received_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What an object is. `fields` holds the last value said of each; absent never overwrote."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    seen: bool = False
    deleted: bool = False
    completed: bool = False
    canceled: bool = False
    paid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that one entry made true. `segment`: the deliveries during which an epoch (paid, reopened) held."""

    type: str
    opener: Entry
    last: bool
    fields: tuple[str, ...] = ()
    n: int = 1
    segment: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """Where an object's order ends: enough to know that one more entry comes behind all others, without those others.

    `sequence`: the highest native id of a push. `pushed_at`: the latest instant of one. `placed_at`: of a read or a part.
    `epochs`: how many of each type there were. `told_gone`: whether somebody told that it was deleted.
    """

    sequence: int = -1
    unnumbered: bool = False
    pushed_at: datetime = _BEGIN
    placed_at: datetime = _BEGIN
    read_at: datetime | None = None
    baseline: bool = False
    epochs: Mapping[str, int] = field(default_factory=dict)
    told_gone: bool = False

    def precedes(self, entry: Entry) -> bool:
        """Whether `arranged` would put `entry` last; false where that takes all entries to tell."""
        if entry.read_at is not None or entry.partial:
            return entry.said_at > self.placed_at and entry.said_at >= self.pushed_at
        at = entry.created_at or entry.received_at
        if at <= self.placed_at:
            return False
        return (
            at > self.pushed_at
            if entry.sequence is None
            else not self.unnumbered and entry.sequence > self.sequence and at >= self.pushed_at
        )

    def then(self, entry: Entry, found: Sequence[Change]) -> "Tail":
        """The tail with one more entry, which made `found` true; its place does not matter."""
        epochs = dict(self.epochs)
        for change in found:
            if change.segment:
                epochs[change.type] = epochs.get(change.type, 0) + 1
        after = replace(self, epochs=epochs, baseline=self.baseline or entry.baseline, told_gone=self.told_gone or entry.tells_end)
        if entry.read_at is not None or entry.partial:
            read_at = max(filter(None, (self.read_at, entry.read_at)), default=None)
            return replace(after, placed_at=max(self.placed_at, entry.said_at), read_at=read_at)
        pushed_at = max(self.pushed_at, entry.created_at or entry.received_at)
        unnumbered = self.unnumbered or entry.sequence is None
        return replace(after, sequence=max(self.sequence, entry.sequence or -1), unnumbered=unnumbered, pushed_at=pushed_at)


def arranged(entries: Sequence[Entry]) -> list[Entry]:
    """The entries in order: pushes by native id, reads and parts seen in other families among them by their own instant."""
    pushes = sorted(
        (e for e in entries if e.read_at is None and not e.partial),
        key=lambda e: (e.sequence is None, e.sequence or 0, e.created_at or e.received_at, e.delivery_id),
    )
    placed: list[tuple[datetime, int, int, Entry]] = []
    latest = _END  # what has a lower id was sent before what has a higher one arrived
    for place, entry in reversed(list(enumerate(pushes))):
        latest = min(latest, entry.created_at or entry.received_at)
        placed.append((latest, 0, place, entry))
    placed += [(e.said_at, 1, e.delivery_id, e) for e in entries if e.read_at is not None or e.partial]
    return [entry for *_, entry in sorted(placed, key=lambda item: item[:3])]


def order_unsure(entry: Entry, reads: Sequence[datetime]) -> bool:
    """Whether no clock or number can tell the place of `entry` among the object's `reads`: then a fresh read decides."""
    if entry.read_at is not None or entry.partial:
        return False
    if entry.created_at is None:
        return any(timedelta(0) <= entry.received_at - read_at < RETRIED_FOR for read_at in reads)
    return any(abs(entry.created_at - read_at) < SAME_MOMENT for read_at in reads)


def step(kind: str, state: Folded, entry: Entry, *, told_gone: bool) -> Folded:
    """`state` after one more entry. What only was not found, `told_gone` false, is there again with the first read that shows it."""
    if entry.partial:
        hint = entry.fields.get("x_attributes")
        return replace(state, fields={**state.fields, "x_attributes_hint": hint}) if hint else state
    fields = {**state.fields, **entry.fields}
    for one, other in (("outstanding", "status"), ("status", "outstanding")):
        if one in entry.fields and other not in entry.fields:
            fields.pop(other, None)  # what was said together goes together
    if "paid_on" in entry.fields and not {"outstanding", "status"} & entry.fields.keys():
        fields = {name: value for name, value in fields.items() if name not in ("outstanding", "status")}
    stays_gone = state.deleted and (told_gone or entry.read_at is None)
    after = replace(state, fields=fields, seen=True, deleted=stays_gone or entry.deleted)
    if kind != "invoice":
        return after
    outgoing, received = fields.get("type") == "outgoing", fields.get("type") == "received"
    canceled = state.canceled or bool(fields.get("is_canceled"))
    paid = (outgoing or received) and not canceled and _settled(fields)
    return replace(after, completed=state.completed or outgoing, canceled=canceled, paid=paid)


def changes(kind: str, entries: Sequence[Entry]) -> tuple[Folded, list[Change]]:
    """The state after all `entries` (already arranged) and everything that became true on the way, in order."""
    state, found = Folded(), list[Change]()
    told_gone = False
    epochs: list[tuple[str, int]] = []  # (type, index of its opener); no type: a cancellation ended the one before
    for index, entry in enumerate(entries):
        after = step(kind, state, entry, told_gone=told_gone)
        told_gone = told_gone or entry.tells_end
        last = index == len(entries) - 1
        found += [Change(type=f"{kind}.{name}", opener=entry, last=last, fields=said) for name, said in _told(kind, state, after, entry)]
        if after.paid != state.paid:
            epochs.append((_epoch(after), index))
        state = after
    found += _epochs(entries, epochs)
    return state, found


def added(kind: str, state: Folded, tail: Tail, entry: Entry) -> tuple[Folded, list[Change]]:
    """`changes`, where `entry` comes behind all that made `state`: the new state and what this entry made true."""
    after = step(kind, state, entry, told_gone=tail.told_gone)
    found = [Change(type=f"{kind}.{name}", opener=entry, last=True, fields=said) for name, said in _told(kind, state, after, entry)]
    if after.paid != state.paid and (type := _epoch(after)):
        n = tail.epochs.get(type, 0) + 1
        found.append(Change(type=type, opener=entry, last=True, n=n, segment=frozenset({entry.delivery_id})))
    return after, found


def _epoch(after: Folded) -> str:
    """What begins where an invoice's being paid ends or begins."""
    return "invoice.paid" if after.paid else "" if after.canceled else "invoice.reopened"


def still_true(type: str, state: Folded) -> bool:
    """Whether what a late delivery revealed holds now."""
    if type == "invoice.completed":
        return state.completed and not state.canceled and not state.deleted
    if type == "invoice.paid":
        return state.paid
    if type == "invoice.reopened":
        return state.completed and not state.paid and not state.canceled
    if type in ("invoice.canceled", "invoice.deleted", "customer.deleted"):
        return True
    return not state.deleted


def _epochs(entries: Sequence[Entry], epochs: list[tuple[str, int]]) -> list[Change]:
    found, counts = list[Change](), dict[str, int]()
    for place, (type, start) in enumerate(epochs):
        end = epochs[place + 1][1] if place + 1 < len(epochs) else len(entries)
        if not type:
            continue
        counts[type] = counts.get(type, 0) + 1
        segment = frozenset(e.delivery_id for e in entries[start:end])
        found.append(Change(type=type, opener=entries[start], last=end == len(entries), n=counts[type], segment=segment))
    return found


def _told(kind: str, before: Folded, after: Folded, entry: Entry) -> list[tuple[str, tuple[str, ...]]]:
    told: list[tuple[str, tuple[str, ...]]] = []
    if after.seen and not before.seen:
        told.append(("created", ()))
    if after.completed and not before.completed:
        told.append(("completed", ()))
    elif before.seen and not entry.partial:
        changed = _changed(kind, before, entry)
        if changed:
            told.append(("changed" if kind == "invoice" else "updated", changed))
    if after.canceled and not before.canceled:
        told.append(("canceled", ()))
    if after.deleted and not before.deleted:
        told.append(("deleted", ()))
    return told


def _changed(kind: str, before: Folded, entry: Entry) -> tuple[str, ...]:
    if entry.deleted:
        return ()
    printed_only = kind == "invoice" and entry.fields.get("type") != "received"
    compared = [n for n in entry.fields if (n in PRINTED if printed_only else n not in VOLATILE)]
    differing = {n for n in compared if n in before.fields and differ(before.fields[n], entry.fields[n])}
    if "x_attributes" in entry.fields and "x_attributes" not in before.fields and entry.fields["x_attributes"]:
        differing.add("x_attributes")
    return tuple(sorted(differing))


def differ(one: Any, other: Any) -> bool:
    """Whether two values of a field mean something else; most are equal to the letter."""
    return bool(one != other) and normalized(one) != normalized(other)


def normalized(value: Any) -> Any:
    """`value` so that "59", "59.00" and 59 compare equal, and empty text, empty lists and None too."""
    if isinstance(value, Mapping):
        said = {name: normalized(inner) for name, inner in value.items()}
        return {name: inner for name, inner in said.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [normalized(inner) for inner in value] or None
    if value in ("", None):
        return None
    if isinstance(value, str | int) and not isinstance(value, bool) and _NUMBER.match(str(value)):
        return format(Decimal(str(value)).normalize(), "f")
    return value


def _settled(fields: Mapping[str, Any]) -> bool:
    try:
        total = Decimal(fields["total"])
    except (KeyError, TypeError, InvalidOperation):
        return False
    if total <= 0:
        return False
    if fields.get("status") == "paid":
        return True
    if "status" not in fields and "outstanding" not in fields:
        return fields.get("paid_on") is not None  # an invoice of FastBill's API says neither: workers/providers/monsum_looks.py
    try:
        return Decimal(fields["outstanding"]) <= 0
    except (KeyError, TypeError, InvalidOperation):
        return False
