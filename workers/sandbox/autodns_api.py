"""The simulated JSON API of AutoDNS: which call is which, and how an answer is drawn.

Owns the routes by method and path, named as our own services and queries are, and the envelope; the records are in autodns_account.py.
Source: routes and task codes of InterNetX/js-domainrobot-sdk, read 2026-11-21; tests/payloads/autodns.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from receiver.errors import Rejected
from workers.sandbox.autodns_account import Holder, Record

CODES = {
    "customer.create": "120001", "customer.get": "120004", "customer.update": "120002", "account.get": "0984", "invoice.search": "0885",
    "invoice.get": "0884", "poll.get": "0905", "poll.confirm": "0906",
}  # fmt: skip
OBJECTS = {"customer": "Customer", "account": "Account", "invoice": "Invoice", "poll": "Message"}
_encoded = msgspec.json.Encoder(decimal_format="number")


def named(method: str, path: str) -> str:
    """What the call is called, "" for none; `path` is below /v1/."""
    parts = path.strip("/").split("/")
    if parts[0] == "customer":
        if (method, parts[1:]) == ("POST", ["_upgrade"]):
            return "customer.create"
        return {"GET": "customer.get", "PUT": "customer.update"}.get(method, "") if len(parts) == 3 else ""
    if parts[0] == "invoice":
        return "invoice.search" if (method, parts[1:]) == ("POST", ["_search"]) else "invoice.get" if method == "GET" else ""
    if parts[0] == "poll":
        return "poll.get" if (method, len(parts)) == ("GET", 1) else "poll.confirm" if (method, len(parts)) == ("PUT", 2) else ""
    return "account.get" if (method, parts) == ("GET", ["account"]) else ""


def carried_out(holder: Holder, service: str, path: str, content: Any) -> tuple[list[Any], Record]:
    """(`data`, `object`) of a good answer. Raises Rejected, KeyError (404), ValueError or TypeError (400)."""
    id = path.strip("/").partition("/")[2]
    if service == "customer.create":
        made = holder.write_customer(None, dict(content))
        return [made], {"value": str(made["number"])}
    if service == "customer.update":
        changed = holder.write_customer(id, dict(content))
        return [], {"value": str(changed["number"])}
    if service == "customer.get":
        return [holder.customer(id)], {"value": id.rpartition("/")[2]}
    if service == "account.get":
        return [holder.account], {"value": str(holder.account["customer"]["number"])}
    if service == "invoice.get":
        return [holder.invoices[id]], {"value": id}
    if service == "invoice.search":
        return _found(holder, dict(content))
    if service == "poll.confirm":
        holder.confirm(id)
        return [], {"value": id}
    waiting = holder.messages[:1]
    return waiting, {"summary": len(holder.messages)} | ({"value": str(waiting[0].get("id"))} if waiting else {})


def answered(holder: Holder, service: str, data: list[Any], object: Mapping[str, Any], *, later: bool = False) -> bytes:
    """The envelope of a good answer; `later`: a NOTIFY, whose result a message tells."""
    letter, type = ("N", "NOTIFY") if later else ("S", "SUCCESS")
    said: Record = {"stid": f"20261120-sandbox-{holder.next_id('stid')}"}
    said["status"] = {"code": f"{letter}{CODES[service]}", "text": "The sandbox says so.", "type": type}
    said["object"] = {"type": OBJECTS[service.partition(".")[0]], **object}
    return _encoded.encode(said | {"data": data})


def said_no(service: str, refusal: Rejected) -> bytes:
    """The envelope of a no."""
    status = {"code": f"E{CODES.get(service, '0000')}", "text": "The sandbox says no.", "type": "ERROR"}
    words = {"text": refusal.reasons[0], "code": str(refusal.context.get("code")), "status": "ERROR"}
    return _encoded.encode({"stid": "20261120-sandbox-0", "status": status, "messages": [words], "data": []})


def _found(holder: Holder, asked: Mapping[str, Any]) -> tuple[list[Any], Record]:
    rows = list(holder.invoices.values())
    for one in asked.get("filters") or []:
        rows = [row for row in rows if _holds(one, row)]
    for order in asked.get("orders") or []:
        rows.sort(key=lambda row, key=order["key"]: str(row.get(key, "")), reverse=order.get("type") == "DESC")  # type: ignore[misc]
    view = asked.get("view") or {}
    start, limit = int(view.get("offset", 0)), int(view.get("limit", 100))
    return rows[start : start + limit], {"summary": len(rows)}


def _holds(filter: Mapping[str, Any], row: Record) -> bool:
    """Whether a filter holds; one that the sandbox does not simulate is passed over, as unknown ones are."""
    said, wanted = row.get(filter.get("key", "")), str(filter.get("value"))
    operator = filter.get("operator")
    if operator == "IS_NULL":
        return said is None
    shown = str(said).lower() if isinstance(said, bool) else str(said)
    return {"EQUAL": shown == wanted, "NOT_EQUAL": shown != wanted}.get(str(operator), True)
