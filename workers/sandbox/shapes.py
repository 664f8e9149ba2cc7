"""How the provider writes what it holds: API records and notifications, with the types and spellings of the recordings.

Owns every quirk of the wire (ids as text, German amounts, PHP's JSON, empty maps as lists). Pure.
Source: tests/payloads/monsum/*.json
"""

import json
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any

from workers.sandbox.account import Account, Record

API_CUSTOMER = (
    "CUSTOMER_ID CUSTOMER_NUMBER CUSTOMER_EXT_UID CUSTOMER_TYPE DAYS_FOR_PAYMENT CREATED PAYMENT_TYPE BANK_NAME "
    "BANK_ACCOUNT_NUMBER BANK_CODE BANK_ACCOUNT_OWNER BANK_IBAN BANK_BIC SHOW_PAYMENT_NOTICE NEWSLETTER_OPTIN AFFILIATE "
    "INVOICE_DELIVERY_METHOD HASH ORGANIZATION TITLE_ACADEMIC SALUTATION FIRST_NAME LAST_NAME ADDRESS ADDRESS_2 ZIPCODE CITY "
    "COUNTRY_CODE SECONDARY_ADDRESS STATE PHONE FAX EMAIL EMAIL_CC PAYMENT_MAIL_ADDRESS VAT_ID TAX_ID CURRENCY_CODE COMMENT "
    "LASTUPDATE TAGS LANGUAGE_CODE"
)
HOOK_CUSTOMER = {
    "customer_id": "CUSTOMER_ID",
    "customer_ext_uid": "CUSTOMER_EXT_UID",
    "hash": "HASH",
    "customer_number": "CUSTOMER_NUMBER",
    "companyname": "ORGANIZATION",
    "title": "TITLE_ACADEMIC",
    "salutation": "SALUTATION",
    "firstname": "FIRST_NAME",
    "lastname": "LAST_NAME",
    "address": "ADDRESS",
    "address_2": "ADDRESS_2",
    "zipcode": "ZIPCODE",
    "city": "CITY",
    "country_code": "COUNTRY_CODE",
    "email": "EMAIL",
}
HOOK_CUSTOMER_IN_INVOICE = {
    "language_code": "LANGUAGE_CODE",
    "vat_id": "VAT_ID",
    "tax_id": "TAX_ID",
    "phone": "PHONE",
    "telefax": "FAX",
    "days_for_payment": "DAYS_FOR_PAYMENT",
    "bank_name": "BANK_NAME",
    "bank_account_owner": "BANK_ACCOUNT_OWNER",
    "bank_iban": "BANK_IBAN",
    "bank_bic": "BANK_BIC",
    "invoice_delivery_method": "INVOICE_DELIVERY_METHOD",
}
HOOK_INVOICE = {
    "invoice_id": "INVOICE_ID",
    "type": "TYPE",
    "currency_code": "CURRENCY_CODE",
    "invoice_number": "INVOICE_NUMBER",
    "invoice_ext_uid": "INVOICE_EXT_UID",
    "invoice_title": "INVOICE_TITLE",
    "introtext": "INTROTEXT",
    "delivery_date": "DELIVERY_DATE",
    "cash_discount_percent": "CASH_DISCOUNT_PERCENT",
    "document_url": "DOCUMENT_URL",
    "shipment": "SHIPMENT",
}
METHODS = {"1": "invoice", "2": "directdebit", "3": "cash", "4": "paypal", "5": "advancepayment", "6": "creditcard"}
GREETINGS = {"mr": "Herr", "mrs": "Frau", "family": "Familie"}
_ITEM_TEXTS = ("INVOICE_ITEM_ID", "ARTICLE_NUMBER", "DESCRIPTION")
_ITEM_AMOUNTS = ("VAT_VALUE", "COMPLETE_NET", "COMPLETE_GROSS")


def php_json(value: Any) -> str:
    """`value` as PHP's encoder writes it: slashes and non-ASCII escaped, amounts as numbers without trailing zeros."""
    if isinstance(value, str):
        return encode_basestring_ascii(value).replace("/", "\\/")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, dict):
        return "{" + ",".join(f"{php_json(str(name))}:{php_json(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(php_json(inner) for inner in value) + "]"
    return json.dumps(value).replace("/", "\\/")


def wire_id(id: str) -> int | str:
    """An id as replies have it: a number; a scenario's own, such as "A", stays text."""
    return int(id) if id.isdigit() else id


def german(amount: Decimal) -> str:
    """ "1.234,50": how OUTSTANDING_AMOUNT and CREDIT_BALANCE are written."""
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def api_customer(account: Account, record: Record) -> Record:
    """A record of customer.get. X_ATTRIBUTES reads as "" whatever was written; PASSWORD comes along, as it does there."""
    shown: Record = {name: record.get(name, "") for name in API_CUSTOMER.split()}
    shown |= {name: value for name, value in record.items() if not name.startswith("_") and name not in ("X_ATTRIBUTES", *shown)}
    if account.kind == "fastbill":
        return shown
    return shown | {
        "CUSTOMER_EXT_UID": record.get("CUSTOMER_EXT_UID") or False,
        "X_ATTRIBUTES": "",
        "PASSWORD": "DUMMY",
        "CREDIT_BALANCE": german(record.get("CREDIT_BALANCE", Decimal(0))),
        "CHANGEDATA_URL": link(account, "accountdata", record),
        "DASHBOARD_URL": link(account, "dashboard", record),
    }


