"""From a recorded notification back to the objects it tells about, so that reading them answers consistently.

Owns the way from both products' notifications to records of the account. It sends nothing. Document links are replaced by the
sandbox's own: the recorded ones lead nowhere.
"""

import json
from decimal import Decimal
from typing import Any

from receiver.money import parse_decimal
from workers.sandbox.account import NO_DATE, Account, Record, put
from workers.sandbox.shapes import HOOK_CUSTOMER, HOOK_CUSTOMER_IN_INVOICE, HOOK_INVOICE, METHODS

CUSTOMER_NAMES = {**HOOK_CUSTOMER, **HOOK_CUSTOMER_IN_INVOICE, "telephone": "PHONE", "credit_balance": "CREDIT_BALANCE"}
INVOICE_NAMES = HOOK_INVOICE | {name.lower(): name for name in ("INVOICE_DATE", "DUE_DATE", "PAID_DATE", "CASH_DISCOUNT_DAYS")}
SALUTATIONS = {"Herr": "mr", "Frau": "mrs", "Familie": "family"}
DEFAULT_METHOD = "mail"


def seed(account: Account, notification: bytes) -> dict[str, str]:
    """Ids of the objects created from `notification`. Raises ValueError where it is not a notification."""
    try:
        said = json.loads(notification, parse_float=str)
    except RecursionError as cause:
        raise ValueError("not a notification") from cause
    if not isinstance(said, dict) or "type" not in said:
        raise ValueError("not a notification: no type")
    account.passed(account.notices, str(said["type"]).partition(".")[0], said.get("id"))
    deleted = str(said["type"]).endswith(".deleted")
    ids: dict[str, str] = {}
    if isinstance(native := said.get("customer"), dict):
        ids["customer_id"] = _customer(account, native, keep=not deleted or "invoice" in said)
    if isinstance(native := said.get("invoice"), dict):
        ids |= _invoice(account, native, ids.get("customer_id"), keep=not deleted)
    if isinstance(native := said.get("subscription"), dict):
        ids["subscription_id"] = _subscription(account, native, ids.get("customer_id", ""))
    if isinstance(native := said.get("payment"), dict) and native.get("invoice_id"):
        ids |= _paid_for(account, native, ids.get("customer_id", ""))
    return ids


def _customer(account: Account, native: Record, *, keep: bool) -> str:
    said = {CUSTOMER_NAMES.get(name, name.upper()): value for name, value in native.items()}
    id = str(said["CUSTOMER_ID"])
    account.passed(account.ids, "customer", id)
    method = next((code for code, name in METHODS.items() if name == native.get("payment_method")), None)
    said |= {"PAYMENT_TYPE": method} if method else {}
    said["SALUTATION"] = SALUTATIONS.get(str(said.get("SALUTATION")), said.get("SALUTATION"))
    for name in ("PAYMENT_DATA_URL", "DASHBOARD_URL", "PAYMENT_METHOD", "TELEFAX"):
        said.pop(name, None)
    if not said.get("X_ATTRIBUTES"):
        said.pop("X_ATTRIBUTES", None)
    record = account.customers.get(id) or _bare_customer(account, id)
    put(record, said)
    if keep:
        account.customers[id] = record
    else:
        account.customers.pop(id, None)
    return id


def _bare_customer(account: Account, id: str) -> Record:
    """What no notification says: a delivery method and a currency, so that the customer can be written to."""
    return {
        "CUSTOMER_ID": id,
        "CUSTOMER_TYPE": "business",
        "CURRENCY_CODE": "EUR",
        "LANGUAGE_CODE": "de",
        "DAYS_FOR_PAYMENT": "14",
        "INVOICE_DELIVERY_METHOD": DEFAULT_METHOD,
        "CREDIT_BALANCE": Decimal(0),
        "CREATED": account.now(),
        "LASTUPDATE": account.now(),
    }


