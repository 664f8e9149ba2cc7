"""docs/providers/monsum.md and fastbill.md, made from the code: `python -m tests.workers.providers.monsum_page` writes both.

What a field is read as is found out by reading a record that says nothing else. What is covered is counted against the references.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from receiver.errors import PayloadInvalid
from receiver.sources.monsum import customer_fields, invoice_fields
from receiver.sources.monsum_fields import SECRETS
from tests.workers.providers.monsum_reference import PAYLOADS, Said, fields
from tests.workers.providers.monsum_users import users
from tests.workers.providers.qvickly_page import _table
from workers.providers import bundle, monsum
from workers.providers import monsum_requests as ask
from workers.providers.monsum_docs import CustomerDoc, InvoiceDoc
from workers.providers.monsum_reads import _reminder
from workers.providers.monsum_shell import CUSTOMER_FILTERS, INVOICE_FILTERS
from workers.providers.service import Find, Query, Service

FOLDER = Path(__file__).parents[3] / "docs" / "providers"
NAMES = {"monsum": "Monsum", "fastbill": "FastBill"}
FILTERS = {"customer.get": CUSTOMER_FILTERS, "invoice.get": INVOICE_FILTERS}
QUERIES = {query.name: query for query in monsum.QUERIES}
# A reading service whose one argument is the id of its query.
BY_ID = {"item.get": "INVOICE_ID", "invoice.getreminders": "INVOICE_ID", "customer.checkvatid": "VAT_ID"}
TRIED = ("1", "2026-11-20", "x", "1,00", ["a"], [{"KEY": "a", "VALUE": "b"}], [{"VAT_PERCENT": "19"}])
ID, LETS_IN, AGAIN, LETTER = (
    "id",
    "it lets somebody in",
    "read again by `invoice.get`",
    "the letter is the provider's; only level, fee and days count",
)
COMPARED = "compared with the asked one"
MISSPELT = "misspelt in the reference; kept as sent"


def page(kind: str) -> str:
    """The whole page of a kind."""
    told, other = [said for said in fields() if _has(kind, said.service)], NAMES["fastbill" if kind == "monsum" else "monsum"]
    names, rate = list(dict.fromkeys(said.service for said in told)), bundle.KINDS[kind].rate
    known = [said for said in told if covered(said)]
    parts = [
        f"# {NAMES[kind]}: services and fields",
        f"Made from the code by `python -m tests.workers.providers.monsum_page`; a test compares it. Arguments and documents:"
        f" [services.md](../services.md). {other}: [{other.lower()}.md]({other.lower()}.md).",
        f"Covered: {sum(one in CARRIED for one in names)} of {len(names)} services and {len(known)} of {len(told)} fields of the two"
        f" references{'' if kind == 'monsum' else ' (of what FastBill has of them)'}, filters, data and answers together."
        f" Rate: {rate.calls} calls in {rate.seconds} seconds, as published.",
        "## Services",
        *_table(("name", "call", "object", "a lost reply", "kept secret of the answer"), (_service(one) for one in _services(kind))),
        "*Find* looks at the provider; a *no* counts only so long after the call. *AtMostOnce* is put before a person.",
        "## Queries",
        *_table(("name", "call", "id of", "gives"), (_query(one) for one in monsum.QUERIES if kind in one.kinds and _has(kind, one.name))),
        "## The references, service by service",
        *_table(("service", "carried out by"), ((f"`{one}`", f"`monsum.{CARRIED.get(one, 'missing')}`") for one in names)),
        "## Filters",
        "A filter the provider does not understand it ignores: a returned id is always compared with the asked one.",
        *_table(("service", "filter", "taken by", "used by"), map(_filter, (one for one in told if one.part == "FILTER"))),
        *_object_tables(told),
        "## Everything else that is sent and answered",
        *_table(("service", "part", "field", "as", "ignored, because", "used by"), _others(told)),
    ]
    if kind == "fastbill":
        parts += ["## A webhook, field by field", *_table(("field", "read", "written", "mirrored", "used by"), _webhook_rows())]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def covered(said: Said) -> bool:
    """Whether a field of the references is sent, read, or left alone for a reason that is written down."""
    if said.part == "RESPONSE":
        return bool(_read_as(said)) or bool(_why(said))
    return bool(_sent_as(said))


def _named(one: object) -> str:
    return next(name for name, value in vars(monsum).items() if value is one)


CARRIED = {one.name: _named(one) for one in (*monsum.QUERIES, *monsum.SERVICES.values())}


def _services(kind: str) -> list[Service]:
    return [one for one in monsum.SERVICES.values() if kind in one.kinds]


def _has(kind: str, service: str) -> bool:
    if service.startswith("webhook."):
        return kind == "fastbill"
    return service not in monsum.SERVICES or kind in monsum.SERVICES[service].kinds


def _service(service: Service) -> tuple[str, ...]:
    found = service.effect_class
    lost = f"Find, {found.no_counts_after_s / 60:.0f} min" if isinstance(found, Find) else type(found).__name__
    secret = " ".join(f"`{name}`" for name in service.secret)
    return f"`monsum.{_named(service)}`", f"`{service.name}`", service.object_kind or "any with `.source`", lost, secret or "–"


def _query(query: Query[Any]) -> tuple[str, ...]:
    return f"`monsum.{_named(query)}`", f"`{query.name}`", query.object_kind, f"`{query.result.__name__}`"


def _filter(said: Said) -> tuple[str, ...]:
    return f"`{said.service}`", f"`{said.name}`", _sent_as(said) or "missing", users("", (), said.name)


def _sent_as(said: Said) -> str:
    """How a field of FILTER or DATA is given; "" where it cannot be."""
    name = said.name.lower()
    if BY_ID.get(said.service) == said.name:
        return "the id"
    if said.service in FILTERS:
        return f"`--where {name}`" if name in FILTERS[said.service] else ""
    request = monsum.SERVICES[said.service].request
    if name in request.model_fields:
        return f"`{name}`"
    if request is ask.WriteCustomer:
        return f"`fields` `{name}`" if name in ask.CUSTOMER_FIELDS else ""
    return f"`items` `{name}`" if request is ask.WriteInvoice and name in ask.Item.model_fields else ""


def _read_as(said: Said) -> str:
    """How a field of RESPONSE is read; "" where it is not."""
    name = said.name.lower()
    if said.service in monsum.SERVICES:
        return f"`{name}`" if name in monsum.SERVICES[said.service].reply.model_fields else ""
    if said.service == "invoice.getreminders":
        return _of_reminder(said.name)
    if said.service == "customer.checkvatid":
        return "`verdict`" if said.name == "EXTERNAL_CHECK" else "`fields`"
    return _probed(said.service, said.name)[0]


def _why(said: Said) -> str:
    """Why a field is not read, or not as itself; "" where it is."""
    if said.name.lower() in SECRETS or (said.name in ("DOWNLOAD_LINK", "DOCUMENT_URL") and said.service == "invoice.getreminders"):
        return LETS_IN
    if said.service == "invoice.correctvat2020" and not _read_as(said):
        return AGAIN
    if said.service == "invoice.getreminders" and not _read_as(said):
        return COMPARED if said.name == "INVOICE_ID" else LETTER
    if said.service == "item.get" and said.name == "INVOICE_ID":
        return COMPARED
    return MISSPELT if said.name == "COSTUMER_ID" else ""


def _of_reminder(name: str) -> str:
    for value in ("2", "2026-11-20"):
        try:
            before, after = _reminder({}), _reminder({name: value})
        except ValueError:
            continue
        if changed := [one for one in type(before).model_fields if getattr(before, one) != getattr(after, one)]:
            return f"`{changed[0]}`"
    return ""


def _probed(service: str, name: str) -> tuple[str, str, list[str]]:
    """(read as, mirrored as, every attribute and canonical name) of a record that says only this."""
    if name in ("CUSTOMER_ID", "INVOICE_ID") and service == f"{name.partition('_')[0].lower()}.get":
        return "`id`", ID, [ID]
    for value in TRIED:
        try:
            said = _canonical(service, {name: value})
        except (ValueError, PayloadInvalid):
            continue
        if found := [one for one, of in said.items() if of not in (None, "", [], {})]:
            shown = [f"extra.{name.lower()}"] if found == ["extra"] else found
            attributes = _attributes(service, said)
            read = " ".join(f"`{one}`" for one in attributes) or "`fields`"
            return read, shown[0], [*attributes, *(name.lower() if one.startswith("extra.") else one for one in shown)]
    return "", "", []


def _canonical(service: str, record: Mapping[str, Any]) -> dict[str, Any]:
    if service == "customer.get":
        return customer_fields(record)
    if service == "item.get":
        return dict(invoice_fields({"ITEMS": [dict(record)]})["items"][0])
    return invoice_fields(record)


def _attributes(service: str, said: Mapping[str, Any]) -> list[str]:
    """The attributes of the document that change with these fields."""
    if service == "item.get":
        return [f"items[].{name}" for name in said if name != "extra"]
    cls: Any = CustomerDoc if service == "customer.get" else InvoiceDoc
    before, after = cls.from_fields("shop", "1", {}), cls.from_fields("shop", "1", said)
    return [one for one in cls.model_fields if one not in ("fields", "doc_version") and getattr(before, one) != getattr(after, one)]


OBJECTS = {
    "customer.get": ("A customer, field by field", "CustomerDoc", ("customer.create", "customer.update")),
    "invoice.get": ("An invoice, field by field", "InvoiceDoc", ("invoice.create", "invoice.update")),
    "item.get": ("A line, field by field", "InvoiceDoc", ("invoice.create",)),
}


def _object_tables(told: list[Said]) -> Iterator[str]:
    for service, (title, document, writers) in OBJECTS.items():
        yield f"## {title}"
        yield {
            "customer.get": "*read*: the attribute of `CustomerDoc`, or `fields` by its canonical name. *mirrored*: the canonical name"
            " that is kept. *used by*: which part of billhook names it in its code; what nobody names, workflows of your own may.",
            "invoice.get": "Read as `InvoiceDoc`, `fields` or `doc_version`; mirrored and used as above.",
            "item.get": "Read as `ItemsDoc`; mirrored as `items` of the invoice, where `ITEMS` has them.",
        }[service]
        yield from _table(
            ("field", "read", "written", "mirrored", "ignored, because", "used by"), _object_rows(told, service, document, writers)
        )


def _object_rows(told: list[Said], service: str, document: str, writers: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    written = {one.name: _sent_as(one) for one in told if one.service in writers and one.part == "DATA" and _is_of(one, service)}
    read = [one.name for one in told if one.service == service and one.part == "RESPONSE"]
    for name in dict.fromkeys([*read, *written]):
        said = Said(service, "RESPONSE", name, False)
        as_read, mirrored, names = _probed(service, name) if name in read or name not in written else ("", "", [])
        why = _why(said) if name in read else "" if as_read else "never in an answer"
        yield (f"`{name}`", as_read or "–", written.get(name) or "–", mirrored or "–", why or "–",
               users(document, names, name) if as_read or names else users(document, (), name))  # fmt: skip


def _is_of(said: Said, service: str) -> bool:
    """Whether what a service is given belongs to the object: of a new invoice, some to its lines."""
    of_line = said.name.lower() in ask.Item.model_fields and said.service.startswith("invoice.")
    return of_line if service == "item.get" else not of_line


def _others(told: list[Said]) -> Iterator[tuple[str, ...]]:
    of_objects = {name for _, _, writers in OBJECTS.values() for name in writers}
    for said in told:
        if said.part == "FILTER" or said.service in OBJECTS or (said.service in of_objects and said.part == "DATA"):
            continue
        shown, why = (_read_as(said), _why(said)) if said.part == "RESPONSE" else (_sent_as(said), "")
        required = f"{said.part}, required" if said.required else said.part
        yield f"`{said.service}`", required, f"`{said.name}`", shown or "–", why or "–", users("", (), said.name)


def _webhook_rows() -> Iterator[tuple[str, ...]]:
    (row,) = json.loads((PAYLOADS / "api_webhook.get.response.json").read_bytes())["RESPONSE"]["WEBHOOKS"][:1]
    for name in row:
        written = any(name.lower() in monsum.SERVICES[one].request.model_fields for one in ("webhook.create", "webhook.delete"))
        yield f"`{name}`", f"`webhooks[]` `{name}`", f"`{name.lower()}`" if written else "–", "–", users("", (), name)


if __name__ == "__main__":
    for kind in NAMES:
        (FOLDER / f"{kind}.md").write_text(page(kind), encoding="utf-8")
