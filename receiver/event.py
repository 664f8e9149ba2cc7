"""Canonical events: what deliveries mean, whoever sent them.

Owns the event types and their registry. The router derives events from deliveries; workflows start on them, wait for them and
are cancelled by them. Three kinds: a Fact cannot be undone; a State holds until undone; a Signal happens.
Authors register their own with `@event`. Every field is typed, so that stored JSON can be validated back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter

from receiver.db import keepable
from receiver.money import Money

ID_MAX = 128


def _printable(id: str) -> str:
    if not id.isprintable():
        raise ValueError("an id has no control characters")
    return id


Id = Annotated[str, Field(max_length=ID_MAX), AfterValidator(_printable)]
Words = Annotated[str, AfterValidator(keepable)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened, in one source. `at` is when, by the sender's clock: aware, UTC."""

    type: ClassVar[str] = ""
    source: str
    at: datetime

    @property
    def so_since(self) -> datetime:
        """Since when it could have been acted on: a restored backup may lack what was done."""
        return self.at


class Fact:
    """Cannot be undone: `wait_for` finds it whenever it arrived, even before the trigger."""


class State:
    """Holds until undone: `wait_for` and `holds` ask whether it holds now."""


class Signal:
    """Happens: `wait_for` takes it after the trigger, once."""


E = TypeVar("E", bound=type[Event])
_TYPES: dict[str, type[Event]] = {}


def event(type: str) -> Callable[[E], E]:
    """Register a frozen dataclass under a type name such as "invoice.completed"; the name is stored and may not change."""

    def register(cls: E) -> E:
        if not issubclass(cls, (Fact, State, Signal)):
            raise TypeError(f"{cls.__name__} must also derive from Fact, State or Signal")
        known = _TYPES.get(type)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{type} is already registered by {known.__module__}.{known.__qualname__}")
        cls.type = type
        _TYPES[type] = cls
        return cls

    return register


def event_class(type: str) -> type[Event] | None:
    """The class registered under `type`, or None."""
    return _TYPES.get(type)


def event_types() -> dict[str, type[Event]]:
    """Every registered type name with its class."""
    return dict(_TYPES)


def kind_of(cls: type[Event]) -> str:
    """ "fact", "state" or "signal"."""
    return next(kind.__name__.lower() for kind in (Fact, State, Signal) if issubclass(cls, kind))


_ADAPTERS: dict[type[Event], TypeAdapter[Any]] = {}


def _adapter(cls: type[Event]) -> TypeAdapter[Any]:
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


def to_data(value: Event) -> dict[str, Any]:
    """`value` as a JSON object; Decimals and times become text."""
    return _adapter(type(value)).dump_python(value, mode="json")  # type: ignore[no-any-return]


def from_data(type: str, data: dict[str, Any]) -> Event:
    """The event stored as `data`. Raises KeyError for a type nobody registered, pydantic.ValidationError for a wrong shape."""
    return _adapter(_TYPES[type]).validator.validate_python(data)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerEvent(Event):
    """Concerns one customer."""

    customer_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceEvent(Event):
    """Concerns one invoice; `customer_id` where the sender said it."""

    invoice_id: Id
    customer_id: Id | None = None


@event("customer.created")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerCreated(CustomerEvent, Fact):
    """A customer was seen for the first time."""


@event("customer.updated")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerUpdated(CustomerEvent, Signal):
    """Fields of a customer changed; `fields` are their canonical names."""

    fields: tuple[str, ...] = ()


