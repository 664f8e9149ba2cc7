"""The simulated Payment API: one POST, the function in the body, always 200.

Owns which function does what and how an answer is drawn; the merchant's records and rules are in qvickly_account.py.
Source: topics getPaymentinfo, getDuePayments, getCustomersByName, activatePayment, creditPayment, cancelPayment; read 2026-11-21.
"""

import json
from collections.abc import Callable
from typing import Any

from receiver.errors import Rejected
from receiver.sources import php_json
from receiver.sources.qvickly import message_hash
from receiver.sources.qvickly_words import word
from workers.sandbox.qvickly_account import Merchant, Record, refused

Function = Callable[[Merchant, Record], Any]


def parsed(body: bytes) -> tuple[str, Record, Record, str]:
    """(function, credentials, data, the text that must have been hashed); empty parts where the body is no request."""
    try:
        asked = json.loads(body)
        credentials, data, function = asked["credentials"], asked["data"], str(asked["function"])
        text = php_json.encode(php_json.read(json.dumps(data), "data"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", {}, {}, ""
    return function, dict(credentials), dict(data) if isinstance(data, dict) else {}, text


def answered(key: str, data: Any) -> bytes:
    """The envelope of an answer, with a right hash."""
    text = php_json.encode(data)
    return f'{{"credentials":{{"hash":"{message_hash(key.encode(), text)}"}},"data":{text}}}'.encode()


def said_no(refusal: Rejected) -> Record:
    """`data` of an error."""
    return {"code": str(refusal.context["code"]), "message": refusal.reasons[0], "logid": "1"}


def carried_out(merchant: Merchant, function: str, data: Record) -> Any:
    """`data` of the answer. Raises Rejected."""
    if function not in FUNCTIONS:
        raise refused("9001", "The method that you are calling does not exist.")
    return FUNCTIONS[function](merchant, data)


def brief(record: Record) -> Record:
    """What a change answers, and what a callback says: number, order, status, address."""
    return {"number": record["number"], "orderid": record["orderid"], "status": record["status"], "url": record["url"]}


def _info(merchant: Merchant, data: Record) -> Record:
    record = merchant.payment(data.get("number"))
    names = ("method", "currency", "country", "orderid", "status", "url", "distributor_status")
    payment = {name: record[name] for name in names if record[name]} | {"paymentid_related": record.get("related", "")}
    net = str(int(record["withtax"]) - int(record["tax"]))
    return {
        "PaymentData": payment | {"autoactivate": "0", "language": "sv"},
        "PaymentInfo": {"paymentdate": record["date"], "paymentterms": "14"},
        "Customer": {"nr": record["customer_nr"]},
        "Articles": [],
        "Cart": {"Total": {"rounding": "0", "withouttax": net, "tax": record["tax"], "withtax": record["withtax"]}},
    }


def _credit(merchant: Merchant, data: Record) -> Record:
    named, total = data.get("PaymentData") or {}, ((data.get("Cart") or {}).get("Total") or {}).get("withtax")
    part = int(total) if str(named.get("partcredit")).lower() == "true" and total else None
    return brief(merchant.credit(named.get("number"), part))


def _due(merchant: Merchant, data: Record) -> list[Record]:
    rows = merchant.overdue(str(data.get("dueDate")))
    return [
        {"number": row["number"], "orderid": row["orderid"], "invoiceDate": row["date"], "dueDate": row["due_date"]}
        | {"invoiceStatus": "Collection" if word(row["distributor_status"]) == "collection" else "Due", "topay": row["withtax"]}
        for row in rows
    ]


def _by_name(merchant: Merchant, data: Record) -> list[Record]:
    wanted = str(data.get("name") or "").lower()
    found = (record for record in merchant.customers.values() if wanted and wanted in record["name"].lower())
    return [{name: str(value) for name, value in record.items()} for record in found]


FUNCTIONS: dict[str, Function] = {
    "getPaymentinfo": _info,
    "activatePayment": lambda merchant, data: brief(merchant.activate(data.get("number"))),
    "cancelPayment": lambda merchant, data: brief(merchant.cancel(data.get("number"))),
    "creditPayment": _credit,
    "getDuePayments": _due,
    "getCustomersByName": _by_name,
}
