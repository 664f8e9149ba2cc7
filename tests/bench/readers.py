"""Every reader of bytes from outside: what the door and the router do with a request, and the clients with a reply.

Owns which samples there are and who reads each. Used by tests/bench/mutations.py. A reader returns, or raises what is named.
"""

import base64
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from receiver.db import canonical_json
from receiver.errors import OutcomeUnknown, PayloadInvalid, Refused, Rejected, Retryable
from receiver.settings import DoorSecrets, SourceSettings
from receiver.signing import signature
from receiver.sources.catalog import KINDS, Presented, verifier
from workers.errors import NotFound
from workers.providers import autodns, monsum, qvickly
from workers.providers.autodns_reads import InvoiceFilter
from workers.providers.bundle import make_autodns, make_client, make_qvickly
from workers.providers.http import Answer, Ask
from workers.providers.qvickly_reads import CustomerFilter

PAYLOADS = Path(__file__).parents[1] / "payloads"
NAMED = (Refused, PayloadInvalid, Retryable, Rejected, OutcomeUnknown, NotFound)
KEY, AT = b"a key of thirty-two bytes, truly", 1_795_000_000
PROVIDERS = {"monsum": ("monsum", "fastbill"), "qvickly": ("qvickly",), "autodns": ("autodns",), "standard": ("standard",)}
STANDARD = {
    "unknown": b'{"type":"contact.created","timestamp":"2026-11-21T08:00:00Z","data":{"email":"a@example.com","n":[1,2.5]}}',
    "bounced": b'{"type":"email.bounced","timestamp":"2026-11-21T08:00:00Z","data":{"invoice_id":"7","bounce":"hard","address_hash":"ab"}}',
    "overdue": b'{"type":"invoice.overdue","data":{"invoice_id":"7","due_on":"2026-11-01","at":"2026-11-21T08:00:00+01:00"}}',
}
SECRETS = {
    "standard": DoorSecrets(signing=("whsec_" + base64.b64encode(KEY).decode(),)),
    "qvickly": DoorSecrets(signing=("qvickly-test-key-000000000001",)),
}
LOGIN = DoorSecrets(user="hooks", passwords=("kE4-ruW8mzQ2pLx9",))
BASIC = b"Basic " + base64.b64encode(b"hooks:kE4-ruW8mzQ2pLx9")
SOURCES = {kind: SourceSettings(name="shop", kind=kind) for kind in KINDS}  # type: ignore[arg-type]
VERIFIERS = {kind: verifier(source, SECRETS.get(kind, LOGIN)) for kind, source in SOURCES.items()}
HEADERS = '{"webhook-id":"msg_1","webhook-timestamp":"1795000000"}'
IDS = re.compile(rb'"(?:INVOICE_ID|CUSTOMER_ID|mexcParamvaluesetsid|id|number)"\s*:\s*"?([1-9]\d{0,17})')
STATUSES = (200,) * 12 + (201, 204, 302, 400, 401, 403, 404, 408, 429, 500, 503)


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded body. `identity`: its type and id where it is a delivery."""

    provider: str
    name: str
    body: bytes


class Heard:
    """A transport that hears one answer, whatever is asked; the login of Qvickly's portal works."""

    def __init__(self) -> None:
        self.answer = Answer(status=200)

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        return Answer(status=200, body=b'{"token":"jwt-1"}') if ask.service == "login" else self.answer


HEARD = Heard()
CLIENTS: dict[str, Any] = {
    "monsum": make_client("monsum", "shop", None, "u", "k", "Europe/Berlin", ["EUR"], HEARD),
    "fastbill": make_client("fastbill", "shop", None, "u", "k", "Europe/Berlin", ["EUR"], HEARD),
    "qvickly": make_qvickly("shop", None, "1", "k", "Europe/Stockholm", ["SEK"], HEARD, portal=("u", "p")),
    "autodns": make_autodns("shop", None, "u", "k", "Europe/Berlin", ["EUR"], HEARD),
}
MODULES: dict[str, Any] = {"monsum": monsum, "fastbill": monsum, "qvickly": qvickly, "autodns": autodns}
SAID: dict[str, dict[str, Any]] = {
    "invoice.sendbyemail": {"recipient": "a@example.com", "subject": "S", "message": "M"},
    "invoice.create": {"items": [{"description": "A", "unit_price": "1.00", "vat_percent": "19"}]},
    "customer.addcredits": {"amount": "1.50"}, "webhook.create": {"endpoint": "https://example.com/x", "events": "a.b"},
    "customers.create": {"fields": {"name": "A"}}, "customers.patch": {"fields": {"name": "A"}}, "customers.delete_some": {"ids": ["1"]},
}  # fmt: skip
AUTODNS_SAID = {"customer.create": {"fields": {"name": "A"}}, "customer.update": {"fields": {"name": "A"}}}
QUERY_IDS = {
    "invoice.search": InvoiceFilter().text, "customers.list": CustomerFilter().text, "customers.count": CustomerFilter().text,
    "getDuePayments": "2026-11-20", "getCustomersByName": "A", "customer.get page": "0",
    "customers.searchByOrgNumber": "5560360793", "item.get of one": "7/1",
}  # fmt: skip


