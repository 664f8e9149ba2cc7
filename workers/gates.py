"""Gates: what a person states so that a workflow may go on, and what each statement would set free.

Owns the events `bank.checked`, `invoice.sent`, `invoice.part_cancelled`, `rate.confirmed` and `claims.settled`. A workflow registers with
`@frees` what an event would let go, and with `@waits_at` what waits for one now; the command line (workers/cli/gates.py) and the console
show both before they give the event. Nothing here acts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal, TypeVar

from sqlalchemy.engine import Connection

from receiver.event import Event, Fact, InvoiceEvent, Signal, Words, event
from receiver.money import Money
from workers.errors import WorkflowInvalid
from workers.places import file_of, takes

ClaimKind = Literal["interest", "flat_sum", "fee", "plan_fee"]


@event("bank.checked")
@dataclass(frozen=True, slots=True, kw_only=True)
class BankChecked(Event, Signal):
    """A person compared the bank account with the open invoices: every payment up to and including `through` is entered."""

    through: date


@event("invoice.sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSent(InvoiceEvent, Fact):
    """A person says that an invoice reached its customer on `sent_on`, by whatever way billhook knows nothing of."""

    sent_on: date


@event("invoice.part_cancelled")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePartCancelled(InvoiceEvent, Signal):
    """A person says that a part of an invoice was cancelled at the provider, on `cancelled_on` or that day: no provider tells it apart."""

    amount: Money
    cancelled_on: date | None = None


@event("rate.confirmed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RateConfirmed(Event, Fact):
    """A person compared one row of a rate table with its source. `key` holds the figure: a corrected row is confirmed anew."""

    key: str


@event("claims.settled")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsSettled(InvoiceEvent, Signal):
    """A person says what became of claims beside an invoice: paid, or waived. `kind`: of these only; else of all that are open."""

    state: Literal["paid", "waived"]
    kind: ClaimKind | None = None
    reason: Words = ""


Preview = Callable[[Connection, Any], list[Any]]
P = TypeVar("P", bound=Preview)
_FREED: dict[type[Event], dict[str, Preview]] = {}


def frees(gate: type[Event]) -> Callable[[P], P]:
    """Register a query (connection, event) -> list of texts: what one such event would set free, each with its amount."""

    def register(fn: P) -> P:
        if not takes(fn, 2):
            raise WorkflowInvalid(f"@frees({gate.__name__}) takes a function of the connection and the event", file=file_of(fn))
        _FREED.setdefault(gate, {})[f"{fn.__module__}.{fn.__qualname__}"] = fn
        return fn

    return register


def set_free(connection: Connection, event: Event) -> list[str]:
    """What the event would let go, in the words of the workflows."""
    return [str(line) for fn in _FREED.get(type(event), {}).values() for line in fn(connection, event)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits until a person states something. `fields` are known already of the event; `command` says it, with what is still to say
    in capitals."""

    source: str
    title: str
    known: str
    command: str
    fields: Mapping[str, str] = field(default_factory=dict)
    amount: str = ""
    customer_id: str | None = None
    invoice_id: str | None = None
    gate: str = ""


Look = Callable[[Connection, str, int], list[Waiting]]
W = TypeVar("W", bound=Look)
_WAITING: dict[type[Event], dict[str, Look]] = {}


def waits_at(gate: type[Event]) -> Callable[[W], W]:
    """Register a query (connection, source, most) -> list[Waiting]: what waits for such an event now, the oldest or next first."""

    def register(fn: W) -> W:
        if not takes(fn, 3):
            raise WorkflowInvalid(
                f"@waits_at({gate.__name__}) takes a function of the connection, the source and a number", file=file_of(fn)
            )
        _WAITING.setdefault(gate, {})[f"{fn.__module__}.{fn.__qualname__}"] = fn
        return fn

    return register


def waiting(connection: Connection, source: str, most: int) -> list[Waiting]:
    """What waits behind every gate of a source; each look is asked for at most so much."""
    looks = [(gate, look) for gate, own in sorted(_WAITING.items(), key=lambda one: one[0].type) for look in own.values()]
    return [replace(one, gate=gate.type) for gate, look in looks for one in look(connection, source, most)]
