"""What the simulated Qvickly merchant holds: payments, customers, counters; and how a payment may change.

Owns the records and what is allowed with them, in the provider's own error codes. Amounts are whole öre. It knows no wire:
qvickly_payments.py and qvickly_portal.py draw answers from it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from receiver.errors import Rejected
from receiver.sources.qvickly_fields import CUSTOMER, ID, WRITTEN
from receiver.sources.qvickly_words import word

Record = dict[str, Any]
INVOICE, SERVICE, CARD, SWISH = "1", "2", "8", "1024"
# By payment method: invoices are sent to the customer, everything else is debited.
ACTIVATED = {INVOICE: "Factoring", SERVICE: "Handling", "4": "PartPayment"}
TERMS = timedelta(days=14)
FIRST_IDS = {"payment": 1000300, "customer": 1000, "hash": 140544658}


def refused(code: str, message: str) -> Rejected:
    """What the provider answers with this code."""
    return Rejected(reasons=(message,), code=code)


@dataclass
class Merchant:
    """One simulated merchant. `clock` tells aware instants; `callbacks` is the log of every callback that was made."""

    zone: ZoneInfo
    clock: Callable[[], datetime]
    payments: dict[str, Record] = field(default_factory=dict)
    customers: dict[str, Record] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=lambda: dict(FIRST_IDS))
    callbacks: list[Record] = field(default_factory=list)

    def today(self) -> date:
        return self.clock().astimezone(self.zone).date()

    def next_id(self, what: str) -> str:
        self.ids[what] += 1
        return str(self.ids[what])

    def new_payment(self, said: Record) -> Record:
        """A payment that a customer has just made."""
        number = said.get("number") or self.next_id("payment")
        record = {
            "number": number, "orderid": f"P{number}", "status": "Created", "method": INVOICE, "currency": "SEK", "country": "SE",
            "withtax": "11900", "tax": "2380", "customer_nr": "1", "url": f"https://api.qvickly.io/invoice/{self.next_id('hash')}",
            "date": self.today().isoformat(), "due_date": (self.today() + TERMS).isoformat(), "distributor_status": "", "credited": "0",
        }  # fmt: skip
        self.payments[number] = record | said
        return self.payments[number]

    def payment(self, number: object) -> Record:
        """The payment. Raises Rejected 5201."""
        record = self.payments.get(str(number))
        if record is None:
            raise refused("5201", f"Faktura med nummer {number} som du efterfr\u00e5gade existerar inte.")
        return record

    def activate(self, number: object) -> Record:
        """Created becomes activated. Raises Rejected."""
        record = self.payment(number)
        if word(record["status"]) == "cancelled":
            raise refused("5210", "Kan inte aktivera en makulerad faktura.")
        if word(record["status"]) != "created":
            raise refused("5208", "Kan inte aktivera en icke skapad faktura.")
        record["status"] = ACTIVATED.get(record["method"], "Paid")
        return record

    def cancel(self, number: object) -> Record:
        """Created or pending becomes cancelled. Raises Rejected."""
        record = self.payment(number)
        if word(record["status"]) == "cancelled":
            raise refused("5220", "Betalningen \u00e4r redan makulerad.")
        if word(record["status"]) not in ("created", "pending"):
            raise refused("5209", "Kan inte makulera en skickad faktura.")
        record["status"] = "Cancelled"
        return record

    def credit(self, number: object, part: int | None) -> Record:
        """A credit invoice of the whole payment or of `part` öre. Raises Rejected."""
        record = self.payment(number)
        if word(record["status"]) in ("created", "pending", "cancelled"):
            raise refused("5205", "Kan inte kreditera en skapad faktura.")
        left = int(record["withtax"]) - int(record["credited"])
        amount = left if part is None else part
        if amount > left or amount <= 0:
            raise refused("5213", "Beloppet \u00e4r f\u00f6r h\u00f6gt.")
        record["credited"] = str(int(record["credited"]) + amount)
        return self.new_payment({"status": "Credited", "withtax": str(-amount), "method": record["method"], "related": record["number"]})

    def overdue(self, day: str) -> list[Record]:
        """Invoices that were sent, fell due by `day` and are not paid."""
        sent = (record for record in self.payments.values() if word(record["status"]) in ("factoring", "handling"))
        return [one for one in sent if one["due_date"] <= day and word(one["distributor_status"]) != "paid"]

    def write_customer(self, id: str | None, said: Record) -> Record:
        """Create (`id` None) or change a customer; what only the provider sets is passed over. Raises KeyError."""
        known = {name: str(value) for name, value in said.items() if name in WRITTEN}
        if id is not None:
            self.customers[id].update(known)
            return self.customers[id]
        number = int(self.next_id("customer"))
        blank: Record = {field.native: "" for field in CUSTOMER}
        made = blank | {ID: number, "date": f"{self.clock():%Y-%m-%dT%H:%M:%S}.000Z", "mexcModulesid": 1000, "mm3servicesid": 1000}
        self.customers[str(number)] = made | known
        return self.customers[str(number)]
