"""What the simulated account holds: customers, invoices with their lines, subscriptions, webhooks, counters.

Owns the records and their arithmetic. A record is a dict by the API's upper-case names; amounts are Decimal, flags bool, the rest
text; names that begin with "_" are our own. It knows no wire: shapes.py draws records, services.py and acts.py change them.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from receiver.money import parse_decimal

Record = dict[str, Any]
NO_DATE = "0000-00-00 00:00:00"
AMOUNTS = frozenset({"SUB_TOTAL", "VAT_TOTAL", "TOTAL", "OUTSTANDING_AMOUNT", "CREDIT_BALANCE"})
FIRST_IDS = {"customer": 805300, "invoice": 772400, "item": 1411900, "subscription": 459900, "payment": 409600, "webhook": 15}
FIRST_NOTICES = {"customer": 366500, "invoice": 900, "subscription": 398400, "payment": 772700}


@dataclass
class Account:
    """One simulated account. `clock` tells aware instants; everything written is local time in `zone`, as the provider does."""

    kind: str
    zone: ZoneInfo
    clock: Callable[[], datetime]
    public_url: str
    customers: dict[str, Record] = field(default_factory=dict)
    invoices: dict[str, Record] = field(default_factory=dict)
    subscriptions: dict[str, Record] = field(default_factory=dict)
    webhooks: dict[str, Record] = field(default_factory=dict)
    reminders: dict[str, list[Record]] = field(default_factory=dict)
    remaining_credits: int = 50
    vat_answers: dict[str, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=lambda: dict(FIRST_IDS))
    notices: dict[str, int] = field(default_factory=lambda: dict(FIRST_NOTICES))

    @property
    def hash(self) -> str:
        return hashlib.md5(f"account {self.kind}".encode(), usedforsecurity=False).hexdigest()

    def now(self) -> str:
        """Local time as the provider writes it, without a zone."""
        return self.clock().astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def today(self) -> str:
        return self.now()[:10]

    def next_id(self, what: str) -> str:
        self.ids[what] += 1
        return str(self.ids[what])

    def next_notice(self, family: str) -> int:
        """Ids rise within a family only; the families run apart."""
        self.notices[family] = self.notices.get(family, 1000) + 2
        return self.notices[family]

    def passed(self, counters: dict[str, int], name: str, seen: object) -> None:
        """Later ids come after `seen`, a recorded one."""
        if str(seen).isdigit():
            counters[name] = max(counters.get(name, 0), int(str(seen)))

    def new_customer(self, said: Record) -> Record:
        """A customer with defaults that auto-send can use, then `said`."""
        id = self.next_id("customer")
        record: Record = {
            "CUSTOMER_ID": id,
            "CUSTOMER_NUMBER": str(10000 + int(id) - FIRST_IDS["customer"]),
            "CUSTOMER_TYPE": "business",
            "ORGANIZATION": f"Muster {id} GmbH",
            "SALUTATION": "mr",
            "FIRST_NAME": "Max",
            "LAST_NAME": "Muster",
            "ADDRESS": "Musterstraße 1",
            "ZIPCODE": "63067",
            "CITY": "Offenbach am Main",
            "COUNTRY_CODE": "DE",
            "EMAIL": f"customer-{id}@example.com",
            "CURRENCY_CODE": "EUR",
            "LANGUAGE_CODE": "de",
            "PAYMENT_TYPE": "1",
            "DAYS_FOR_PAYMENT": "14",
            "INVOICE_DELIVERY_METHOD": "mail",
            "CREDIT_BALANCE": Decimal(0),
            "HASH": hashlib.md5(f"customer {id}".encode(), usedforsecurity=False).hexdigest(),
            "CREATED": self.now(),
            "LASTUPDATE": self.now(),
        }
        self.customers[id] = record
        put(record, said)
        return record

    def new_invoice(self, customer: Record, said: Record) -> Record:
        """A draft for `customer` with one line, or the lines in `said`."""
        id = self.next_id("invoice")
        copied = "ORGANIZATION SALUTATION FIRST_NAME LAST_NAME ADDRESS ADDRESS_2 ZIPCODE CITY COUNTRY_CODE VAT_ID CURRENCY_CODE"
        record: Record = {name: customer.get(name, "") for name in copied.split()} | {
            "INVOICE_ID": id,
            "TYPE": "draft",
            "CUSTOMER_ID": customer["CUSTOMER_ID"],
            "CUSTOMER_NUMBER": customer.get("CUSTOMER_NUMBER", ""),
            "PAYMENT_TYPE": customer.get("PAYMENT_TYPE", "1"),
            "DAYS_FOR_PAYMENT": customer.get("DAYS_FOR_PAYMENT", "14"),
            "TEMPLATE_ID": "1",
            "INVOICE_NUMBER": "",
            "INVOICE_TITLE": "",
            "INTROTEXT": "",
            "IS_CANCELED": False,
            "INVOICE_DATE": self.today(),
            "DUE_DATE": NO_DATE,
            "PAID_DATE": NO_DATE,
            "DELIVERY_DATE": "",
            "CASH_DISCOUNT_PERCENT": "0.00",
            "CASH_DISCOUNT_DAYS": "0",
            "SHIPMENT": "0",
            "DOCUMENT_URL": f"{self.public_url}/documents/{id}.pdf",
            "_PAID": Decimal(0),
            "ITEMS": [{"ARTICLE_NUMBER": "1000", "DESCRIPTION": "Basispaket", "QUANTITY": "1", "UNIT_PRICE": "59.00"}],
        }
        self.invoices[id] = record
        put(record, said)
        record["DUE_DATE"] = said.get("DUE_DATE", due(record))
        self.total(record)
        return record

    def total(self, invoice: Record) -> None:
        """Amounts of lines, VAT groups and totals from quantities and unit prices, as the provider computes them."""
        groups: dict[str, list[Decimal]] = {}
        for order, item in enumerate(invoice["ITEMS"], start=1):
            net = parse_decimal(str(item["QUANTITY"])) * parse_decimal(str(item["UNIT_PRICE"]))
            percent = str(item.setdefault("VAT_PERCENT", "19.00"))
            vat = (net * parse_decimal(percent) / 100).normalize()
            item.setdefault("INVOICE_ITEM_ID", self.next_id("item"))
            item |= {"COMPLETE_NET": net, "VAT_VALUE": vat, "COMPLETE_GROSS": net + vat}
            item["SORT_ORDER"] = str(item.get("SORT_ORDER") or order)
            group = groups.setdefault(percent, [Decimal(0), Decimal(0)])
            group[0], group[1] = group[0] + net, group[1] + vat
        invoice["VAT_ITEMS"] = [{"VAT_PERCENT": key, "COMPLETE_NET": net, "VAT_VALUE": vat} for key, (net, vat) in groups.items()]
        invoice["SUB_TOTAL"] = sum((net for net, _ in groups.values()), Decimal(0))
        invoice["VAT_TOTAL"] = sum((vat for _, vat in groups.values()), Decimal(0))
        invoice["TOTAL"] = invoice["SUB_TOTAL"] + invoice["VAT_TOTAL"]
        self.balance(invoice)

    def balance(self, invoice: Record) -> None:
        """OUTSTANDING_AMOUNT after what was paid and what was cancelled; an invoice cancelled as a whole owes nothing."""
        left = invoice["TOTAL"] - invoice.get("_PAID", Decimal(0)) - invoice.get("_CANCELLED", Decimal(0))
        invoice["OUTSTANDING_AMOUNT"] = Decimal(0) if invoice["IS_CANCELED"] else left

    def status(self, invoice: Record) -> str:
        """The provider's word. Unpaid and not yet due is in no sample; V1.8 has the filter value "unpaid"."""
        if invoice["IS_CANCELED"]:
            return "canceled"
        if invoice["TYPE"] != "draft" and invoice["OUTSTANDING_AMOUNT"] <= 0 < invoice["TOTAL"]:
            return "paid"
        day = str(invoice.get("DUE_DATE", ""))[:10]
        return "overdue" if day.strip("0-") and day < self.today() else "unpaid"

    def complete(self, invoice: Record) -> None:
        """The draft becomes a numbered invoice; it cannot be undone."""
        invoice["TYPE"] = "outgoing"
        if not invoice["INVOICE_NUMBER"]:
            invoice["INVOICE_NUMBER"] = f"{self.today()[2:4]}/{int(invoice['INVOICE_ID']) - FIRST_IDS['invoice']:03d}"

    def cancel_part(self, invoice: Record, amount: Decimal) -> None:
        """So much of it is not owed any more; nothing but OUTSTANDING_AMOUNT shows it."""
        invoice["_CANCELLED"] = invoice.get("_CANCELLED", Decimal(0)) + amount
        self.balance(invoice)

    def pay(self, invoice: Record, amount: Decimal, day: str) -> None:
        """`amount` came in (or went back, below zero) on `day`."""
        invoice["_PAID"] = invoice.get("_PAID", Decimal(0)) + amount
        self.balance(invoice)
        invoice["PAID_DATE"] = f"{day[:10]} 00:00:00" if invoice["OUTSTANDING_AMOUNT"] <= 0 else NO_DATE


def put(record: Record, said: Record) -> None:
    """`said` onto `record`: amounts as Decimal, flags as bool, maps and lists as they are, all else as text."""
    for name, value in said.items():
        if name in AMOUNTS:
            record[name] = parse_decimal(str(value))
        elif name == "IS_CANCELED":
            record[name] = str(value).lower() in ("1", "true")
        else:
            record[name] = value if isinstance(value, list | dict) or name.startswith("_") else "" if value is None else str(value)


def due(invoice: Record) -> str:
    """The due date, midnight, from INVOICE_DATE and DAYS_FOR_PAYMENT."""
    days = str(invoice.get("DAYS_FOR_PAYMENT") or "0")
    start = date.fromisoformat(str(invoice["INVOICE_DATE"])[:10])
    return f"{start + timedelta(days=int(days) if days.isdigit() else 0)} 00:00:00"
