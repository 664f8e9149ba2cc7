"""What the simulated AutoDNS user holds: customers, a prepaid account, invoices, messages; and how they change.

Owns the records, by their JSON names, and what is allowed with them. A change of a customer's mail address is checked first: it is
`pending` until `finish_check`. It knows no wire: autodns_api.py draws answers from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from receiver.errors import PayloadInvalid, Rejected
from receiver.sources.autodns_codec import customer_of, record_of
from receiver.sources.autodns_fields import WRITTEN

Record = dict[str, Any]
CLIENT, OWN_NUMBER = "ix", "1234567"
FIRST_IDS = {"customer": 2000000, "invoice": 9000, "message": 70000000, "job": 30000000, "stid": 100000}
CHECKED = ("emails", "billingEmails")
PERSISTENT = ("number", "client", "group", "name", "type", "organization", "addressLines", "pcode", "city", "country", "emails",
              "billingEmails", "payment")  # fmt: skip


def refused(code: str, message: str) -> Rejected:
    """What the provider answers with this code."""
    return Rejected(reasons=(message,), code=code)


@dataclass
class Holder:
    """One simulated user. `clock` tells aware instants. `messages`: those that wait, the oldest first."""

    zone: ZoneInfo
    clock: Callable[[], datetime]
    customers: dict[str, Record] = field(default_factory=dict)
    invoices: dict[str, Record] = field(default_factory=dict)
    messages: list[Record] = field(default_factory=list)
    account: Record = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=lambda: dict(FIRST_IDS))

    def __post_init__(self) -> None:
        if not self.account:
            self.account = {
                "customer": {"number": int(OWN_NUMBER), "client": CLIENT}, "currentAccountBalance": Decimal("100.00"),
                "runningTotal": Decimal("100.00"), "creditLimit": Decimal("0.00"), "currency": "EUR",
                "minRunningTotalNotification": Decimal("50.00"), "reserved": Decimal("0.00"),
            }  # fmt: skip

    def now(self) -> str:
        return f"{self.clock().astimezone(self.zone):%Y-%m-%dT%H:%M:%S.000%z}"

    def next_id(self, what: str) -> int:
        self.ids[what] += 1
        return self.ids[what]

    def customer(self, id: str) -> Record:
        """The customer "client/number". Raises KeyError."""
        return self.customers[id]

    def write_customer(self, id: str | None, said: Mapping[str, Any], *, checks: bool = True) -> Record:
        """Create (`id` None) or change a customer; what only the provider sets is passed over. Raises Rejected, KeyError."""
        known = {name: value for name, value in said.items() if name in WRITTEN}
        if id is None:
            number = int(said.get("number") or self.next_id("customer"))
            id = f"{said.get('client') or CLIENT}/{number}"
            if id in self.customers:
                raise refused("EF120001", "The customer is there already.")
            now = self.now()
            blank = {"number": number, "client": id.partition("/")[0], "pending": False, "locked": False, "created": now, "updated": now}
            self.customers[id] = _valid(blank | known)
            return self.customers[id]
        before, now = self.customers[id], self.now()
        after = _valid({name: value for name, value in before.items() if name not in ("persistent", "verifications")} | known)
        after["updated"] = now
        if checks and any(after.get(name) != before.get(name) for name in CHECKED):
            held = before.get("persistent") or {name: before[name] for name in PERSISTENT if name in before}
            checks_of = [{"email": email, "status": "PENDING"} for email in after.get("emails", [])]
            after |= {"pending": True, "persistent": held, "verifications": checks_of}
        self.customers[id] = after
        return after

    def finish_check(self, id: str) -> Record:
        """What was not checked is valid now. Raises KeyError."""
        record = self.customers[id]
        for name in ("persistent", "verifications"):
            record.pop(name, None)
        record |= {"pending": False, "updated": self.now()}
        return record

    def spend(self, amount: Decimal) -> None:
        """Use credit up; a negative amount tops it up."""
        for name in ("currentAccountBalance", "runningTotal"):
            self.account[name] -= amount

    def new_invoice(self, said: Mapping[str, Any]) -> Record:
        """An invoice to this user."""
        id = int(said.get("id") or self.next_id("invoice"))
        now = self.now()
        record = {
            "id": id, "number": f"R2026-{id}", "customer": {"number": int(OWN_NUMBER), "client": CLIENT}, "payment": "POST",
            "paymentMode": "SEPA", "subType": "domain", "amount": Decimal("119.00"), "vatAmount": Decimal("19.00"), "status": "CREATED",
            "type": "INVOICE", "failed": False, "currency": "EUR", "created": now, "updated": now,
        }  # fmt: skip
        self.invoices[str(id)] = record | dict(said) | {"id": id}
        return self.invoices[str(id)]

    def new_message(self, said: Mapping[str, Any]) -> Record:
        """A message that waits to be polled."""
        record = {"id": self.next_id("message"), "owner": {"context": 4, "user": "reseller"}, "created": self.now(), **said}
        self.messages.append(record)
        return record

    def confirm(self, id: str) -> None:
        """The message is gone. Raises KeyError where it is not the oldest one: they are served one after the other."""
        if not self.messages or str(self.messages[0]["id"]) != id:
            raise KeyError(id)
        del self.messages[0]


def _valid(record: Record) -> Record:
    """The record as the provider would keep it. Raises Rejected, naming the field."""
    try:
        record_of(customer_of(record))
    except PayloadInvalid as wrong:
        raise refused("EF120002", f"The field {wrong.field} is invalid.") from None
    return record
