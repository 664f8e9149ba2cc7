"""The notifications the simulated provider sends: which event follows from which change, and its bytes.

Owns the difference between the two products: Monsum tells `changed` and has no completed, paid or canceled; FastBill core tells
`updated`, `completed` and `canceled` and nothing about payment. Nothing here sends.
Source: tests/payloads/monsum/webhook_*.json; "FastBill Automatic Dokumentation – Notifications", 02 Feb 2016
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from workers.sandbox.account import Account, Record
from workers.sandbox.shapes import api_customer, api_invoice, hook_customer, hook_invoice, php_json

MONSUM = {
    "customer.created": ("customer.created",),
    "customer.updated": ("customer.changed",),
    "customer.deleted": ("customer.deleted",),
    # One invoice is told several times while it is being created.
    "invoice.created": ("invoice.created", "invoice.changed"),
    "invoice.completed": ("invoice.changed", "invoice.changed"),
    "invoice.changed": ("invoice.changed",),
    "invoice.paid": ("invoice.changed",),
    "invoice.canceled": ("invoice.changed",),
    "invoice.posted": ("invoice.changed",),
    "invoice.deleted": ("invoice.deleted",),
}
FASTBILL = {
    "customer.created": ("customer.created",),
    "customer.updated": ("customer.updated",),
    "customer.deleted": ("customer.deleted",),
    "invoice.created": ("invoice.created",),
    "invoice.completed": ("invoice.completed",),
    "invoice.canceled": ("invoice.canceled",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One notification: the very bytes that every attempt repeats; with GET they are the query string."""

    type: str
    id: int
    body: bytes = field(repr=False)
    created_at: datetime
    method: str = "POST"


class Notices:
    """Draws notifications and hands them to `publish`."""

    def __init__(self, account: Account, publish: Callable[[Notification], None]) -> None:
        self._account, self._publish = account, publish

    def customer(self, act: str, record: Record) -> None:
        """What happened to a customer. `created` is absent, as in the recordings."""
        for type in self._types(f"customer.{act}"):
            if self._account.kind == "fastbill":
                self._tell(type, {"customer": self._core(api_customer(self._account, record))}, created=True)
            else:
                self._tell(type, {"customer": hook_customer(self._account, record)})

    def invoice(self, act: str, record: Record) -> None:
        """What happened to an invoice, with its customer."""
        for type in self._types(f"invoice.{act}"):
            if self._account.kind == "fastbill":
                self._tell(type, {"invoice": self._core(api_invoice(self._account, record))}, created=True)
                continue
            said: Record = {"account_hash": self._account.hash, "invoice": hook_invoice(self._account, record)}
            customer = self._account.customers.get(record["CUSTOMER_ID"])
            said |= {"customer": hook_customer(self._account, customer, inside="invoice")} if customer else {}
            self._tell(type, said, created=True)

    def payment(self, act: str, invoice: Record, payment: Record, subscription: Record | None = None) -> None:
        """What happened to a payment (Monsum only)."""
        said = self._with_customer(invoice["CUSTOMER_ID"], subscription)
        self._monsum(f"payment.{act}", said | {"payment": payment})

    def subscription(self, act: str, subscription: Record) -> None:
        """What happened to a subscription (Monsum only)."""
        self._monsum(f"subscription.{act}", self._with_customer(subscription["_CUSTOMER_ID"], subscription))

    def _with_customer(self, customer_id: str, subscription: Record | None) -> Record:
        said: Record = {}
        if customer := self._account.customers.get(customer_id):
            said["customer"] = hook_customer(self._account, customer)
        if subscription:
            said["subscription"] = {name: value for name, value in subscription.items() if not name.startswith("_")}
        return said

    def _types(self, act: str) -> tuple[str, ...]:
        return (FASTBILL if self._account.kind == "fastbill" else MONSUM).get(act, ())

    def _core(self, record: Record) -> Record:
        return {name: value for name, value in record.items() if name != "PASSWORD"}

    def _monsum(self, type: str, said: Record) -> None:
        if self._account.kind == "monsum":
            self._tell(type, said, created=True)

    def _tell(self, type: str, said: Record, *, created: bool = False) -> None:
        id = self._account.next_notice(type.partition(".")[0])
        body: Record = {"id": id, "type": type, **said}
        if created:
            body["created"] = self._account.now()
        raw = php_json(body).encode()
        self._publish(Notification(type=type, id=id, body=raw, created_at=self._account.clock()))
