"""The simulated Portal API: the customers section and the log of callbacks, by method and path.

Owns which call does what and how it is named for faults and the log; records are in qvickly_account.py.
Source: Portal API "customers", 13 September 2024; topics Filters, PortalAPI-Customers-Filters; read 2026-11-21.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from receiver.sources.qvickly_fields import CUSTOMER, ID
from workers.sandbox.qvickly_account import Merchant, Record

SEARCHED = {
    "search": ("name", "customerid", "address", "postcode", "postoffice", "companyno"),
    "searchInInvoiceForm": ("name", "customerid", "companyno"),
}
LOG = "merchant.callbacks.list"
NAMES = [field.native for field in CUSTOMER]


def named(method: str, path: str) -> str:
    """What the call is called: by our own services and queries, so that a fault can be meant for it."""
    rest = path.strip("/").split("/")[1:]
    if path.startswith("merchant"):
        return LOG if rest == ["api-callbacks"] and method == "GET" else "merchant.unknown"
    if not rest:
        return {"POST": "customers.create", "DELETE": "customers.delete_some"}.get(method, "customers.list")
    if rest[0] in ("count", "searchByOrgNumber"):
        return f"customers.{rest[0]}"
    if rest[0] == "export":
        return f"customers.export.{rest[-1]}"
    return {"PATCH": "customers.patch", "DELETE": "customers.delete"}.get(method, "customers.get")


def carried_out(merchant: Merchant, service: str, path: str, query: Mapping[str, str], content: Any) -> Any:
    """The document of the answer, bytes for an export. Raises KeyError (404), ValueError or TypeError (400)."""
    id = path.strip("/").rpartition("/")[2]
    if service == "merchant.unknown":
        raise KeyError(path)
    if service == LOG:
        return _callbacks(merchant, query)
    if service == "customers.create":
        return merchant.write_customer(None, dict(content))
    if service == "customers.patch":
        return merchant.write_customer(id, dict(content))
    if service == "customers.get":
        return merchant.customers[id]
    if service == "customers.delete":
        del merchant.customers[id]
        return {"result": "Removed", ID: int(id)}
    if service == "customers.delete_some":
        gone = [one for one in map(str, content) if merchant.customers.pop(one, None) is not None]
        return {"result": "Removed", "count": len(gone)}
    if service == "customers.count":
        return {"count": len(_matching(merchant, query))}
    if service == "customers.searchByOrgNumber":
        return _organisation(merchant, id)
    if service.startswith("customers.export."):
        chosen = [merchant.customers[str(one)] for one in content] if content else list(merchant.customers.values())
        return _xml(chosen) if service.endswith("xml") else _csv(chosen)
    start = int(query.get("start", 0))
    return _matching(merchant, query)[start : start + int(query.get("limit", 100))]


def _callbacks(merchant: Merchant, query: Mapping[str, str]) -> list[Record]:
    start = int(query.get("start", 0))
    made = [row for row in merchant.callbacks if query.get("from", "") <= str(row["createdtime"])[:10] <= query.get("to", "9")]
    return made[start : start + int(query.get("limit", 100))]


def _matching(merchant: Merchant, query: Mapping[str, str]) -> list[Record]:
    found = list(merchant.customers.values())
    for name in filter(None, query.get("filter", "").split(",")):
        inverted, name = name.startswith("!"), name.removeprefix("!")
        found = [record for record in found if _holds(name, record, query) != inverted]
    return found


def _holds(name: str, record: Record, query: Mapping[str, str]) -> bool:
    """Whether a filter holds; one that the sandbox does not simulate is passed over, as unknown ones are."""
    if name in SEARCHED:
        return any(query.get(name, "").lower() in str(record[field]).lower() for field in SEARCHED[name])
    if name == "rangeByDate":
        return query.get("from", "") <= str(record["date"])[:10] <= query.get("to", "9")
    if name in ("isCompany", "isPrivate"):
        return bool(record["companyno"]) == (name == "isCompany")
    return True


def _organisation(merchant: Merchant, number: str) -> Record:
    plain = number.replace("-", "")
    record = next(one for one in [*merchant.customers.values(), {}] if not one or one["companyno"].replace("-", "") == plain)
    if not record:
        raise KeyError(number)
    zip = record["postcode"]
    return {
        "company": record["name"],
        "street": record["address"],
        "zip": int(zip) if zip.isdecimal() else zip,
        "city": record["postoffice"],
    }


def _xml(records: Sequence[Record]) -> bytes:
    fields = ("".join(f"<{name}>{escape(str(record[name]))}</{name}>" for name in NAMES) for record in records)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><customers>{"".join(f"<customer>{one}</customer>" for one in fields)}</customers>'.encode()
    )


def _csv(records: Sequence[Record]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, NAMES, delimiter=";", extrasaction="ignore")
    table.writeheader()
    table.writerows(records)
    return text.getvalue().encode()