def samples() -> list[Sample]:
    """Every recorded body, and one of each kind of Standard Webhooks."""
    found = [
        Sample(folder.name, path.name, path.read_bytes())
        for folder in sorted(PAYLOADS.iterdir()) if folder.name in PROVIDERS
        for path in sorted(folder.iterdir())
        if path.suffix != ".md" and not path.name.startswith("reference_") and path.name != "hash_vectors.json"
    ]  # fmt: skip
    return found + [Sample("standard", name, body) for name, body in STANDARD.items()]


def readings(chance: random.Random, sample: Sample, body: bytes) -> Iterator[tuple[str, Callable[[], Any]]]:
    """(name, call) of everybody who may be given this body."""
    for kind in PROVIDERS[sample.provider]:
        yield f"{kind} verify", lambda kind=kind: VERIFIERS[kind](_presented(chance, kind, body), float(AT))
        yield f"{kind} arrival", lambda kind=kind: _arrived(kind, sample, body)
        if kind in CLIENTS:
            yield from _heard(chance, kind, sample, body)


def _presented(chance: random.Random, kind: str, body: bytes) -> Presented:
    """The request with right credentials; of Standard Webhooks, now and then with headers that were spoilt too."""
    if kind != "standard":
        return Presented({b"authorization": BASIC}, None, "127.0.0.1", body)
    headers = {
        b"webhook-id": b"msg_1",
        b"webhook-timestamp": str(AT).encode(),
        b"webhook-signature": signature(KEY, b"msg_1", str(AT).encode(), body),
    }
    if chance.random() < 0.3:
        odd = (b"", b"\xff", b"v1,", b"v1,AAAA", b"v1," + b"A" * 5000, b"-1", b"1e9", b"9" * 400, "٣".encode(), b"v1 v1,,", b"\x00")
        headers[chance.choice(list(headers))] = chance.choice(odd)
    return Presented(headers, None, "127.0.0.1", body)


def _arrived(kind: str, sample: Sample, body: bytes) -> None:
    """Let in and read: by what it says it is, by what the sample was, and as a read of the API put into the inbox."""
    source, native = KINDS[kind], []
    sent = {"webhook-id": "msg_1", "webhook-timestamp": str(AT)} if kind == "standard" else {}
    for said in (body, sample.body):
        try:
            native.append(source.admit(said, SOURCES[kind], sent) if source.admit else source.identify(said, sent))
        except Refused:
            continue
    for identity in dict.fromkeys(native):
        _interpreted(kind, body, *identity)
    for what in ("invoice", "customer", "payment", "account"):
        poll = b'{"read_at":"2026-11-20T09:00:00+00:00","record":' + body + b"}"
        _interpreted(kind, poll, f"poll.{what}", "7:1")


def _interpreted(kind: str, body: bytes, native_type: str, native_id: str) -> None:
    """Read as the router reads it, and written down as it is kept."""
    try:
        notice = KINDS[kind].interpret(body, SOURCES[kind], native_type, native_id, HEADERS)
    except Refused:
        return
    for snapshot in notice.snapshots:
        canonical_json(dict(snapshot.fields))


def _heard(chance: random.Random, kind: str, sample: Sample, body: bytes) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The replies of a query and a service by chance, and of those the sample is named after."""
    client, module = CLIENTS[kind], MODULES[kind]
    HEARD.answer = Answer(status=chance.choice(STATUSES), headers={"retry-after": chance.choice(("7", "x", "9" * 9, "-1"))}, body=body)
    queries = [one for one in module.QUERIES if kind in one.kinds]
    services = [one for one in module.SERVICES.values() if kind in one.kinds]
    meant = [one for one in (*queries, *services) if one.name.partition(" ")[0] in sample.name]
    id = (found[1].decode() if (found := IDS.search(body)) else "7") or "7"
    for one in dict.fromkeys([chance.choice(queries), chance.choice(services), *meant]):
        if one in queries:
            asked = QUERY_IDS.get(one.name, f"ix/{id}" if kind == "autodns" and one.object_kind in ("customer", "account") else id)
            yield f"{kind} {one.name}", lambda one=one, asked=asked: client.query(one, asked).model_dump(mode="json")
        else:
            yield f"{kind} {one.name}", lambda one=one: _called(client, one, kind, id)


def _called(client: Any, service: Any, kind: str, id: str) -> None:
    said = AUTODNS_SAID.get(service.name, {}) if kind == "autodns" else SAID.get(service.name, {})
    of = SimpleNamespace(source="shop", id=f"ix/{id}" if kind == "autodns" else id, message_id=id)
    request = service.build(of, **said)
    reply = client.call(service, request)
    canonical_json(service.shown(reply))
    service.reference(reply), service.mirror(request, reply)
