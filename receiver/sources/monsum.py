"""Monsum's notifications, and reads of its API put into the inbox, as Notices.

Owns what each notification type says: which objects it shows whole or in part, which it only hints at, and which are events in
themselves. Pure; called by the door (`identify`) and the router (`interpret`). Meaning across deliveries is the router's.
Source: "FastBill Automatic Dokumentation – Notifications", 2 Feb 2016, and the captures listed in tests/payloads/monsum/SOURCES.md.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from receiver import event as e
from receiver.errors import PayloadInvalid
from receiver.money import Money, parse_decimal
from receiver.settings import SourceSettings
from receiver.sources import canonical as c
from receiver.sources.document import read_head, read_object, text_of
from receiver.sources.monsum_fields import customer_fields, invoice_fields, lowered
from receiver.sources.notice import Notice, Snapshot

__all__ = ["Identity", "customer_fields", "identify", "interpret", "invoice_fields", "local_time", "record_id"]

ID_MAX, TYPE_MAX = 256, 128
_SUBSCRIPTIONS: dict[str, type[e.SubscriptionEvent]] = {
    "subscription.created": e.SubscriptionCreated, "subscription.changed": e.SubscriptionChanged,
    "subscription.canceled": e.SubscriptionCanceled, "subscription.closed": e.SubscriptionClosed,
    "subscription.reactivate": e.SubscriptionReactivated, "subscription.reactivated": e.SubscriptionReactivated,
}  # fmt: skip
_PAYMENTS: dict[str, type[e.PaymentEvent]] = {
    "payment.failed": e.PaymentFailed, "payment.chargeback": e.PaymentChargeback, "payment.refunded": e.PaymentRefunded,
    "payment.reminded": e.PaymentReminded,
}  # fmt: skip
_CUSTOMERS = ("customer.created", "customer.changed", "customer.deleted")
_INVOICES = ("invoice.created", "invoice.changed", "invoice.deleted")


class Identity(NamedTuple):
    """What makes a delivery itself, beside its bytes: the source's full native type and native id."""

    native_type: str
    native_id: str


def identify(body: bytes, headers: Mapping[str, str]) -> Identity:
    """The type and id of a notification, without decoding the rest. Raises PayloadInvalid naming the field."""
    members = read_head(body)
    if "id" not in members or "type" not in members:
        members = {name.lower(): value for name, value in members.items()}
    native_type, native_id = text_of(members.get("type")), text_of(members.get("id"))
    if native_type is None or not 0 < len(native_type) <= TYPE_MAX or not native_type.isprintable():
        raise PayloadInvalid(field="type")
    if native_id is None or not 0 < len(native_id) <= ID_MAX or not native_id.isprintable():
        raise PayloadInvalid(field="id")
    return Identity(native_type, native_id)


def interpret(body: bytes, source: SourceSettings, native_type: str, native_id: str, headers: str = "") -> Notice:
    """One delivery of a Monsum account as a Notice. Raises PayloadInvalid naming the field that is wrong."""
    if native_type.startswith("poll."):
        return interpret_poll(body, native_type, native_id)
    return Reading(body, source, native_type, native_id).notice()


