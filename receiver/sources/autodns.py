"""AutoDNS's side of the door: messages that are pushed, in JSON or XML, and what was polled, told as hints.

Owns the identity of a message and what it and a poll mean. Pure; called by the door (`identify`) and the router (`interpret`). A push is
not signed by anybody: who sends it is proved by a login or a secret in the URL, and what it says decides nothing until it is read back.
Source: help page "FAQs messaging - push, polling, parent notifys", read 2026-11-21; tests/payloads/autodns.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from receiver.errors import PayloadInvalid
from receiver.event import Event
from receiver.money import Money
from receiver.settings import SourceSettings
from receiver.sources import canonical as c
from receiver.sources.autodns_codec import customer_of
from receiver.sources.autodns_events import CreditLow, CreditRestored, OrderReported, ProviderNotice
from receiver.sources.autodns_fields import customer_fields
from receiver.sources.autodns_invoice import customer_id, invoice_fields
from receiver.sources.autodns_message import JOB_STATUS, Message, message_in
from receiver.sources.document import read_object
from receiver.sources.monsum import Identity
from receiver.sources.notice import UNDATED, Notice, Snapshot

__all__ = ["identify", "interpret"]


def identify(body: bytes, headers: Mapping[str, str]) -> Identity:
    """An order and its status, or the number of a notice: the same however it came. Raises PayloadInvalid naming the field."""
    message = message_in(body)
    return Identity(message.name, message.id)


def interpret(body: bytes, source: SourceSettings, native_type: str, native_id: str, headers: str = "") -> Notice:
    """One message, or one polled object, as a Notice. Raises PayloadInvalid naming the field, such as an unknown status of an order."""
    if native_type.startswith("poll."):
        return _polled(body, source, native_type, native_id)
    message = message_in(body, zone=source.tz)
    family = message.name.partition(".")[0]
    if family == "job" and message.word not in JOB_STATUS:
        raise PayloadInvalid(field="job.status", cause="status_unknown")
    read = (("customer", message.customer_id),) if message.customer_id else ()
    return Notice(
        native_type=native_type, native_id=native_id, family=family, created_at=message.at, events=(_event(message, source.name),),
        reread=read,
    )  # fmt: skip


def _event(message: Message, source: str) -> Event:
    said: dict[str, Any] = {"source": source, "at": message.at or UNDATED, "customer_id": message.customer_id}
    said |= {"object_type": message.object_type, "object_id": message.object_id}
    if message.name == "notify":
        return ProviderNotice(message_id=message.id, notice=message.word, **said)
    return OrderReported(order_id=message.id, status=message.word, action=message.action, reference=message.reference, **said)


def _polled(body: bytes, source: SourceSettings, native_type: str, native_id: str) -> Notice:
    """What was read: {"read_at": …, "record": the record or null, "baseline": true where it belongs to it}."""
    members = read_object(body)
    record = members.get("record")
    if not (record is None or isinstance(record, dict)):
        raise PayloadInvalid(field="record")
    try:
        read_at = datetime.fromisoformat(str(members.get("read_at"))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PayloadInvalid(field="read_at") from None
    events: tuple[Event, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    if native_type == "poll.account":
        events = _credit(members, record or {}, source.name, read_at)
    else:
        kind, id = native_type.removeprefix("poll."), native_id.partition(":")[0]
        snapshots = (Snapshot(kind=kind, id=id, fields=_fields(kind, record or {}, source), deleted=record is None),)
    extra = {"baseline": True} if members.get("baseline") is True else {}
    return Notice(
        native_type=native_type, native_id=native_id, family="poll", read_at=read_at, snapshots=snapshots, events=events, extra=extra
    )


def _fields(kind: str, record: Mapping[str, Any], source: SourceSettings) -> dict[str, Any]:
    if kind == "customer":
        return customer_fields(customer_of(record, zone=source.tz), whole=True) if record else {}
    if kind == "invoice":
        return invoice_fields(record, source.tz) if record else {}
    raise PayloadInvalid(field="record")


def _credit(members: Mapping[str, Any], record: Mapping[str, Any], source: str, read_at: datetime) -> tuple[Event, ...]:
    """Whether the account fell below its threshold or reached it again, as the poll found when it compared: `credit`."""
    said = members.get("credit")
    if not isinstance(said, dict) or said.get("turn") not in ("low", "restored"):
        raise PayloadInvalid(field="credit")
    currency, n = c.text(record.get("currency")), said.get("n")
    if currency is None or not isinstance(n, int):
        raise PayloadInvalid(field="record.currency")
    amounts = {name: c.amount(f"credit.{name}", said.get(name)) for name in ("available", "threshold")}
    money = {name: Money(Decimal(amount), currency) for name, amount in amounts.items() if amount is not None}
    if len(money) < len(amounts):
        raise PayloadInvalid(field="credit")
    cls = CreditLow if said["turn"] == "low" else CreditRestored
    return (cls(source=source, at=read_at, customer_id=customer_id("record.customer", record.get("customer")), n=n, **money),)
