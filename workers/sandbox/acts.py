"""What a person or a customer does at the provider, in one word: the acts behind `billhook trigger`.

Owns the table of acts and how overrides (`email=…`, `total=…`) find their record. An act changes the account and notifies; where the
object it needs is not there, it is made first, with its own notifications.
"""

from collections.abc import Callable
from decimal import Decimal

from receiver.mistakes import unknown
from receiver.money import parse_decimal
from workers.sandbox.account import AMOUNTS, NO_DATE, Account, Record, put
from workers.sandbox.notices import Notices
from workers.sandbox.shapes import API_CUSTOMER, METHODS, wire_id

ALIASES = {
    "LANGUAGE": "LANGUAGE_CODE",
    "COUNTRY": "COUNTRY_CODE",
    "CURRENCY": "CURRENCY_CODE",
    "DELIVERY_METHOD": "INVOICE_DELIVERY_METHOD",
    "OUTSTANDING": "OUTSTANDING_AMOUNT",
    "NUMBER": "INVOICE_NUMBER",
    "TITLE": "INVOICE_TITLE",
    "EXT_UID": "INVOICE_EXT_UID",
}
OF_CUSTOMER = frozenset(API_CUSTOMER.split()) | {"CREDIT_BALANCE"}
_OF_INVOICE = (
    "INVOICE_ID INVOICE_NUMBER INVOICE_TITLE INVOICE_EXT_UID INTROTEXT INVOICE_DATE DUE_DATE DELIVERY_DATE PAID_DATE TOTAL "
    "OUTSTANDING_AMOUNT CASH_DISCOUNT_PERCENT CASH_DISCOUNT_DAYS SHIPMENT TYPE IS_CANCELED TEMPLATE_ID DOCUMENT_URL"
)
OF_INVOICE = frozenset(_OF_INVOICE.split())
_COPIED = (
    "ORGANIZATION SALUTATION FIRST_NAME LAST_NAME ADDRESS ADDRESS_2 ZIPCODE CITY COUNTRY_CODE VAT_ID CURRENCY_CODE PAYMENT_TYPE "
    "DAYS_FOR_PAYMENT CUSTOMER_NUMBER"
)
COPIED = frozenset(_COPIED.split())  # what an invoice keeps of its customer
FIXED = frozenset({"CUSTOMER_ID", "INVOICE_ID"})
OF_ACT = frozenset({"LEVEL", "AMOUNT", "EINVOICE", "ARTICLE_CODE", "SUBSCRIPTION_ID"})
VAT = Decimal("1.19")


