"""FastBill's webhooks as Notices: Monsum's objects in upper case, with events of their own.

Pure; called by the door (`identify`) and the router (`interpret`). FastBill says `invoice.completed` and `invoice.canceled` itself;
estimates and contacts are kept as unknown. Whether the names are really in upper case is not proven, so either is read.
Source: FastBill API documentation, page "Webhooks"; tests/payloads/monsum/webhook_*.fastbill.constructed.json.
"""

from typing import Any

from receiver.settings import SourceSettings
from receiver.sources.monsum import Reading, identify, interpret_poll
from receiver.sources.notice import Notice, Snapshot

__all__ = ["identify", "interpret"]

_CUSTOMERS = ("customer.created", "customer.updated", "customer.deleted")
_SAID: dict[str, dict[str, Any]] = {"invoice.completed": {"type": "outgoing"}, "invoice.canceled": {"is_canceled": True}}
_INVOICES = ("invoice.created", "invoice.completed", "invoice.canceled")


def interpret(body: bytes, source: SourceSettings, native_type: str, native_id: str, headers: str = "") -> Notice:
    """One delivery of a FastBill account as a Notice. Raises PayloadInvalid naming the field that is wrong."""
    if native_type.startswith("poll."):
        return interpret_poll(body, native_type, native_id)
    reading = Reading(body, source, native_type, native_id)
    if native_type in _CUSTOMERS:
        return reading.made(snapshots=(reading.customer_snapshot(partial=False),))
    if native_type in _INVOICES:
        return reading.made(snapshots=(_as_said(reading.invoice_snapshot(), native_type), *reading.embedded_customer()))
    return reading.made(known=False)


def _as_said(invoice: Snapshot, native_type: str) -> Snapshot:
    """The type of the webhook says more than its body has to: completed is outgoing, canceled is cancelled."""
    return Snapshot(kind=invoice.kind, id=invoice.id, fields={**invoice.fields, **_SAID.get(native_type, {})})
