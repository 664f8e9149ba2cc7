"""docs/providers/qvickly.md, made from the code: `python -m tests.workers.providers.qvickly_page` writes it.

What a field is read as is found out by changing it in a recorded answer and looking at which attribute changes.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from receiver.settings import SourceSettings
from receiver.sources import qvickly as source
from receiver.sources.qvickly_fields import CUSTOMER, UNLISTED, Field
from tests.receiver.sources.callbacks import callback, recorded
from workers.providers import bundle, qvickly, qvickly_client, qvickly_looks
from workers.providers.qvickly_docs import DuePayment, PaymentDoc, QvicklyCustomerDoc
from workers.providers.service import Find, Query, Service

PAGE = Path(__file__).parents[3] / "docs" / "providers" / "qvickly.md"
# The operations of the reference, by their titles there, and what carries each out.
COVERED: dict[str, Query[Any] | Service] = {
    "Get the customers of a merchant": qvickly.customers,
    "Place a customer for a Merchant": qvickly.create_customer,
    "Delete multiple customers": qvickly.delete_customers,
    "Get the number of matching customers according to the supplied filters": qvickly.customer_count,
    "Find customer by mexcParamvaluesetsid": qvickly.customer,
    "Delete a customer": qvickly.delete_customer,
    "Update an existing customer": qvickly.update_customer,
    "Get the person/company details by orgNum": qvickly.organisation,
    "Export the customers as XML": qvickly.customers_xml,
    "Export multiple customers as XML": qvickly.customers_xml,
    "Export the customers as CSV": qvickly.customers_csv,
    "Export multiple customers as CSV": qvickly.customers_csv,
}
PAYMENT_API = (
    qvickly.payment,
    qvickly.activate,
    qvickly.credit,
    qvickly.cancel,
    qvickly.due_payments,
    qvickly.customers_by_name,
)  # fmt: skip
USERS = {"looks": inspect.getsource(qvickly_looks), "client": inspect.getsource(qvickly_client)}
OTHERWISE = {"2014-07-31": "2015-01-01", "Created": "Paid", "SEK": "EUR", "Due": "Collection"}


def reference_titles() -> list[str]:
    """The titles of the reference's operations: of its prose, every other line."""
    lines = recorded("reference_customers.txt").decode().splitlines()
    prose = [line for line in lines if re.match(r"[A-Z]", line) and line not in ("Responses", "Request parameters")]
    return prose[:-1][::2]


def reference_fields() -> set[str]:
    """Every field a customer has there."""
    return set(re.findall(r'"(\w+)":', recorded("reference_customers.txt").decode().partition("Place a customer")[0]))