class Reading:
    """One notification being read: its members by lower-case name, and the parts more than one type has."""

    def __init__(self, body: bytes, source: SourceSettings, native_type: str, native_id: str) -> None:
        self.members = lowered(read_object(body))
        self.source, self.native_type, self.native_id = source, native_type, native_id
        self.created_at, self.ambiguous = local_time("created", self.members.get("created"), source.tz)
        self.customer = self.part("customer")
        self.customer_id = record_id(self.customer, "customer_id") if self.customer else None

    def part(self, name: str) -> dict[str, Any]:
        """The nested object `name`, {} where it is absent; raises PayloadInvalid where it is something else."""
        value = self.members.get(name)
        if value is None or value == []:
            return {}
        if not isinstance(value, dict):
            raise PayloadInvalid(field=name)
        return lowered(value)

    def notice(self) -> Notice:
        """The Notice this notification's type makes of it; a type nobody documents is known=False and says nothing."""
        if self.native_type in _CUSTOMERS:
            return self.made(snapshots=(self.customer_snapshot(partial=False),))
        if self.native_type in _INVOICES:
            return self.made(snapshots=(self.invoice_snapshot(), *self.embedded_customer()))
        if self.native_type in _SUBSCRIPTIONS:
            return self.made(snapshots=self.embedded_customer(), events=(self.subscription_event(),))
        if self.native_type in _PAYMENTS:
            return self.made(snapshots=self.embedded_customer(), events=(self.payment_event(),), reread=self.hinted_invoice())
        if self.native_type == "payment.created":
            return self.made(snapshots=self.embedded_customer(), reread=self.hinted_invoice())
        return self.made(known=False)

    def made(self, **said: Any) -> Notice:
        """A Notice with this delivery's identity and clock."""
        return Notice(
            native_type=self.native_type, native_id=self.native_id, family=self.native_type.partition(".")[0],
            sequence=int(self.native_id) if self.native_id.isdecimal() and len(self.native_id) < 19 else None,
            created_at=self.created_at, ambiguous=self.ambiguous, extra=self.envelope(), **said,
        )  # fmt: skip

    def envelope(self) -> dict[str, Any]:
        """What stands beside the objects and has no home of its own: `account_hash`, `payment` and `subscription` as sent."""
        return {name: c.kept(value) for name, value in self.members.items() if name not in ("id", "type", "created", "customer", "invoice")}

    def customer_snapshot(self, *, partial: bool) -> Snapshot:
        """The customer object; whole in customer.*, in part inside other types."""
        if self.customer_id is None:
            raise PayloadInvalid(field="customer.customer_id")
        gone = self.native_type == "customer.deleted"
        return Snapshot(kind="customer", id=self.customer_id, fields=customer_fields(self.customer), deleted=gone, partial=partial)

    def embedded_customer(self) -> tuple[Snapshot, ...]:
        return (self.customer_snapshot(partial=True),) if self.customer_id is not None else ()

    def invoice_snapshot(self) -> Snapshot:
        """The invoice object, with the customer and subscription beside it as its ids."""
        invoice = self.part("invoice")
        invoice_id = record_id(invoice, "invoice_id")
        if invoice_id is None:
            raise PayloadInvalid(field="invoice.invoice_id")
        fields = invoice_fields(invoice)
        beside = {"customer_id": self.customer_id, "subscription_id": record_id(self.part("subscription"), "subscription_id")}
        for name, found in beside.items():
            if found is not None and fields.get(name) is None:
                fields[name] = found
        return Snapshot(kind="invoice", id=invoice_id, fields=fields, deleted=self.native_type == "invoice.deleted")

    def event_at(self) -> datetime:
        if self.created_at is None:
            raise PayloadInvalid(field="created")
        return self.created_at

    def subscription_event(self) -> e.SubscriptionEvent:
        subscription_id = record_id(self.part("subscription"), "subscription_id")
        if subscription_id is None:
            raise PayloadInvalid(field="subscription.subscription_id")
        cls = _SUBSCRIPTIONS[self.native_type]
        return cls(source=self.source.name, at=self.event_at(), subscription_id=subscription_id, customer_id=self.customer_id)

    def payment_event(self) -> e.PaymentEvent:
        """The payment; `payment.reminded` has a level and no invoice (tests/payloads/monsum/webhook_payment.reminded.json)."""
        payment = self.part("payment")
        said: dict[str, Any] = {
            "source": self.source.name, "at": self.event_at(), "customer_id": self.customer_id,
            "subscription_id": record_id(self.part("subscription"), "subscription_id"), "invoice_id": record_id(payment, "invoice_id"),
            "payment_id": record_id(payment, "payment_id"), "amount": _paid_amount(payment),
        }  # fmt: skip
        if self.native_type == "payment.reminded":
            return e.PaymentReminded(**said, level=c.whole(payment.get("level")))
        return _PAYMENTS[self.native_type](**said)

    def hinted_invoice(self) -> tuple[tuple[str, str], ...]:
        invoice_id = record_id(self.part("payment"), "invoice_id")
        return (("invoice", invoice_id),) if invoice_id is not None else ()


def interpret_poll(body: bytes, native_type: str, native_id: str) -> Notice:
    """A read of the API put into the inbox: {"read_at": …, "record": the API's record, null where it is gone, "baseline": true
    where it belongs to the baseline}.

    `native_id` begins with the object's id; where the record is null it is the id (up to the first ":").
    """
    members = read_object(body)
    kind = native_type.partition(".")[2]
    readers = {"customer": customer_fields, "invoice": invoice_fields}
    record = members.get("record")
    if kind not in readers or not (record is None or isinstance(record, dict)):
        raise PayloadInvalid(field="record")
    try:
        read_at = datetime.fromisoformat(str(members.get("read_at"))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PayloadInvalid(field="read_at") from None
    id = (record_id(record, f"{kind}_id") if record else None) or native_id.partition(":")[0]
    snapshot = Snapshot(kind=kind, id=id, fields=readers[kind](record or {}), deleted=record is None)
    extra = {"baseline": True} if members.get("baseline") is True else {}
    return Notice(native_type=native_type, native_id=native_id, family="poll", read_at=read_at, snapshots=(snapshot,), extra=extra)


def record_id(record: Mapping[str, Any], name: str) -> str | None:
    """An id out of a record whose names may be in either case, as text."""
    value = record.get(name, record.get(name.upper()))
    return None if isinstance(value, (bool, dict, list)) else c.key(name, value)


def local_time(name: str, value: Any, zone: ZoneInfo) -> tuple[datetime | None, bool]:
    """(instant in UTC, whether it is in the repeated hour of October) from "YYYY-MM-DD HH:MM:SS" without zone.

    In the repeated hour the first of the two is taken. (None, False) for "" and zero times; raises PayloadInvalid for others.
    """
    shown = c.moment(value)
    if shown is None:
        return None, False
    try:
        local = datetime.fromisoformat(shown)
    except ValueError:
        raise PayloadInvalid(field=name) from None
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    try:
        if local.tzinfo is not None:
            return local.astimezone(UTC), False
        return first.astimezone(UTC), _offset(first) > _offset(second)
    except OverflowError:
        raise PayloadInvalid(field=name) from None


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta(0)


def _paid_amount(payment: Mapping[str, Any]) -> Money | None:
    value, currency = payment.get("total_amount"), c.text(payment.get("currency"))
    if value in (None, "") or currency is None:
        return None
    try:
        return Money(parse_decimal(str(value)), currency.upper())
    except ValueError:
        raise PayloadInvalid(field="payment.total_amount") from None
