"""The Monsum and FastBill API as one account speaks it: JSON over one URL, and what an answer means.

Owns the envelope {SERVICE, FILTER, LIMIT, OFFSET, DATA}, HTTP Basic, and the outcome of a call. Rows of services are in
workers/providers/monsum.py. It never retries and never decides what is due.
Source: the Monsum API reference (© 2016) and API PDF V1.8 (2013), read 2026-11-21; tests/payloads/monsum/api_*.json
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ValidationError

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from receiver.sources.monsum_fields import SECRETS
from workers.errors import NotFound
from workers.providers.answers import document
from workers.providers.http import Answer, Ask, Metered, Transport, basic_auth
from workers.providers.mail import Mail, Mailer
from workers.providers.monsum_requests import Request
from workers.providers.rate import Rate
from workers.providers.service import Query, Service

PAGE = 100
_REASONS_MAX, _REASON_MAX = 10, 300
_ENCODER = msgspec.json.Encoder(decimal_format="number")
Record = dict[str, Any]
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records of one list read, as the provider sent them (numbers as text); `next_offset` is None on the last page."""

    records: tuple[Record, ...] = field(repr=False)
    next_offset: int | None = None

    def mark(self, before: str | None, provider: str) -> str:
        """What tells this page from the one before it, whose own mark is `before`.

        Raises Retryable where it is that page once more: a list of which OFFSET is not understood has no end.
        """
        mark = hashlib.sha256(repr(self.records).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if mark == before and len(self.records) > 1:
            raise Retryable(provider=provider, kind="same_page")
        return mark


@dataclass(frozen=True, kw_only=True)
class MonsumClient:
    """One Monsum or FastBill account.

    `document_hosts`: the hosts its printed invoices may be fetched from. `mailer`: one's own mail server, where there is one.
    """

    kind: str
    source: str
    base_url: str
    user: str = field(repr=False)
    key: str = field(repr=False)
    zone: ZoneInfo
    currencies: tuple[str, ...]
    rate: Rate
    transport: Transport = field(repr=False)
    mailer: Mailer | None = field(default=None, repr=False)
    document_hosts: frozenset[str] = frozenset()

    def metered(self, take: Callable[[], None]) -> "MonsumClient":
        """The same client, calling take() before each request."""
        return replace(self, transport=Metered(transport=self.transport, take=take))

    def query(self, query: Query[R], id: str) -> R:
        """What the provider says of object `id` now. Raises NotFound where it has none, Retryable for everything else."""
        return query.run(self, id)

    def query_all(self, query: Query[R], ids: Sequence[str]) -> Sequence[R]:
        """What the provider says of these objects now, in their order; together where the query can."""
        if query.together is None or len(ids) == 1:
            return [query.run(self, id) for id in ids]
        return query.together(self, ids)

    def customers(self, offset: int = 0) -> Page:
        """A page of all customers."""
        return self.page("customer.get", "CUSTOMERS", offset=offset)

    def invoices(self, *, offset: int = 0, **filters: str) -> Page:
        """A page of invoices. Filters: customer_id, month, year, start_due_date, end_due_date, type, invoice_number."""
        return self.page("invoice.get", "INVOICES", {name.upper(): value for name, value in filters.items()}, offset=offset)

    def invoices_by_id(self, ids: Sequence[str]) -> tuple[Record, ...]:
        """The records of at most 100 invoices; one that the provider does not have is missing in the answer.

        Raises Retryable where others come back too: then the filter was not understood, and missing would mean nothing.
        """
        if len(ids) > PAGE:
            raise ValueError(f"at most {PAGE} ids at once")
        records = self.page("invoice.get", "INVOICES", {"INVOICE_ID": list(ids)}).records if ids else ()
        if any(str(record.get("INVOICE_ID")) not in set(ids) for record in records):
            raise Retryable(provider=self.source, call="invoice.get", kind="wrong_object")
        return records

    def page(self, service: str, listed: str, filters: Mapping[str, Any] | None = None, offset: int = 0) -> Page:
        """A page of a list read; `listed` is the key of the list. What lets somebody in is dropped here and goes no further."""
        response = self.read(service, filters or {}, limit=PAGE, offset=offset)
        rows = response.get(listed)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Retryable(provider=self.source, call=service, kind="reply_incomplete")
        records = tuple({name.upper(): value for name, value in row.items() if name.lower() not in SECRETS} for row in rows)
        return Page(records=records, next_offset=offset + len(records) if len(records) >= PAGE else None)

    def one(self, service: str, listed: str, filters: Mapping[str, Any], key: str, id: str) -> Record:
        """The record whose `key` is `id`. A filter that was not understood is ignored by the provider: ids are compared."""
        records = self.page(service, listed, filters).records
        for record in records:
            if str(record.get(key)) == id:
                return record
        if records:
            raise Retryable(provider=self.source, call=service, kind="wrong_object")
        raise NotFound(provider=self.source, call=service, id=id)

    def read(self, service: str, filters: Mapping[str, Any], *, limit: int | None = None, offset: int = 0, part: str = "FILTER") -> Record:
        """RESPONSE of a reading service. Raises Retryable whatever went wrong: a read has no effect. `part`: FILTER or DATA."""
        body: dict[str, Any] = {"SERVICE": service, part: dict(filters)}
        if limit is not None:
            body |= {"LIMIT": limit}
        if offset:
            body |= {"OFFSET": offset}
        try:
            return self._response(service, self.transport.send(self._ask(service, body)))
        except OutcomeUnknown as cause:
            raise Retryable(**_told(cause)) from cause
        except Rejected as cause:
            raise Retryable(**{"kind": "rejected"} | _told(cause)) from cause

    def call(
        self,
        service: Service,
        request: BaseModel,
        *,
        before_write: Callable[[], None] | None = None,
        started: float | None = None,
    ) -> BaseModel:
        """The reply of a writing service, once. Raises Retryable, Rejected or OutcomeUnknown (see service.Client)."""
        if isinstance(request, Mail) and self.mailer is not None:
            return self.mailer.send(request, before_write=before_write)
        if not isinstance(request, Request | Mail):
            raise TypeError(f"{service.name} takes a {service.request.__name__}")
        if self.kind not in service.kinds or not isinstance(request, Request):
            raise Rejected(provider=self.source, call=service.name, kind="not_offered")
        ask = self._ask(service.name, {"SERVICE": service.name, "DATA": request.data()})
        response = self._response(service.name, self.transport.send(ask, before_write=before_write, started=started))
        try:
            reply = service.reply.model_validate({name.upper(): value for name, value in response.items()})
        except ValidationError:
            raise OutcomeUnknown(provider=self.source, call=service.name, kind="reply_incomplete") from None
        if not request.confirmed(reply):
            raise OutcomeUnknown(provider=self.source, call=service.name, kind="wrong_reply")
        return reply

    def _ask(self, service: str, body: Mapping[str, Any]) -> Ask:
        headers = {"Authorization": basic_auth(self.user, self.key), "Content-Type": "application/json", "Accept": "application/json"}
        return Ask(url=self.base_url, headers=headers, body=_ENCODER.encode(body), provider=self.source)

    def _response(self, service: str, answer: Answer) -> Record:
        """RESPONSE of `answer`. Order matters: what proves that nothing was done first, then what proves nothing at all."""
        told = {"provider": self.source, "call": service, "status": answer.status}
        if answer.status == 429:
            raise Retryable(retry_after_s=retry_after(answer), kind="rate", **told)
        envelope = _envelope(answer.body)
        reasons = _errors(envelope)
        if answer.status == 401:
            raise Rejected(reasons=reasons, kind="credentials", **told)
        if answer.status >= 500 or answer.status in (404, 408) or 300 <= answer.status < 400:
            raise OutcomeUnknown(kind="status", **told)
        if envelope is None:
            raise OutcomeUnknown(kind="not_json", **told)
        response = envelope.get("RESPONSE")
        if reasons:
            contradicts = isinstance(response, dict) and response.get("STATUS") == "success"
            raise OutcomeUnknown(kind="contradiction", **told) if contradicts else Rejected(reasons=reasons, kind="errors", **told)
        if answer.status >= 300:
            raise OutcomeUnknown(kind="status", **told)
        echo = envelope.get("REQUEST")
        echoed = echo.get("SERVICE") if isinstance(echo, dict) else None
        if echoed is not None and str(echoed).lower() != service:
            raise OutcomeUnknown(kind="wrong_service", **told)
        if isinstance(response, dict):
            return response
        # PHP writes an empty map as []; the recorded addcredits answer has no RESPONSE at all: the echo is then what it promises.
        if response == [] or ("RESPONSE" not in envelope and echoed is not None):
            return {}
        raise OutcomeUnknown(kind="reply_incomplete", **told)


def retry_after(answer: Answer) -> float | None:
    """The seconds of a Retry-After header, or None where it says none or a date."""
    text = answer.headers.get("retry-after", "").strip()
    return float(text) if text.isdigit() and len(text) < 7 else None


def _envelope(body: bytes) -> Record | None:
    """The reply as an object; numbers stay text, so no amount passes through a float."""
    parsed = document(body)
    return {str(name).upper(): value for name, value in parsed.items()} if isinstance(parsed, dict) else None


def _errors(envelope: Record | None) -> tuple[str, ...]:
    response = (envelope or {}).get("RESPONSE")
    said = response.get("ERRORS") if isinstance(response, dict) else None
    listed = said if isinstance(said, list) else list(said.values()) if isinstance(said, dict) else [said] if said else []
    return tuple(str(reason)[:_REASON_MAX] for reason in listed[:_REASONS_MAX])


def _told(cause: OutcomeUnknown | Rejected) -> dict[str, Any]:
    return dict(cause.context)
