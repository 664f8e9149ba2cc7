"""Events of credits' own: what its sweep finds, how full a cap is, and what an operator says.

`credits.cap` is given with a grant, `credits.look` and `credits.unpaid` by the sweep; `credits.resume` and `credits.received` by a
person (`billhook signal`), or a bank's import by a `standard` source whose `types` name it.
"""

from dataclasses import dataclass
from datetime import date

from workers.authoring import Event, Money, Signal, event


@event("credits.cap")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsCap(Event, Signal):
    """A top-up brought a customer's cap ("cap_day", "cap_month") to 80, 90 or 100 percent: `used` of `limit`."""

    customer_id: str
    reason: str
    percent: int
    used: Money
    limit: Money


@event("credits.look")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsLook(Event, Signal):
    """The sweep saw a balance below the threshold; only a fresh read decides."""

    customer_id: str


@event("credits.received")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsReceived(Event, Signal):
    """A transfer of a prepaid customer came in before any invoice for it. `reference`: the bank's, kept once in a source."""

    customer_id: str
    amount: Money
    received_on: date
    reference: str


@event("credits.resume")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsResume(Event, Signal):
    """An operator looked: a suspended customer is topped up again, and what was paid and not granted is granted."""

    customer_id: str
    reason: str = ""


@event("credits.unpaid")
@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsUnpaid(Event, Signal):
    """The invoice of a failed top-up stayed unpaid for `unpaid_days`."""

    customer_id: str
    invoice_id: str