@event("customer.deleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDeleted(CustomerEvent, Fact):
    """A customer was deleted at the provider."""


@event("invoice.created")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCreated(InvoiceEvent, Fact):
    """An invoice, draft or not, was seen for the first time."""


@event("invoice.completed")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCompleted(InvoiceEvent, Fact):
    """An invoice was first seen as `outgoing`: it has a number and is printed."""


@event("invoice.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceChanged(InvoiceEvent, Signal):
    """What is printed on an invoice changed, or anything of one that was received; `fields` are the canonical names."""

    fields: tuple[str, ...] = ()


@event("invoice.paid")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid(InvoiceEvent, State):
    """An outgoing or received, not cancelled invoice with a total above zero has a balance of zero or status paid. `n`: the n-th time."""

    n: int = 1


@event("invoice.reopened")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReopened(InvoiceEvent, Signal):
    """The balance of a paid invoice rose again. `n`: the n-th time."""

    n: int = 1


@event("invoice.canceled")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCanceled(InvoiceEvent, Fact):
    """An invoice was cancelled as a whole."""


@event("invoice.deleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDeleted(InvoiceEvent, Fact):
    """A draft was deleted at the provider."""


@event("invoice.overdue")
@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceOverdue(InvoiceEvent, Signal):
    """An open invoice is past its due date, `due_on`; the daily duty of dunning says it, once a day at most."""

    currency: str
    due_on: date | None = None

    @property
    def so_since(self) -> datetime:
        """Since its due date, which may lie long before the day it is said."""
        return self.at if self.due_on is None else min(self.at, datetime.combine(self.due_on, time.max, UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent(Event):
    """Concerns a payment; ids where the sender said them."""

    customer_id: Id | None = None
    invoice_id: Id | None = None
    subscription_id: Id | None = None
    payment_id: Id | None = None
    amount: Money | None = None


@event("payment.failed")
@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(PaymentEvent, Signal):
    """A collection was tried and failed."""


@event("payment.chargeback")
@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentChargeback(PaymentEvent, Signal):
    """A payment was returned by the payer's bank."""


@event("payment.refunded")
@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefunded(PaymentEvent, Signal):
    """A payment was given back."""


@event("payment.reminded")
@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReminded(PaymentEvent, Signal):
    """The provider itself sent a dunning letter of `level`; on Monsum it does not say for which invoice."""

    level: int | None = None


@event("payment.reported")
@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReported(PaymentEvent, Signal):
    """A callback names the status of a payment: a hint, to be read back before anything is done. `status` is a lower-case word.

    `payment_id` and `invoice_id` are both the payment's number; `order_id` is the merchant's own reference.
    """

    status: str
    order_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEvent(Event):
    """Concerns one subscription of a customer."""

    subscription_id: Id
    customer_id: Id | None = None


@event("subscription.created")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCreated(SubscriptionEvent, Fact):
    """A subscription began."""


@event("subscription.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionChanged(SubscriptionEvent, Signal):
    """A subscription changed, for instance its article or quantity."""


@event("subscription.canceled")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCanceled(SubscriptionEvent, Signal):
    """Notice was given; the subscription runs until its end."""


@event("subscription.closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionClosed(SubscriptionEvent, Fact):
    """A subscription reached its end."""


@event("subscription.reactivated")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionReactivated(SubscriptionEvent, Signal):
    """Notice was taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEvent(Event):
    """Holds back acts on one customer (`invoice_id` None) or one invoice, until `until` or until it is closed; `block` is its kind."""

    block: ClassVar[str] = ""
    customer_id: Id
    invoice_id: Id | None = None
    reason: Words
    until: date | None = None


@event("block.dispute")
@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed(BlockEvent, State):
    """The customer objects; `amount` where only a part is disputed."""

    block: ClassVar[str] = "dispute"
    amount: Money | None = None


@event("block.promise")
@dataclass(frozen=True, slots=True, kw_only=True)
class Promised(BlockEvent, State):
    """The customer promised to pay by `until`."""

    block: ClassVar[str] = "promise"
    amount: Money | None = None


@event("block.pause")
@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(BlockEvent, State):
    """An operator paused acts on this customer or invoice, for at most 60 days."""

    block: ClassVar[str] = "pause"


@event("block.exclude")
@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded(BlockEvent, State):
    """An operator took this customer or invoice out of dunning for good."""

    block: ClassVar[str] = "exclude"


@event("block.insolvency")
@dataclass(frozen=True, slots=True, kw_only=True)
class Insolvent(BlockEvent, State):
    """Insolvency proceedings were opened over the customer: what is owed is claimed there, and no demand goes to the debtor."""

    block: ClassVar[str] = "insolvency"


@event("block.release")
@dataclass(frozen=True, slots=True, kw_only=True)
class BlockReleased(Event, Signal):
    """An operator closed a block of `kind` on a customer or invoice."""

    customer_id: Id
    invoice_id: Id | None = None
    kind: str
    reason: Words = ""


@event("send.stopped")
@dataclass(frozen=True, slots=True, kw_only=True)
class SendStopped(InvoiceEvent, Signal):
    """An operator stopped the automatic sending of one invoice."""

    reason: Words = ""


@event("look.again")
@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgain(InvoiceEvent, Signal):
    """An operator wants a run that is held to look at everything again now, under today's policy."""


@event("email.bounced")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailBounced(InvoiceEvent, Signal):
    """A mail service could not deliver. `bounce` is "hard" or "soft"; `address_hash` is the SHA-256 of the lower-case address."""

    bounce: str = "hard"
    address_hash: str | None = None


@event("clock.tick")
@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Event, Signal):
    """A schedule of `workflow` came due at `at`; `missed` earlier instants were folded into this one."""

    workflow: str
    missed: int = 0