def page() -> str:
    """The whole page."""
    payment = json.loads(recorded("payment_getPaymentinfo_response.json"))["data"]
    due = json.loads(recorded("payment_getDuePayments_response.json"))["data"][1]
    parts = [
        "# Qvickly: services and fields",
        "Made from the code by `python -m tests.workers.providers.qvickly_page`; a test compares it. How to connect:"
        " [qvickly.md](../qvickly.md).",
        f"Covered: {len(COVERED)} of {len(reference_titles())} operations of the Portal API's section *customers*, {len(CUSTOMER)} of"
        f" {len(reference_fields())} fields of a customer there, and {len(PAYMENT_API)} functions of the Payment API."
        f" Rate: {bundle.KINDS['qvickly'].rate.calls} calls a minute (our choice: none is published).",
        "## Services",
        *_table(("name", "call", "object", "arguments", "a lost reply"), map(_service, qvickly.SERVICES.values())),
        "*Find* looks at the provider; a *no* counts only so long after the call. *AtMostOnce* is put before a person.",
        "## Queries",
        *_table(("name", "call", "id of", "gives"), map(_query, qvickly.QUERIES)),
        "## The reference, operation by operation",
        *_table(("operation", "carried out by"), ((title, f"`{_attribute(one)}`") for title, one in COVERED.items())),
        "## A customer, field by field",
        "*read*: the attribute of `QvicklyCustomerDoc`, or `fields` by its canonical name. *mirrored*: the canonical name that is kept.",
        *_table(("field", "read", "written", "mirrored", "ignored, because", "used by"), map(_customer_row, (*CUSTOMER, *UNLISTED))),
        "## A payment, field by field (getPaymentinfo)",
        "Nothing of it is mirrored. What has no attribute is in `fields`, as sent.",
        *_table(("field", "read", "used by"), _probed(payment, lambda data: PaymentDoc.from_data("pay", "1", data))),
        "## A due payment, field by field (getDuePayments)",
        *_table(("field", "read", "used by"), _probed(due, lambda data: DuePayment.from_data("pay", data, "SEK"))),
        "## A callback, field by field",
        "Only `number`, `status` and `orderid` are read; all of `data` is hashed. Card data is personal and goes no further.",
        *_table(("field", "read", "used by"), _callback_rows()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["\n".join(f"| {' | '.join(line)} |" for line in lines)]


def _attribute(one: object) -> str:
    return next(f"qvickly.{name}" for name, value in vars(qvickly).items() if value is one)


def _service(service: Service) -> tuple[str, ...]:
    fields = {name: field for name, field in service.request.model_fields.items() if name not in ("number", "customer_id")}
    said = " ".join(f"`{name}`" if field.is_required() else f"[`{name}`]" for name, field in fields.items())
    found = service.effect_class
    lost = f"Find, {found.no_counts_after_s / 60:.0f} min" if isinstance(found, Find) else type(found).__name__
    return f"`{_attribute(service)}`", f"`{service.name}`", service.object_kind or "any with `.source`", said or "–", lost


def _query(query: Query[Any]) -> tuple[str, ...]:
    return f"`{_attribute(query)}`", f"`{query.name}`", query.object_kind, f"`{query.result.__name__}`"


def _customer_row(field: Field) -> tuple[str, ...]:
    named = field.mirrored if field.mirrored in QvicklyCustomerDoc.model_fields else "`fields`" if field.mirrored else "–"
    read = f"`{named}`" if named in QvicklyCustomerDoc.model_fields else named
    used = _used(rf'get\("{field.native}"\)' if field.native != "mexcParamvaluesetsid" else r"\bID\b")
    return f"`{field.native}`", str(read), "yes" if field.written else "–", field.mirrored or "–", field.why or "–", used


def _used(pattern: str) -> str:
    return ", ".join(name for name, text in USERS.items() if re.search(pattern, text)) or "–"


def _probed(data: dict[str, Any], made: Callable[[dict[str, Any]], Any]) -> Iterator[tuple[str, ...]]:
    before = made(data).model_dump(exclude={"fields"})
    for path in _leaves(data):
        after = made(_changed(data, path)).model_dump(exclude={"fields"})
        read = [name for name in before if before[name] != after[name]]
        own = [name for name in read if name != "to_pay"] if len(read) > 3 else read
        used = [name for name in own if name != "id" and re.search(rf"\)\.{name}\b", USERS["looks"])]
        yield f"`{'.'.join(path)}`", " ".join(f"`{name}`" for name in own) or "`fields`", "looks" if used else "–"


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        yield from _leaves(value[0], (*path, "0"))
    else:
        yield path


def _changed(data: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    copied: Any = json.loads(json.dumps(data))
    inner = copied
    for name in path[:-1]:
        inner = inner[int(name)] if isinstance(inner, list) else inner[name]
    was = str(inner[path[-1]])
    inner[path[-1]] = OTHERWISE.get(was) or (str(int(was) + 1) if was.isdecimal() else "2015-01-01" if was[:2] == "20" else "x")
    return dict(copied)


def _callback_rows() -> Iterator[tuple[str, ...]]:
    data = json.loads(recorded("callback_paid_card_documented.json"))["data"]
    data["status"] = "Created"
    before = _event(data)
    for path in _leaves(data):
        after = _event(_changed(data, path))
        read = [name for name in before.__dataclass_fields__ if getattr(before, name) != getattr(after, name)]
        yield f"`data.{'.'.join(path)}`", " ".join(f"`{name}`" for name in read) or "–", "–"


def _event(data: dict[str, Any]) -> Any:
    body = callback(data)
    identity = source.identify(body, {})
    return source.interpret(body, SourceSettings(name="pay", kind="qvickly"), identity.native_type, identity.native_id).events[0]


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