def api_invoice(account: Account, record: Record) -> Record:
    """A record of invoice.get: totals are numbers, the balance is German text, flags are "0" and "1"."""
    shown: Record = {name: value for name, value in record.items() if not name.startswith("_")}
    shown |= {
        "IS_CANCELED": "1" if record["IS_CANCELED"] else "0",
        "DUE_DATE": str(record["DUE_DATE"])[:10] if account.kind == "monsum" else record["DUE_DATE"],
        "INVOICE_DATE": str(record["INVOICE_DATE"])[:10],
        "ITEMS": [api_item(item) for item in record["ITEMS"]],
    }
    if account.kind == "fastbill":
        hidden = ("OUTSTANDING_AMOUNT", "STATUS", "SHIPMENT")
        return {name: value for name, value in shown.items() if name not in hidden} | {"PAYMENT_INFO": "", "PAYMENTS": []}
    for name in ("BANK_NAME", "BANK_ACCOUNT_NUMBER", "BANK_CODE", "BANK_ACCOUNT_OWNER", "BANK_IBAN", "BANK_BIC", "AFFILIATE"):
        shown.setdefault(name, None)
    # The recording has an empty SHIPMENTS, the reference a SHIPMENT: the first where nothing was posted, the second after it.
    if shown.pop("SHIPMENT", "0") in ("0", ""):
        shown["SHIPMENTS"] = []
    else:
        shown["SHIPMENT"] = record["SHIPMENT"]
    balance = german(record["OUTSTANDING_AMOUNT"])
    return shown | {"STATUS": account.status(record), "OUTSTANDING_AMOUNT": balance, "PAYMENT_INFO": "", "TRANSACTION_ID": ""}


def api_item(item: Record) -> Record:
    """A line: prices are text with eight decimals, sums are numbers."""
    shown: Record = {name: item.get(name, "") for name in _ITEM_TEXTS}
    shown |= {"QUANTITY": f"{Decimal(str(item['QUANTITY'])):.2f}", "UNIT_PRICE": f"{Decimal(str(item['UNIT_PRICE'])):.8f}"}
    shown |= {"VAT_PERCENT": item["VAT_PERCENT"], **{name: item[name] for name in _ITEM_AMOUNTS}}
    return shown | {"SORT_ORDER": int(item["SORT_ORDER"])}


def hook_customer(account: Account, record: Record, *, inside: str = "customer") -> Record:
    """The `customer` of a Monsum notification; in invoice.* it says more, and X_ATTRIBUTES are an object even when empty."""
    shown: Record = {name: record.get(native, "") for name, native in HOOK_CUSTOMER.items()}
    shown["customer_ext_uid"] = record.get("CUSTOMER_EXT_UID") or None
    attributes = record.get("X_ATTRIBUTES") or {}
    if inside == "invoice":
        shown |= {name: record.get(native, "") for name, native in HOOK_CUSTOMER_IN_INVOICE.items()}
        shown |= {"payment_method": METHODS.get(str(record.get("PAYMENT_TYPE")), "invoice"), "affiliate": None}
        shown["credit_balance"] = record.get("CREDIT_BALANCE", Decimal(0))
        shown["x_attributes"] = attributes
    else:
        shown["salutation"] = GREETINGS.get(str(record.get("SALUTATION")), "")
        shown |= {"telephone": record.get("PHONE", ""), "telefax": record.get("FAX", "")}
        shown["x_attributes"] = attributes or []
    shown["payment_data_url"] = link(account, "accountdata", record)
    return shown | {"dashboard_url": link(account, "dashboard", record)}


def hook_invoice(account: Account, record: Record) -> Record:
    """The `invoice` of a Monsum notification: amounts are numbers, the cancelled flag is a bool, dates have a time."""
    shown: Record = {name: record.get(native, "") for name, native in HOOK_INVOICE.items()}
    shown["invoice_ext_uid"] = record.get("INVOICE_EXT_UID") or None
    shown |= {"status": account.status(record), "is_canceled": record["IS_CANCELED"], "subscription_invoice_counter": 1}
    shown |= {name: f"{str(record[name.upper()])[:10]} 00:00:00" for name in ("invoice_date", "due_date", "paid_date")}
    for name in ("outstanding_amount", "sub_total", "vat_total", "total"):
        shown[name] = record[name.upper()]
    shown["cash_discount_days"] = int(str(record.get("CASH_DISCOUNT_DAYS") or 0))
    shown["vat_items"] = [{name.lower(): value for name, value in row.items()} for row in record["VAT_ITEMS"]]
    shown["items"] = [hook_item(item) for item in record["ITEMS"]]
    shown |= {"salutation": greeting(record), "payment_conditions": "Zahlbar ohne Abzug bis zum Fälligkeitstag."}
    return shown | {"trigger": "manual"}


def greeting(record: Record) -> str:
    """In a notification's invoice, `salutation` is the letter's greeting, where the API has "mr"."""
    form = {"mr": "geehrter Herr", "mrs": "geehrte Frau", "family": "geehrte Familie"}.get(str(record.get("SALUTATION")))
    return f"Sehr {form} {record.get('LAST_NAME', '')}," if form else "Sehr geehrte Damen und Herren,"


def hook_item(item: Record) -> Record:
    """A line of a Monsum notification: quantity and price are numbers."""
    shown: Record = {name.lower(): item.get(name, "") for name in _ITEM_TEXTS}
    shown |= {"quantity": Decimal(str(item["QUANTITY"])), "unit_price": Decimal(str(item["UNIT_PRICE"]))}
    shown |= {"vat_percent": item["VAT_PERCENT"], **{name.lower(): item[name] for name in _ITEM_AMOUNTS}}
    return shown | {"sort_order": str(item["SORT_ORDER"]), "type": item.get("TYPE", "invoiceItem")}


def link(account: Account, what: str, record: Record) -> str:
    """A capability link of a customer."""
    return f"{account.public_url}/{what}/{account.hash}/{record.get('HASH', '')}"
