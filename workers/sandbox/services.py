"""The API's services, simulated: what each does to the account, answers and tells by notification.

Owns one function per service and the table of them. A refusal is a Rejected with the provider's own sentences. The envelope, login
and faults are in core.py.
Source: Monsum API reference "Customer" and "Invoice" (© 2016), read 2026-11-21; tests/payloads/monsum/api_*.json
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from receiver.errors import Rejected
from receiver.money import parse_decimal
from workers.sandbox.account import Account, Record, put
from workers.sandbox.notices import Notices
from workers.sandbox.shapes import api_customer, api_invoice, api_item, link, wire_id

PAGE_MAX, PAGE = 100, 10
BOTH, ONLY_MONSUM, ONLY_FASTBILL = ("monsum", "fastbill"), ("monsum",), ("fastbill",)
INVOICE_FILTERS = ("INVOICE_NUMBER", "INVOICE_TITLE", "CUSTOMER_ID", "TYPE")
CUSTOMER_FILTERS = ("CUSTOMER_ID", "CUSTOMER_NUMBER", "COUNTRY_CODE", "CITY", "HASH")
TERM_FIELDS = ("ORGANIZATION", "FIRST_NAME", "LAST_NAME", "ADDRESS", "ADDRESS_2", "ZIPCODE", "EMAIL")


class Desk:
    """What a service works with: the account, its notifications, and what went out to people."""

    def __init__(self, account: Account, notices: Notices, sent: list[Record]) -> None:
        self.account, self.notices, self.sent = account, notices, sent


Service = Callable[[Desk, Record], Any]


def _need(data: Record, *names: str, said: str = "missing / invalid field: ") -> None:
    for name in names:
        if data.get(name) in (None, "", [], {}):
            raise Rejected(reasons=(f"{said}{name}",))


def _page(rows: list[Record], ask: Record) -> list[Record]:
    limit = ask.get("LIMIT") or PAGE
    offset = ask.get("OFFSET") or 0
    start = int(str(offset))
    return rows[start : start + max(1, min(PAGE_MAX, int(str(limit))))]


def _matches(record: Record, filters: Record, names: tuple[str, ...]) -> bool:
    return all(str(record.get(name, "")) == str(filters[name]) for name in names if filters.get(name) not in (None, "", []))


def _named(records: dict[str, Record], ids: object) -> Iterable[Record]:
    """The records of these ids, each once; all of them where none is asked for."""
    asked = dict.fromkeys(map(str, ids if isinstance(ids, list) else [ids])) if ids else records
    return [records[id] for id in asked if id in records]


def customer_get(desk: Desk, ask: Record) -> Record:
    """A filter that is not understood is ignored; not found is an empty list."""
    filters = ask["FILTER"]
    rows = [row for row in _named(desk.account.customers, filters.get("CUSTOMER_ID")) if _matches(row, filters, CUSTOMER_FILTERS)]
    if term := str(filters.get("TERM") or "").lower():
        rows = [row for row in rows if any(term in str(row.get(name, "")).lower() for name in TERM_FIELDS)]
    return {"CUSTOMERS": [api_customer(desk.account, row) for row in _page(rows, ask)]}


def invoice_get(desk: Desk, ask: Record) -> Record:
    """INVOICE_ID may be a list."""
    filters = ask["FILTER"]
    rows = [row for row in _named(desk.account.invoices, filters.get("INVOICE_ID")) if _matches(row, filters, INVOICE_FILTERS)]
    if year := filters.get("YEAR"):
        rows = [row for row in rows if str(row["INVOICE_DATE"])[:4] == str(year)]
    if month := filters.get("MONTH"):
        rows = [row for row in rows if int(str(row["INVOICE_DATE"])[5:7]) == int(str(month))]
    if after := filters.get("START_DUE_DATE"):
        rows = [row for row in rows if str(row["DUE_DATE"])[:10] >= str(after)[:10]]
    if before := filters.get("END_DUE_DATE"):
        rows = [row for row in rows if str(row["DUE_DATE"])[:10] <= str(before)[:10]]
    return {"INVOICES": [api_invoice(desk.account, row) for row in _page(rows, ask)]}


def item_get(desk: Desk, ask: Record) -> Record:
    _need(ask["FILTER"], "INVOICE_ID")
    record = _invoice(desk, ask["FILTER"])
    said = {"INVOICE_ID": record["INVOICE_ID"], "CUSTOMER_ID": record["CUSTOMER_ID"], "CURRENCY_CODE": record["CURRENCY_CODE"]}
    return {"ITEMS": [api_item(item) | said for item in record["ITEMS"]]}


def reminders_get(desk: Desk, ask: Record) -> Record:
    """A public client sends INVOICE_ID as DATA: both are read."""
    filters = ask["FILTER"] or ask["DATA"]
    _need(filters, "INVOICE_ID")
    return {"REMINDERS": desk.account.reminders.get(str(filters["INVOICE_ID"]), [])}


def template_get(desk: Desk, ask: Record) -> Record:
    return {"TEMPLATES": [{"TEMPLATE_ID": 1, "TEMPLATE_NAME": "Standard Rechnungsvorlage"}]}


def subscription_get(desk: Desk, ask: Record) -> Record:
    rows = [{name.upper(): value for name, value in row.items()} for row in desk.account.subscriptions.values()]
    return {"SUBSCRIPTIONS": _page(rows, ask)}


def customer_create(desk: Desk, ask: Record) -> Record:
    data = ask["DATA"]
    _need(data, "CUSTOMER_TYPE")
    _need(data, "LAST_NAME" if data["CUSTOMER_TYPE"] == "consumer" else "ORGANIZATION")
    empty = dict.fromkeys(("EMAIL", "FIRST_NAME", "LAST_NAME", "SALUTATION", "ADDRESS", "ZIPCODE", "CITY", "ORGANIZATION"), "")
    record = desk.account.new_customer(empty | _customer_data(data))
    desk.notices.customer("created", record)
    said: Record = {"STATUS": "success", "CUSTOMER_ID": wire_id(record["CUSTOMER_ID"])}
    if desk.account.kind == "fastbill":
        return said
    urls = {"CHANGEDATA_URL": link(desk.account, "accountdata", record), "DASHBOARD_URL": link(desk.account, "dashboard", record)}
    return said | {"HASH": record["HASH"], **urls}


def customer_update(desk: Desk, ask: Record) -> Record:
    """Mails the customer about it unless SUPPRESS_MAIL is 1."""
    record = _customer(desk, ask["DATA"])
    put(record, _customer_data(ask["DATA"]) | {"LASTUPDATE": desk.account.now()})
    if str(ask["DATA"].get("SUPPRESS_MAIL", "0")) != "1":
        desk.sent.append({"service": "customer.update", "customer_id": record["CUSTOMER_ID"], "to": record.get("EMAIL", "")})
    desk.notices.customer("updated", record)
    return {"STATUS": "success", "CUSTOMER_ID": wire_id(record["CUSTOMER_ID"])}


def customer_delete(desk: Desk, ask: Record) -> Record:
    record = _customer(desk, ask["DATA"])
    del desk.account.customers[record["CUSTOMER_ID"]]
    desk.notices.customer("deleted", record)
    return {"STATUS": "success"}


def add_credits(desk: Desk, ask: Record) -> None:
    """The recorded answer has no RESPONSE at the top: None stands for it."""
    record = _customer(desk, ask["DATA"])
    _need(ask["DATA"], "AMOUNT")
    balance = record.get("CREDIT_BALANCE", Decimal(0)) + parse_decimal(str(ask["DATA"]["AMOUNT"]))
    put(record, {"CREDIT_BALANCE": balance, "LASTUPDATE": desk.account.now()})
    desk.notices.customer("updated", record)


def create_secure_link(desk: Desk, ask: Record) -> Record:
    record = _customer(desk, ask["DATA"])
    return {"ACCOUNTDATA_URL": link(desk.account, "accountdata", record), "DASHBOARD_URL": link(desk.account, "dashboard", record)}


def check_vat_id(desk: Desk, ask: Record) -> Record:
    _need(ask["DATA"], "VAT_ID")
    vat_id = str(ask["DATA"]["VAT_ID"])
    plausible = "valid" if len(vat_id) > 8 and vat_id[:2].isalpha() else "invalid"
    return {"STATUS": "success", "EXTERNAL_CHECK": desk.account.vat_answers.get(vat_id, plausible)}


def invoice_create(desk: Desk, ask: Record) -> Record:
    """ITEMS may be a list, or a map with ITEM as V1.8 shows it."""
    data = ask["DATA"]
    customer = _customer(desk, data)
    record = desk.account.new_invoice(customer, _invoice_data(data))
    desk.notices.invoice("created", record)
    return {"STATUS": "success", "INVOICE_ID": wire_id(record["INVOICE_ID"])}


def invoice_update(desk: Desk, ask: Record) -> Record:
    record = _draft(desk, ask["DATA"])
    said = _invoice_data(ask["DATA"])
    items = said.pop("ITEMS", [])
    put(record, said)
    kept = [] if str(ask["DATA"].get("DELETE_EXISTING_ITEMS", "0")) == "1" else record["ITEMS"]
    record["ITEMS"] = kept + items
    desk.account.total(record)
    desk.notices.invoice("changed", record)
    return {"STATUS": "success"}


def invoice_delete(desk: Desk, ask: Record) -> Record:
    record = _draft(desk, ask["DATA"])
    del desk.account.invoices[record["INVOICE_ID"]]
    desk.notices.invoice("deleted", record)
    return {"STATUS": "success"}


def item_delete(desk: Desk, ask: Record) -> Record:
    _need(ask["DATA"], "INVOICE_ITEM_ID")
    asked = str(ask["DATA"]["INVOICE_ITEM_ID"])
    for record in desk.account.invoices.values():
        kept = [item for item in record["ITEMS"] if str(item.get("INVOICE_ITEM_ID")) != asked]
        if len(kept) < len(record["ITEMS"]) and record["TYPE"] == "draft":
            record["ITEMS"] = kept
            desk.account.total(record)
            desk.notices.invoice("changed", record)
            return {"STATUS": "success"}
    raise Rejected(reasons=("missing / invalid field: INVOICE_ITEM_ID",))


def invoice_complete(desk: Desk, ask: Record) -> Record:
    record = _draft(desk, ask["DATA"])
    desk.account.complete(record)
    desk.notices.invoice("completed", record)
    return {"STATUS": "success", "INVOICE_NUMBER": record["INVOICE_NUMBER"], "INVOICE_ID": wire_id(record["INVOICE_ID"])}


def invoice_cancel(desk: Desk, ask: Record) -> Record:
    record = _completed(desk, ask["DATA"])
    part = ask["DATA"].get("CANCELLATION_AMOUNT")
    if part not in (None, ""):
        _need(ask["DATA"], "DESCRIPTION")
        desk.account.cancel_part(record, parse_decimal(str(part)))
        desk.notices.invoice("changed", record)
    else:
        record["IS_CANCELED"] = True
        desk.account.balance(record)
        desk.notices.invoice("canceled", record)
    return {"STATUS": "success", "INVOICE_ID": wire_id(record["INVOICE_ID"])}


def send_by_email(desk: Desk, ask: Record) -> Record:
    """Only STATUS comes back, and nothing on the invoice shows it."""
    data = ask["DATA"]
    record = _completed(desk, data)
    recipient = {str(name).upper(): value for name, value in dict(data.get("RECIPIENT") or {}).items()}
    _need({"RECIPIENT": recipient.get("TO")}, "RECIPIENT")
    if desk.account.kind == "monsum":
        _need(data, "SUBJECT", "MESSAGE")
    said = {name.lower(): data.get(name, "") for name in ("SUBJECT", "MESSAGE", "RECEIPT_CONFIRMATION")}
    to = {"to": recipient["TO"], "cc": recipient.get("CC"), "bcc": recipient.get("BCC")}
    desk.sent.append({"service": "invoice.sendbyemail", "invoice_id": record["INVOICE_ID"], **to, **said})
    return {"STATUS": "success"}


def send_by_post(desk: Desk, ask: Record) -> Record:
    """Costs a credit and leaves a SHIPMENT on the invoice."""
    record = _completed(desk, ask["DATA"])
    if desk.account.remaining_credits <= 0:
        raise Rejected(reasons=("not enough credits",))
    desk.account.remaining_credits -= 1
    record["SHIPMENT"] = str(int(record.get("SHIPMENT") or 0) + 1)
    desk.sent.append({"service": "invoice.sendbypost", "invoice_id": record["INVOICE_ID"]})
    desk.notices.invoice("posted", record)
    return {"STATUS": "success", "REMAINING_CREDITS": str(desk.account.remaining_credits)}


def set_paid(desk: Desk, ask: Record) -> Record:
    record = _completed(desk, ask["DATA"])
    day = str(ask["DATA"].get("PAID_DATE") or desk.account.today())
    desk.account.pay(record, record["OUTSTANDING_AMOUNT"], day)
    desk.notices.invoice("paid", record)
    return {"STATUS": "success", "INVOICE_NUMBER": record["INVOICE_NUMBER"]}


def capture(desk: Desk, ask: Record) -> Record:
    record = _completed(desk, ask["DATA"])
    desk.account.pay(record, record["OUTSTANDING_AMOUNT"], desk.account.today())
    desk.notices.invoice("paid", record)
    return {"STATUS": "success"}


def correct_vat_2020(desk: Desk, ask: Record) -> Record:
    """Cancels the invoice and makes a completed one in its place, with the same lines."""
    old = _completed(desk, ask["DATA"])
    lines = [{name: value for name, value in item.items() if name != "INVOICE_ITEM_ID"} for item in old["ITEMS"]]
    new = desk.account.new_invoice(desk.account.customers[old["CUSTOMER_ID"]], {"ITEMS": lines})
    desk.account.complete(new)
    old["IS_CANCELED"] = True
    desk.account.balance(old)
    desk.notices.invoice("canceled", old)
    desk.notices.invoice("completed", new)
    ids = {"INVOICE_ID_OLD": wire_id(old["INVOICE_ID"]), "INVOICE_ID_CORRECTED": wire_id(new["INVOICE_ID"])}
    return {"STATUS": "success", **ids, **{name: value for name, value in api_invoice(desk.account, new).items() if name != "STATUS"}}


def webhook_get(desk: Desk, ask: Record) -> Record:
    return {"WEBHOOKS": list(desk.account.webhooks.values())}


def webhook_create(desk: Desk, ask: Record) -> Record:
    _need(ask["DATA"], "TYPE", "ENDPOINT", "EVENTS")
    id = desk.account.next_id("webhook")
    desk.account.webhooks[id] = {"WEBHOOK_ID": id, **{name: str(ask["DATA"][name]) for name in ("ENDPOINT", "TYPE", "EVENTS")}}
    return {"STATUS": "success", "WEBHOOK_ID": int(id)}


def webhook_delete(desk: Desk, ask: Record) -> Record:
    if desk.account.webhooks.pop(str(ask["DATA"].get("WEBHOOK_ID")), None) is None:
        raise Rejected(reasons=("missing / invalid field: WEBHOOK_ID",))
    return {"STATUS": "success"}


def _customer(desk: Desk, data: Record) -> Record:
    record = desk.account.customers.get(str(data.get("CUSTOMER_ID") or ""))
    if record is None:
        raise Rejected(reasons=("Customer Error: Missing / invalid field: CUSTOMER_ID",))
    return record


def _invoice(desk: Desk, data: Record) -> Record:
    record = desk.account.invoices.get(str(data.get("INVOICE_ID") or ""))
    if record is None:
        raise Rejected(reasons=("missing / invalid field: INVOICE_ID",))
    return record


def _draft(desk: Desk, data: Record) -> Record:
    record = _invoice(desk, data)
    if record["TYPE"] != "draft":
        raise Rejected(reasons=("invoice is already completed",))
    return record


def _completed(desk: Desk, data: Record) -> Record:
    record = _invoice(desk, data)
    if record["TYPE"] == "draft":
        raise Rejected(reasons=("invoice is not completed",))
    return record


def _customer_data(data: Record) -> Record:
    said = {name: value for name, value in data.items() if name not in ("CUSTOMER_ID", "SUPPRESS_MAIL", "HASH", "X_ATTRIBUTES")}
    rows = data.get("X_ATTRIBUTES")
    if isinstance(rows, list) and rows:
        said["X_ATTRIBUTES"] = {str(row.get("KEY")): str(row.get("VALUE")) for row in rows}
    return said


def _invoice_data(data: Record) -> Record:
    ignored = ("INVOICE_ID", "CUSTOMER_ID", "DELETE_EXISTING_ITEMS", "ITEMS", "EU_DELIVERY")
    said = {name: value for name, value in data.items() if name not in ignored}
    rows = data.get("ITEMS")
    rows = rows.get("ITEM", []) if isinstance(rows, dict) else rows
    if rows:
        upper = [{str(name).upper(): value for name, value in row.items()} for row in rows]
        said["ITEMS"] = [{"ARTICLE_NUMBER": "", "DESCRIPTION": "", "QUANTITY": "1", "UNIT_PRICE": "0", **row} for row in upper]
    return said


SERVICES: dict[str, tuple[Service, tuple[str, ...]]] = {
    "customer.get": (customer_get, BOTH),
    "customer.create": (customer_create, BOTH),
    "customer.update": (customer_update, BOTH),
    "customer.delete": (customer_delete, BOTH),
    "customer.addcredits": (add_credits, ONLY_MONSUM),
    "customer.createsecurelink": (create_secure_link, ONLY_MONSUM),
    "customer.checkvatid": (check_vat_id, ONLY_MONSUM),
    "invoice.get": (invoice_get, BOTH),
    "invoice.create": (invoice_create, BOTH),
    "invoice.update": (invoice_update, BOTH),
    "invoice.delete": (invoice_delete, BOTH),
    "invoice.complete": (invoice_complete, BOTH),
    "invoice.cancel": (invoice_cancel, BOTH),
    "invoice.sendbyemail": (send_by_email, BOTH),
    "invoice.sendbypost": (send_by_post, BOTH),
    "invoice.setpaid": (set_paid, BOTH),
    "invoice.capture": (capture, ONLY_MONSUM),
    "invoice.getreminders": (reminders_get, BOTH),
    "invoice.correctvat2020": (correct_vat_2020, ONLY_MONSUM),
    "item.get": (item_get, BOTH),
    "item.delete": (item_delete, BOTH),
    "template.get": (template_get, BOTH),
    "subscription.get": (subscription_get, ONLY_MONSUM),
    "webhook.get": (webhook_get, ONLY_FASTBILL),
    "webhook.create": (webhook_create, ONLY_FASTBILL),
    "webhook.delete": (webhook_delete, ONLY_FASTBILL),
}