class Acts:
    """Performs acts on one account."""

    def __init__(self, account: Account, notices: Notices) -> None:
        self._account, self._notices = account, notices
        self.known: dict[str, Callable[[Record, Record, Record], dict[str, str]]] = {
            "customer.created": self._customer_created,
            "customer.updated": self._customer_updated,
            "customer.deleted": self._customer_deleted,
            "invoice.created": self._invoice_created,
            "invoice.completed": self._invoice_completed,
            "invoice.changed": self._invoice_changed,
            "invoice.paid": self._invoice_paid,
            "invoice.canceled": self._invoice_canceled,
            "invoice.deleted": self._invoice_deleted,
            "payment.failed": self._payment("failed", "error"),
            "payment.chargeback": self._payment("chargeback", "chargeback"),
            "payment.reminded": self._payment_reminded,
            **{f"subscription.{act}": self._subscription(act) for act in ("created", "changed", "canceled", "closed", "reactivated")},
        }

    def perform(self, act: str, overrides: dict[str, str]) -> dict[str, str]:
        """Ids of what `act` touched. Raises ValueError naming what is known instead."""
        if act not in self.known:
            raise ValueError(f"unknown act {act}: one of {', '.join(self.known)}")
        customer, invoice, own = _sorted_out(overrides)
        return self.known[act](customer, invoice, own)

    def _customer_created(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        record = self._account.new_customer({name: value for name, value in customer.items() if name != "CUSTOMER_ID"})
        self._notices.customer("created", record)
        return {"customer_id": record["CUSTOMER_ID"]}

    def _customer_updated(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        record = self._customer(customer)
        said = {name: value for name, value in customer.items() if name != "CUSTOMER_ID"}
        put(record, said or {"PHONE": f"069 {len(self._account.customers)}{record.get('PHONE', '')[-3:]}1"})
        record["LASTUPDATE"] = self._account.now()
        self._notices.customer("updated", record)
        return {"customer_id": record["CUSTOMER_ID"]}

    def _customer_deleted(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        record = self._customer(customer)
        del self._account.customers[record["CUSTOMER_ID"]]
        self._notices.customer("deleted", record)
        return {"customer_id": record["CUSTOMER_ID"]}

    def _invoice_created(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        return _ids(self._draft(customer, invoice, own))

    def _invoice_completed(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        record = self._account.invoices.get(invoice.get("INVOICE_ID", "")) or self._draft(customer, invoice, own)
        self._account.complete(record)
        self._notices.invoice("completed", record)
        return _ids(record)

    def _invoice_changed(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        record = self._invoice(customer, invoice, own)
        said = {name: value for name, value in invoice.items() if name not in ("INVOICE_ID", "TOTAL")}
        said |= {name: value for name, value in customer.items() if name in record and name != "CUSTOMER_ID"}
        put(record, said or ({} if "TOTAL" in invoice else {"INTROTEXT": f"{record['INTROTEXT']} Geändert.".strip()}))
        if "TOTAL" in invoice:
            self._charge(record, parse_decimal(invoice["TOTAL"]))
        self._notices.invoice("changed", record)
        return _ids(record)

    def _invoice_paid(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        record = self._invoice(customer, invoice, own)
        amount = parse_decimal(own["AMOUNT"]) if "AMOUNT" in own else record["OUTSTANDING_AMOUNT"]
        self._account.pay(record, amount, invoice.get("PAID_DATE", self._account.today()))
        self._notices.invoice("paid", record)
        return _ids(record)

    def _invoice_canceled(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        record = self._invoice(customer, invoice, own)
        if "AMOUNT" in own:
            self._account.cancel_part(record, parse_decimal(own["AMOUNT"]))
            self._notices.invoice("changed", record)
            return _ids(record)
        record["IS_CANCELED"] = True
        self._account.balance(record)
        self._notices.invoice("canceled", record)
        return _ids(record)

    def _invoice_deleted(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        asked = self._account.invoices.get(invoice.get("INVOICE_ID", ""))
        record = asked or self._latest("draft", customer.get("CUSTOMER_ID")) or self._draft(customer, invoice, own)
        if record["TYPE"] != "draft":
            raise ValueError("only a draft can be deleted")
        del self._account.invoices[record["INVOICE_ID"]]
        self._notices.invoice("deleted", record)
        return _ids(record)

    def _payment(self, act: str, status: str) -> Callable[[Record, Record, Record], dict[str, str]]:
        def perform(customer: Record, invoice: Record, own: Record) -> dict[str, str]:
            record = self._invoice(customer, invoice, own)
            if act == "chargeback":
                self._account.pay(record, -record.get("_PAID", Decimal(0)), self._account.today())
            payment = self._payment_record(record, own, status, act)
            self._notices.payment(act, record, payment)
            return _ids(record) | {"payment_id": str(payment["payment_id"])}

        return perform

    def _payment_record(self, record: Record, own: Record, status: str, act: str) -> Record:
        method = METHODS.get(str(record.get("PAYMENT_TYPE")), "invoice")
        return {
            "payment_id": int(self._account.next_id("payment")),
            "invoice_id": wire_id(record["INVOICE_ID"]),
            "invoice_number": record["INVOICE_NUMBER"],
            "invoice_url": record["DOCUMENT_URL"],
            "total_amount": parse_decimal(own["AMOUNT"]) if "AMOUNT" in own else record["TOTAL"],
            "currency": record["CURRENCY_CODE"],
            # The recorded payment.failed calls it payment_method, all others method.
            "payment_method" if act == "failed" else "method": method,
            "gateway": None,
            "reference": None,
            "type": "charge",
            "status": status,
            "next_event": None,
            "created": self._account.now(),
        } | ({} if act == "failed" else {"test": 0})

    def _payment_reminded(self, customer: Record, invoice: Record, own: Record) -> dict[str, str]:
        record = self._invoice(customer, invoice, own)
        rows = self._account.reminders.setdefault(record["INVOICE_ID"], [])
        level = int(own.get("LEVEL", len(rows) + 1))
        now = self._account.now()
        rows.append(
            {
                "REMINDER_ID": self._account.next_id("payment"),
                "INVOICE_ID": record["INVOICE_ID"],
                "DUNNING_LEVEL": str(level),
                "DUNNING_FEE": "0.00",
                "DUNNING_DATE": now[:10],
                "INTROTEXT": "Zahlungserinnerung",
                "TEMPLATE_ID": "1",
                "CREATED": now,
                "DAYS_FOR_PAYMENT": "7",
                "DOCUMENT_URL": record["DOCUMENT_URL"],
                "DOWNLOAD_LINK": record["DOCUMENT_URL"],
            }
        )
        self._notices.payment("reminded", record, {"level": level})
        return _ids(record)

    def _subscription(self, act: str) -> Callable[[Record, Record, Record], dict[str, str]]:
        def perform(customer: Record, invoice: Record, own: Record) -> dict[str, str]:
            record = self._subscription_record(customer, own, new=act == "created")
            now = self._account.now()
            changes: dict[str, Record] = {
                "changed": {"quantity": str(int(record["quantity"]) + 1), "last_event": now},
                "canceled": {"cancellation_date": now},
                "closed": {"status": "canceled", "expiration_date": now},
                "reactivated": {"status": "active", "cancellation_date": NO_DATE},
            }
            record |= changes.get(act, {})
            self._notices.subscription(act, record)
            return {"customer_id": record["_CUSTOMER_ID"], "subscription_id": str(record["subscription_id"])}

        return perform

    def _subscription_record(self, customer: Record, own: Record, *, new: bool) -> Record:
        asked = own.get("SUBSCRIPTION_ID") or next(reversed(self._account.subscriptions), "")
        if not new and asked in self._account.subscriptions:
            return self._account.subscriptions[asked]
        owner = self._customer(customer)
        id, now = self._account.next_id("subscription"), self._account.now()
        record: Record = {
            "subscription_id": int(id),
            "subscription_ext_uid": "",
            "hash": owner["HASH"],
            "article_code": own.get("ARTICLE_CODE", "1000"),
            "quantity": "1",
            "start_date": now,
            "last_event": now,
            "next_event": now,
            "cancellation_date": NO_DATE,
            "status": "active",
            "expiration_date": NO_DATE,
            "coupons": [],
            "_CUSTOMER_ID": owner["CUSTOMER_ID"],
        }
        self._account.subscriptions[id] = record
        return record

    def _customer(self, customer: Record) -> Record:
        """The one named, else the newest, else a new one, announced."""
        asked = customer.get("CUSTOMER_ID")
        if asked and asked not in self._account.customers:
            raise ValueError(f"no customer {asked} here")
        if asked:
            return self._account.customers[asked]
        if self._account.customers:
            return next(reversed(self._account.customers.values()))
        record = self._account.new_customer({})
        self._notices.customer("created", record)
        return record

    def _draft(self, customer: Record, invoice: Record, own: Record) -> Record:
        """A new draft: for the customer named, else for a new one made with the overrides; both are announced."""
        if invoice.get("INVOICE_ID"):
            raise ValueError(f"no invoice {invoice['INVOICE_ID']} here")
        if "CUSTOMER_ID" in customer:
            owner = self._customer(customer)
        else:
            owner = self._account.new_customer(customer)
            self._notices.customer("created", owner)
        said = {name: value for name, value in invoice.items() if name not in ("TOTAL", "TYPE")}
        record = self._account.new_invoice(owner, said)
        if "TOTAL" in invoice:
            self._charge(record, parse_decimal(invoice["TOTAL"]))
        if "OUTSTANDING_AMOUNT" in invoice:
            self._account.pay(record, record["TOTAL"] - parse_decimal(invoice["OUTSTANDING_AMOUNT"]), self._account.today())
        if "EINVOICE" in own:
            record["_EINVOICE"] = own["EINVOICE"]
        self._notices.invoice("created", record)
        return record

    def _charge(self, record: Record, total: Decimal) -> None:
        """One line whose gross amount is exactly `total`."""
        net = (total / VAT).quantize(Decimal("0.01"))
        line = {"ARTICLE_NUMBER": "1000", "DESCRIPTION": "Basispaket", "QUANTITY": "1", "UNIT_PRICE": str(net), "VAT_PERCENT": "19.00"}
        record["ITEMS"] = [record["ITEMS"][0] | line]
        self._account.total(record)
        record["ITEMS"][0] |= {"VAT_VALUE": total - net, "COMPLETE_GROSS": total}
        record["VAT_ITEMS"][0]["VAT_VALUE"] = total - net
        record |= {"VAT_TOTAL": total - net, "TOTAL": total}
        self._account.balance(record)

    def _invoice(self, customer: Record, invoice: Record, own: Record) -> Record:
        """The one named, else the newest completed one (of the customer named), else a new one, completed and announced."""
        asked = invoice.get("INVOICE_ID")
        if asked and asked not in self._account.invoices:
            raise ValueError(f"no invoice {asked} here")
        if asked:
            return self._account.invoices[asked]
        found = self._latest("outgoing", customer.get("CUSTOMER_ID"))
        if found is None:
            made = self._invoice_completed(customer, {}, own)
            found = self._account.invoices[made["invoice_id"]]
        return found

    def _latest(self, type: str, customer_id: str | None = None) -> Record | None:
        found = (record for record in reversed(self._account.invoices.values()) if record["TYPE"] == type and not record["IS_CANCELED"])
        return next((record for record in found if customer_id in (None, record["CUSTOMER_ID"])), None)


def field_problem(kind: str, name: str, value: object) -> str | None:
    """Why a change of a "customer" or an "invoice" cannot write `value` into the field called `name`, or None."""
    full = ALIASES.get(name.upper(), name.upper())
    if isinstance(value, dict):
        return None if (kind, full) == ("customer", "X_ATTRIBUTES") and value else f"{name}: only a customer's x_attributes are a table"
    known = {"customer": OF_CUSTOMER, "invoice": OF_INVOICE | (OF_CUSTOMER & COPIED)}[kind] - FIXED
    return amount_problem(full, value) if full in known else unknown(name, sorted(one.lower() for one in known), f"field of {kind}s")


def amount_problem(name: str, value: object) -> str | None:
    """Why `value` cannot be kept under the API's name, or None."""
    if name not in AMOUNTS:
        return None
    try:
        parse_decimal(str(value))
    except ValueError:
        return f'{name}: an amount in quotes is wanted, such as "1190.00"'
    return None


def _ids(record: Record) -> dict[str, str]:
    return {"customer_id": record["CUSTOMER_ID"], "invoice_id": record["INVOICE_ID"]}


def _sorted_out(overrides: dict[str, str]) -> tuple[Record, Record, Record]:
    """Overrides of the customer, of the invoice and of the act. `x_attributes.NAME=…` is the customer's."""
    customer: Record = {}
    invoice: Record = {}
    own: Record = {}
    for given, value in overrides.items():
        if given.lower().startswith("x_attributes."):
            customer.setdefault("X_ATTRIBUTES", {})[given.partition(".")[2]] = value
            continue
        name = ALIASES.get(given.upper(), given.upper())
        target = own if name in OF_ACT else invoice if name in OF_INVOICE else customer if name in OF_CUSTOMER else None
        if target is None:
            raise ValueError(f"no field {given}: customers and invoices have the API's names in lower case, such as email or total")
        target[name] = value
    return customer, invoice, own
