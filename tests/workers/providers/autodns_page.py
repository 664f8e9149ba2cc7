"""docs/providers/autodns.md, made from the code: `python -m tests.workers.providers.autodns_page` writes it.

What a field is read as is found out by changing it in a sample and looking at which attribute changes.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from receiver.sources.autodns_fields import CUSTOMER, Field
from receiver.sources.autodns_invoice import INVOICE
from tests.receiver.sources.autodns_samples import recorded
from tests.receiver.sources.test_autodns_fields import OCCURS, reference
from tests.workers.providers.qvickly_page import _leaves, _table
from workers import accounts, polling
from workers.providers import autodns, autodns_client, autodns_looks, bundle
from workers.providers.autodns_docs import AccountDoc, AutodnsCustomerDoc, AutodnsInvoiceDoc, MessageDoc
from workers.providers.service import Find, Query, Service

PAGE = Path(__file__).parents[3] / "docs" / "providers" / "autodns.md"
BERLIN = ZoneInfo("Europe/Berlin")
# The routes of the published API file this source needs, with their tasks, and what carries each out.
COVERED: dict[str, Query[Any] | Service] = {
    "POST /customer/_upgrade (120001)": autodns.create_customer,
    "GET /customer/{client}/{number} (120004)": autodns.customer,
    "PUT /customer/{client}/{number} (120002)": autodns.update_customer,
    "GET /account (0984)": autodns.account,
    "POST /invoice/_search (0885)": autodns.invoices,
    "GET /invoice/{id} (0884)": autodns.invoice,
    "GET /poll (0905)": autodns.next_message,
    "PUT /poll/{id} (0906)": autodns.confirm_message,
}
LOOKS, CLIENT = inspect.getsource(autodns_looks), inspect.getsource(autodns_client)
# What may be spent is the running total and the credit limit.
BALANCE = inspect.getsource(accounts).replace(".available", ".running_total .credit_limit")
MESSAGES = inspect.getsource(polling).replace("request.message_id", "said.message_id").replace("message.id,", "said.order_id")
OTHERWISE = {"EUR": "USD", "SUCCESS": "FAILED", "Customer": "Domain", "update": "create", "reseller": "other", "ix": "de"}


def page() -> str:
    """The whole page."""
    account, invoice = _rows("account_info_response.json"), _rows("invoice_info_response.json")
    message = _rows("poll_job_customer_update_constructed.json")
    ours = [field for field in CUSTOMER if not field.extra]
    rate = bundle.KINDS["autodns"].rate
    parts = [
        "# AutoDNS: services and fields",
        "Made from the code by `python -m tests.workers.providers.autodns_page`; a test compares it. How to connect:"
        " [autodns.md](../autodns.md).",
        f"Covered: {len(ours)} of {len(OCCURS.findall(reference()))} fields of BasicCustomer, in JSON and XML both ways, and"
        f" {len(COVERED)} operations. Rate: {rate.calls} calls in {rate.seconds} second, as published.",
        "## Services",
        *_table(("name", "call", "object", "arguments", "a lost reply"), map(_service, autodns.SERVICES.values())),
        "*Find* looks at the provider; a *no* counts only so long after the call. Nothing charges the account.",
        "## Queries",
        *_table(("name", "call", "id of", "gives"), map(_query, autodns.QUERIES)),
        "## Operations",
        *_table(("operation", "carried out by"), ((title, f"`{_attribute(one)}`") for title, one in COVERED.items())),
        "## A customer, field by field",
        "*read*: the attribute of `AutodnsCustomerDoc`, or `fields` by its canonical name. *mirrored*: the canonical name that is kept.",
        *_table(("JSON", "XML", "read", "written", "mirrored", "left alone, because", "used by"), map(_customer_row, CUSTOMER)),
        "## The account, field by field",
        "Nothing of it is mirrored: what may be spent is compared with the threshold at every poll.",
        *_table(("field", "read", "used by"), _probed(account, lambda row: AccountDoc.from_record("nic", row), {"credit poll": BALANCE})),
        "## An invoice, field by field",
        "*mirrored*: the canonical name that is kept.",
        *_table(("field", "read", "mirrored", "left alone, because", "used by"), _invoice_rows(invoice)),
        "## A message, field by field",
        "Nothing of it is mirrored; what has no attribute is in `fields`, as sent. A push is read alike.",
        *_table(("field", "read", "used by"), _probed(message, lambda row: MessageDoc.from_record("nic", row, BERLIN), {"poll": MESSAGES})),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _rows(name: str) -> dict[str, Any]:
    return dict(json.loads(recorded(name), parse_float=str)["data"][0])


def _attribute(one: object) -> str:
    return next(f"autodns.{name}" for name, value in vars(autodns).items() if value is one)


def _service(service: Service) -> tuple[str, ...]:
    fields = {name: field for name, field in service.request.model_fields.items() if name in ("fields",)}
    said = " ".join(f"`{name}`" for name in fields)
    assert isinstance(service.effect_class, Find)
    lost = f"Find, {service.effect_class.no_counts_after_s / 60:.0f} min"
    return f"`{_attribute(service)}`", f"`{service.name}`", service.object_kind or "any with `.source`", said or "–", lost


def _query(query: Query[Any]) -> tuple[str, ...]:
    return f"`{_attribute(query)}`", f"`{query.name}`", query.object_kind, f"`{query.result.__name__}`"


def _customer_row(field: Field) -> tuple[str, ...]:
    in_json = f"`{field.json}`" + (" (not in the reference)" if field.extra else "")
    read = f"`{field.mirrored}`" if field.mirrored in AutodnsCustomerDoc.model_fields else "`fields`" if field.mirrored else "–"
    used = _used(rf'get\("{field.json}"\)', {"looks": LOOKS, "client": CLIENT})
    return (in_json, " or ".join(f"`{one}`" for one in field.xml.split(" or ")), read, "yes" if field.written else "–",
            field.mirrored or "–", field.why or "–", used)  # fmt: skip


def _invoice_rows(invoice: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    said = {"comment": "x", "paymentTransaction": "x", "sepaMandateCollection": "x", **invoice}
    found = {path[0]: read for path, read in _changes(said, lambda row: AutodnsInvoiceDoc.from_record("nic", row, BERLIN))}
    for name, (mirrored, why) in INVOICE.items():
        read = " ".join(f"`{one}`" for one in found.get(name, ()) if one in AutodnsInvoiceDoc.model_fields)
        used = _used(rf'row(?:\.get\(|\[)["\']{name}["\']', {"client": CLIENT})
        yield f"`{name}`", read or ("`fields`" if mirrored else "–"), mirrored or "–", why or "–", used


def _probed(data: Mapping[str, Any], made: Callable[[Mapping[str, Any]], Any], users: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for path, read in _changes(data, made):
        words = "|".join(re.escape(one) for one in read)
        yield f"`{'.'.join(path)}`", " ".join(f"`{one}`" for one in read) or "–", _used(rf"\.(?:{words})\b", users) if read else "–"


def _changes(data: Mapping[str, Any], made: Callable[[Mapping[str, Any]], Any]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Every leaf, and the attributes that change with it."""
    before = made(data).model_dump(exclude={"fields"})
    for path in _leaves(data):
        after = made(_changed(data, path)).model_dump(exclude={"fields"})
        yield path, [name for name in before if before[name] != after[name]]


def _changed(data: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    copied: Any = json.loads(json.dumps(data))
    inner = copied
    for name in path[:-1]:
        inner = inner[int(name)] if isinstance(inner, list) else inner[name]
    was = inner[path[-1]]
    if isinstance(was, bool):
        inner[path[-1]] = not was
    elif re.fullmatch(r"[0-9]+([.][0-9]+)?", str(was)):
        inner[path[-1]] = type(was)(Decimal(str(was)) + 1)
    else:
        other = "2015-01-01T00:00:00.000+0100" if str(was)[:2] == "20" else "x"
        inner[path[-1]] = OTHERWISE.get(str(was), other)
    return dict(copied)


def _used(pattern: str, users: Mapping[str, str]) -> str:
    return ", ".join(name for name, text in users.items() if re.search(pattern, text)) or "–"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
