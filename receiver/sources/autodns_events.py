"""What AutoDNS tells that nobody else does: orders that went on, notices of others, a prepaid account that runs low.

Owns the event types; receiver/sources/autodns.py makes them. All are hints: what is done about one is decided by a read.
"""

from dataclasses import dataclass

from receiver.event import Event, Id, Signal, event
from receiver.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutObject(Event):
    """Concerns an object of the provider, such as ("domain", "example.com"); `customer_id` where it is a customer."""

    customer_id: Id | None = None
    object_type: str | None = None
    object_id: Id | None = None


@event("order.reported")
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReported(AboutObject, Signal):
    """A message says how an order stands: `status` is a lower-case word, `action` what was asked, `reference` our own transaction id."""

    order_id: Id
    status: str
    action: str | None = None
    reference: Id | None = None


@event("provider.notice")
@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderNotice(AboutObject, Signal):
    """A message tells of something nobody here asked for; `notice` is the provider's word, such as transfer_start."""

    message_id: Id
    notice: str


@event("credit.low")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLow(Event, Signal):
    """What a prepaid account can spend fell below its threshold. `n`: the n-th time since it was first read."""

    customer_id: Id
    available: Money
    threshold: Money
    n: int = 1


@event("credit.restored")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRestored(Event, Signal):
    """What a prepaid account can spend reached its threshold again, after the `n`-th time it was low."""

    customer_id: Id
    available: Money
    threshold: Money
    n: int = 1