def _invoice(account: Account, native: Record, customer_id: str | None, *, keep: bool) -> dict[str, str]:
    said = {INVOICE_NAMES.get(name, name.upper()): value for name, value in native.items()}
    id = str(said["INVOICE_ID"])
    owner = str(said.get("CUSTOMER_ID") or customer_id or "")
    account.passed(account.ids, "invoice", id)
    if owner and owner not in account.customers:
        _owner(account, owner, said)
    record = account.new_invoice(account.customers.get(owner, {"CUSTOMER_ID": owner}), {"DOCUMENT_URL": ""})
    del account.invoices[record["INVOICE_ID"]]
    greeting = str(said.get("SALUTATION") or "")
    for name in ("ITEMS", "VAT_ITEMS", "STATUS", "PAYMENT_CONDITIONS", "TRIGGER", "SUBSCRIPTION_INVOICE_COUNTER", "PAYMENTS"):
        said.pop(name, None)
    if greeting.endswith(","):
        said.pop("SALUTATION")
    put(record, said)
    record["ITEMS"] = [_item(row) for row in native.get("items") or native.get("ITEMS") or []]
    record["VAT_ITEMS"] = [_numbers(row) for row in native.get("vat_items") or native.get("VAT_ITEMS") or []]
    left = record["OUTSTANDING_AMOUNT"] if "OUTSTANDING_AMOUNT" in said else _left(record)
    record |= {"_PAID": record["TOTAL"] - left, "OUTSTANDING_AMOUNT": left, "CUSTOMER_ID": owner}
    record["DOCUMENT_URL"] = f"{account.public_url}/documents/{id}.pdf"
    if keep:
        account.invoices[id] = record
    return {"invoice_id": id} | ({"customer_id": owner} if owner else {})


def _owner(account: Account, owner: str, said: Record) -> None:
    """FastBill's invoice notification carries the address and no customer: one is made of it."""
    record = _bare_customer(account, owner)
    names = "CUSTOMER_NUMBER ORGANIZATION SALUTATION FIRST_NAME LAST_NAME ADDRESS ADDRESS_2 ZIPCODE CITY COUNTRY_CODE VAT_ID PAYMENT_TYPE"
    put(record, {name: said.get(name, "") for name in names.split()} | {"EMAIL": f"customer-{owner}@example.com"})
    account.passed(account.ids, "customer", owner)
    account.customers[owner] = record


def _left(record: Record) -> Decimal:
    """FastBill says no balance: a paid date or a cancellation means nothing is owed."""
    open_still = str(record.get("PAID_DATE", NO_DATE)).startswith("0000") and not record["IS_CANCELED"]
    total: Decimal = record["TOTAL"]
    return total if open_still else Decimal(0)


def _item(row: Record) -> Record:
    item = _numbers(row)
    return item | {"QUANTITY": str(item.get("QUANTITY", "1")), "UNIT_PRICE": str(item.get("UNIT_PRICE", "0"))}


def _numbers(row: Record) -> Record:
    """A line by upper-case names, its sums as Decimal."""
    upper: dict[str, Any] = {name.upper(): value for name, value in row.items()}
    sums = ("COMPLETE_NET", "COMPLETE_GROSS", "VAT_VALUE")
    return upper | {name: parse_decimal(str(upper[name])) for name in sums if name in upper}


def _subscription(account: Account, native: Record, customer_id: str) -> str:
    id = str(native["subscription_id"])
    account.passed(account.ids, "subscription", id)
    account.subscriptions[id] = {"quantity": "1", **native, "_CUSTOMER_ID": customer_id}
    account.subscriptions[id]["quantity"] = str(native.get("quantity") or "1")
    return id


def _paid_for(account: Account, native: Record, customer_id: str) -> dict[str, str]:
    """A payment names its invoice: a completed one of that amount is made where it is not known."""
    id = str(native["invoice_id"])
    account.passed(account.ids, "payment", native.get("payment_id"))
    if id in account.invoices or customer_id not in account.customers:
        return {"invoice_id": id}
    account.passed(account.ids, "invoice", int(id) - 1)
    total = parse_decimal(str(native.get("total_amount") or "0"))
    line = {"ARTICLE_NUMBER": "", "DESCRIPTION": "Basispaket", "QUANTITY": "1", "UNIT_PRICE": str(total), "VAT_PERCENT": "0.00"}
    record = account.new_invoice(account.customers[customer_id], {"ITEMS": [line]})
    del account.invoices[record["INVOICE_ID"]]
    record |= {"INVOICE_ID": id, "TYPE": "outgoing", "INVOICE_NUMBER": str(native.get("invoice_number") or "")}
    record["DOCUMENT_URL"] = f"{account.public_url}/documents/{id}.pdf"
    account.invoices[id] = record
    return {"invoice_id": id}
