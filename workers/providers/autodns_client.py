"""One AutoDNS user: customers by name, its account and invoices, and the messages that wait for it.

Owns how an outcome is told and which records are the asked ones; the bytes are in autodns_wire.py, the rows of services in autodns.py. It
never retries and never decides what is due. There is no list of customers: those that are named, and those seen in messages, are asked for.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from receiver.sources.autodns_fields import without_secrets
from workers.errors import NotFound
from workers.providers import autodns_wire as wire
from workers.providers.answers import document
from workers.providers.autodns_requests import Accepted, ApiRequest
from workers.providers.http import Metered, Transport
from workers.providers.monsum_client import Page
from workers.providers.rate import Rate
from workers.providers.service import Query, Service, asked_of

PAGE = 100
CUSTOMER_ID = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]{0,63})/([1-9][0-9]{0,18})", re.ASCII)
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class AutodnsClient:
    """One user. `watched`: customers, "client/number", that are read without a message. `credit_low`: None is the account's own threshold.

    `polls`: billhook alone takes this user's messages.
    """

    source: str
    base_url: str
    login: wire.Login = field(repr=False)
    zone: ZoneInfo
    currencies: tuple[str, ...]
    rate: Rate
    transport: Transport = field(repr=False)
    watched: tuple[str, ...] = ()
    credit_low: Decimal | None = None
    polls: bool = False
    kind: str = "autodns"

    def metered(self, take: Callable[[], None]) -> "AutodnsClient":
        """The same client, calling take() before each request."""
        return replace(self, transport=Metered(transport=self.transport, take=take))

    def query(self, query: Query[R], id: str) -> R:
        """What the provider says now. Raises NotFound, Retryable, and WorkflowInvalid for a query of another provider."""
        return asked_of(self, "AutoDNS", query, id)

    def query_all(self, query: Query[R], ids: Sequence[str]) -> Sequence[R]:
        """What the provider says of these objects now, in their order."""
        return [self.query(query, id) for id in ids]

    def read(self, service: str, method: str, path: str, content: Any = None, *, named: bool = False) -> wire.Envelope:
        """A good answer of a reading call. Raises Retryable; and NotFound where the path is `named` for one object that is not there.

        A 404 that is no JSON is a proxy's, or that of another address: it says nothing of any object.
        """
        told = {"provider": self.source, "call": service}
        ask = wire.api_ask(self.base_url, self.login, method, path, content, provider=self.source, service=service)
        try:
            answer = self.transport.send(ask)
            if named and answer.status == 404 and document(answer.body) is not None:
                raise NotFound(**told)
            return wire.envelope(answer, told | {"status": answer.status})
        except (OutcomeUnknown, Rejected) as cause:
            context: dict[str, Any] = told | dict(cause.context)
            raise Retryable(**context) from cause

    def customer(self, id: str) -> Mapping[str, Any]:
        """The record of "client/number", without secrets. Raises NotFound, Retryable."""
        named = CUSTOMER_ID.fullmatch(id)
        record = self._only("customer.get", f"customer/{named[1]}/{named[2]}") if named else None
        if named is None or record is None:
            raise NotFound(provider=self.source, call="customer.get")
        if (str(record.get("client")), str(record.get("number"))) != named.groups():
            raise Retryable(provider=self.source, call="customer.get", kind="wrong_object")
        return without_secrets(record)

    def invoice(self, id: str) -> Mapping[str, Any]:
        """The record of an invoice. Raises NotFound, Retryable."""
        record = self._only("invoice.get", f"invoice/{id}") if id.isdecimal() and id.isascii() else None
        if record is None:
            raise NotFound(provider=self.source, call="invoice.get")
        if str(record.get("id")) != id:
            raise Retryable(provider=self.source, call="invoice.get", kind="wrong_object")
        return record

    def account(self) -> Mapping[str, Any]:
        """The record of the user's own account. Raises NotFound, where it has none, and Retryable."""
        record = self._only("account.get", "account")
        if record is None:
            raise NotFound(provider=self.source, call="account.get")
        return record

    def found_invoices(self, content: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """The records of a search. Raises Retryable."""
        return self._searched(content).data

    def _searched(self, content: Mapping[str, Any]) -> wire.Envelope:
        found = self.read("invoice.search", "POST", "invoice/_search", content)
        if not all(isinstance(row, dict) and row.get("id") for row in found.data):
            raise Retryable(provider=self.source, call="invoice.search", kind="reply_incomplete")
        return found

    def next_message(self) -> Mapping[str, Any] | None:
        """The oldest message that was not confirmed, None where there is none. Asking changes nothing. Raises Retryable."""
        return self._only("poll.get", "poll", named=False)

    def customers(self, offset: int = 0) -> Page:
        """One of the watched customers at a time, named as the baseline expects."""
        if offset >= len(self.watched):
            return Page(records=())
        next_offset = offset + 1 if offset + 1 < len(self.watched) else None
        try:
            record = self.customer(self.watched[offset])
        except NotFound:
            return Page(records=(), next_offset=next_offset)
        return Page(records=({**record, "CUSTOMER_ID": self.watched[offset]},), next_offset=next_offset)

    def invoices(self, *, offset: int = 0, year: str = "", month: str = "") -> Page:
        """A page of all invoices, the newest first; with a month, none behind the first page that is all older than it.

        The list cannot be filtered by a day. A page may hold fewer than are asked for: the count of all says whether more come.
        """
        found = self._searched({"view": {"limit": PAGE, "offset": offset}, "orders": [{"key": "number", "type": "DESC"}]})
        rows, behind = found.data, offset + len(found.data)
        more = bool(rows) and (len(rows) >= PAGE or (found.waiting or 0) > behind)
        older = bool(year) and bool(rows) and all(_month_of(row) < f"{year}-{month}" for row in rows)
        records = tuple({**row, "INVOICE_ID": str(row["id"])} for row in rows)
        return Page(records=records, next_offset=behind if more and not older else None)

    def invoices_by_id(self, ids: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
        """None: there is no such call, so open invoices are read again one by one."""
        return ()

    def one(self, service: str, listed: str, filters: Mapping[str, Any], key: str, id: str) -> Mapping[str, Any]:
        """The record of one object, as the re-reads ask for it. Raises NotFound, Retryable."""
        return self.customer(id) if service == "customer.get" else self.invoice(id)

    def call(
        self,
        service: Service,
        request: BaseModel,
        *,
        before_write: Callable[[], None] | None = None,
        started: float | None = None,
    ) -> BaseModel:
        """The reply of a writing service, once. Raises Retryable, Rejected or OutcomeUnknown (see service.Client)."""
        if self.kind not in service.kinds:
            raise Rejected(provider=self.source, call=service.name, kind="not_offered")
        if not isinstance(request, service.request) or not isinstance(request, ApiRequest):
            raise TypeError(f"{service.name} takes a {service.request.__name__}")
        told = {"provider": self.source, "call": service.name}
        ask = wire.api_ask(
            self.base_url, self.login, request.method, request.path, request.content(), provider=self.source, service=service.name
        )
        answer = self.transport.send(ask, before_write=before_write, started=started)
        said = wire.envelope(answer, told | {"status": answer.status})
        return _promised(request, said, told)

    def _only(self, service: str, path: str, *, named: bool = True) -> dict[str, Any] | None:
        """The first of `data`, None where there is none. Raises NotFound, Retryable."""
        found = self.read(service, "GET", path, named=named).data
        if found and not isinstance(found[0], dict):
            raise Retryable(provider=self.source, call=service, kind="reply_incomplete")
        return found[0] if found else None


def _month_of(row: Mapping[str, Any]) -> str:
    """ "2026-11" of a record's creation; far ahead where it does not say."""
    try:
        return f"{datetime.fromisoformat(str(row.get('created'))):%Y-%m}"
    except ValueError:
        return "9999-99"


def _promised(request: ApiRequest, said: wire.Envelope, told: dict[str, Any]) -> Accepted:
    """The reply where it says what is promised, of what was asked. Raises OutcomeUnknown."""
    named = said.object.get("value")
    content = {"stid": said.stid, "code": said.code, "later": said.later, "object_id": None if named is None else str(named)}
    first = said.data[0] if said.data and isinstance(said.data[0], dict) else {}
    try:
        reply = Accepted.model_validate(content | {name: first.get(name) for name in ("client", "number")})
    except ValidationError:
        raise OutcomeUnknown(kind="reply_incomplete", **told) from None
    if not request.confirmed(reply):
        raise OutcomeUnknown(kind="wrong_reply", **told)
    return reply
