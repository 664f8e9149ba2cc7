"""What a delivery says, before anybody asks what it means: snapshots of objects and signals.

Owns the shapes that `interpret` of every source kind returns. Pure values; the router folds snapshots into the mirror and
derives events from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from receiver.event import Event

UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one delivery says of one object.

    `kind`:    "customer", "invoice" or "subscription".
    `fields`:  canonical names (docs/services.md) with JSON values; only what was said. Amounts are decimal text, dates
               "YYYY-MM-DD", absent or zero dates None, flags bool, unknown native fields below "extra".
    `partial`: the customer inside another object's event: it never makes an event of its own.
    """

    kind: str
    id: str
    fields: Mapping[str, Any]
    deleted: bool = False
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One delivery, read.

    `family`:     the part of the native type before the dot: ids are ordered only inside one family.
    `sequence`:   the native id as a number where the source counts up, else None.
    `created_at`: the sender's clock, aware UTC, or None where it does not say; `ambiguous` in the repeated hour of October.
    `read_at`:    for a poll: the instant the read was started.
    `events`:     what is an event in itself (payment.*, subscription.*, signals); snapshots become events in the router. One whose
                  `at` is UNDATED happened when its delivery arrived: the sender says no time.
    `proof`:      "signed" or "claimed".
    `known`:      false for a type this source kind does not document: kept, and nothing follows.
    `reread`:     objects ("invoice", "4711") this delivery hints at without saying enough: ask the provider.
    """

    native_type: str
    native_id: str
    family: str
    sequence: int | None = None
    created_at: datetime | None = None
    ambiguous: bool = False
    read_at: datetime | None = None
    snapshots: tuple[Snapshot, ...] = ()
    events: tuple[Event, ...] = ()
    proof: str = "claimed"
    known: bool = True
    reread: tuple[tuple[str, str], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
