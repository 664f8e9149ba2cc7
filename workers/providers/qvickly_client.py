"""One Qvickly merchant: its Payment API, and the customers section of its Portal API.

Owns which API a call goes to and how its outcome is told; the bytes are in qvickly_wire.py, the rows of services in qvickly.py. It never
retries and never decides what is due. What belongs to another provider is refused before anything is asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from receiver.sources.qvickly_fields import ID
from workers.errors import NotFound
from workers.providers import qvickly_wire as wire
from workers.providers.answers import document
from workers.providers.http import Answer, Metered, Transport
from workers.providers.monsum_client import Page, retry_after
from workers.providers.qvickly_requests import PaymentRequest, PortalRequest
from workers.providers.rate import Rate
from workers.providers.service import Query, Service, asked_of

PAGE = 100
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class QvicklyClient:
    """One account. `test`: calls are marked as tests. `login` None: there is no Portal login, and customers cannot be asked for."""

    source: str
    base_url: str
    portal_url: str
    merchant: str = field(repr=False)
    key: str = field(repr=False)
    login: wire.Login | None = field(default=None, repr=False)
    zone: ZoneInfo
    currencies: tuple[str, ...]
    rate: Rate
    transport: Transport = field(repr=False)
    test: bool = False
    kind: str = "qvickly"

    def metered(self, take: Callable[[], None]) -> "QvicklyClient":
        """The same client, calling take() before each request."""
        return replace(self, transport=Metered(transport=self.transport, take=take))

    def query(self, query: Query[R], id: str) -> R:
        """What the provider says now. Raises NotFound, Retryable, and WorkflowInvalid for a query of another provider."""
        return asked_of(self, "Qvickly", query, id)

    def query_all(self, query: Query[R], ids: Sequence[str]) -> Sequence[R]:
        """What the provider says of these objects now, in their order."""
        return [self.query(query, id) for id in ids]

    def payment_data(self, function: str, data: Mapping[str, Any]) -> Any:
        """`data` of a reading function. Raises NotFound for a payment that is not there, Retryable for everything else."""
        ask = wire.payment_ask(self.base_url, self.merchant, self.key, function, data, test=self.test, provider=self.source)
        told = {"provider": self.source, "call": function}
        try:
            answer = self.transport.send(ask)
            return wire.payment_data(answer, told | {"status": answer.status})
        except Rejected as cause:
            if cause.context.get("code") == wire.NO_PAYMENT:
                raise NotFound(**told) from cause
            raise Retryable(**_told(cause)) from cause
        except OutcomeUnknown as cause:
            raise Retryable(**_told(cause)) from cause

    def portal(self, path: str, *, method: str = "GET", content: Any = None, named: bool = False) -> Answer:
        """A good answer of a reading call; a token that was refused is made anew once.

        Raises Retryable, and NotFound for a 404 where the path is `named` for one object: of a list it says nothing.
        """
        told = {"provider": self.source, "call": f"{method} {path.partition('?')[0].partition('/')[0]}"}
        try:
            token, fresh = self._login().token(self.transport, self.source)
            answer = self.transport.send(self._portal_ask(path, method, content, token, told["call"]))
            if answer.status == 401:
                self._login().forget(token)
                if not fresh:
                    return self.portal(path, method=method, content=content, named=named)
        except (OutcomeUnknown, Rejected) as cause:
            raise Retryable(**told | _told(cause)) from cause
        if named and answer.status == 404:
            raise NotFound(**told)
        if answer.status != 200:
            kind = {401: "credentials", 429: "rate"}.get(answer.status, "status")
            after = retry_after(answer) if answer.status == 429 else None
            raise Retryable(retry_after_s=after, kind=kind, status=answer.status, **told)
        return answer

    def portal_json(self, path: str, *, named: bool = False) -> Any:
        """The document of a reading call. Raises Retryable, and NotFound as `portal` does."""
        found = document(self.portal(path, named=named).body)
        if found is None:
            raise Retryable(provider=self.source, call=path.partition("?")[0].partition("/")[0], kind="not_json")
        return found

    def customers(self, offset: int = 0) -> Page:
        """A page of all customers, named as the baseline expects; empty where there is no Portal login."""
        if self.login is None:
            return Page(records=())
        rows = self.portal_json(f"customers?limit={PAGE}&start={offset}")
        if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get(ID) for row in rows):
            raise Retryable(provider=self.source, call="customers", kind="reply_incomplete")
        records = tuple({**row, "CUSTOMER_ID": row[ID]} for row in rows)
        return Page(records=records, next_offset=offset + len(rows) if len(rows) >= PAGE else None)

    def callbacks(self, first: date, last: date, offset: int = 0) -> Page:
        """A page of the callback log, of callbacks made on these days. Raises Retryable.

        Source: Portal API, GET /merchant/api-callbacks, filter rangeByDate; its rows are those of the schema Api-Callbacks.
        """
        chosen = f"filter=rangeByDate&from={first}&to={last}"
        rows = self.portal_json(f"merchant/api-callbacks?{chosen}&limit={PAGE}&start={offset}")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Retryable(provider=self.source, call="merchant", kind="reply_incomplete")
        return Page(records=tuple(rows), next_offset=offset + len(rows) if len(rows) >= PAGE else None)

    def invoices(self, *, offset: int = 0, **filters: str) -> Page:
        """None: a payment is known by its callback and read by its number."""
        return Page(records=())

    def invoices_by_id(self, ids: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
        """None, as `invoices` says."""
        return ()

    def one(self, service: str, listed: str, filters: Mapping[str, Any], key: str, id: str) -> Mapping[str, Any]:
        """The record of one customer, as the re-reads ask for it. Raises NotFound, Retryable."""
        record = self.portal_json(f"customers/{id}", named=True) if service == "customer.get" and id.isdecimal() else None
        if record is None:
            raise NotFound(provider=self.source, call=service)
        if not isinstance(record, dict) or str(record.get(ID)) != id:
            raise Retryable(provider=self.source, call=service, kind="wrong_object")
        return record

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
        if not isinstance(request, service.request) or not isinstance(request, PaymentRequest | PortalRequest):
            raise TypeError(f"{service.name} takes a {service.request.__name__}")
        told = {"provider": self.source, "call": service.name}
        if isinstance(request, PaymentRequest):
            ask = wire.payment_ask(
                self.base_url, self.merchant, self.key, service.name, request.data(), test=self.test, provider=self.source
            )
            answer = self.transport.send(ask, before_write=before_write, started=started)
            said = wire.payment_data(answer, told | {"status": answer.status})
        else:
            said = self._written(service.name, request, before_write, started)
        return _promised(service, request, said, told)

    def _written(self, name: str, request: PortalRequest, before_write: Callable[[], None] | None, started: float | None) -> Any:
        login = self._login()
        token, fresh = login.token(self.transport, self.source)
        ask = self._portal_ask(request.path, request.method, request.content(), token, name)
        answer = self.transport.send(ask, before_write=before_write, started=started)
        if answer.status == 401:
            login.forget(token)
            if not fresh:
                raise Retryable(provider=self.source, call=name, status=401, kind="token")
        return wire.portal_reply(answer, {"provider": self.source, "call": name, "status": answer.status})

    def _portal_ask(self, path: str, method: str, content: Any, token: str, service: str) -> Any:
        return wire.portal_ask(f"{self.portal_url}{path}", method, content, token, provider=self.source, service=service)

    def _login(self) -> wire.Login:
        if self.login is None:
            raise Rejected(provider=self.source, call="login", kind="no_portal_login")
        return self.login


def _told(cause: OutcomeUnknown | Rejected) -> dict[str, Any]:
    return dict(cause.context)


def _promised(service: Service, request: Any, said: Any, told: dict[str, Any]) -> BaseModel:
    """The reply where it says what is promised, of what was asked. Raises OutcomeUnknown."""
    try:
        reply = service.reply.model_validate(said)
    except ValidationError:
        raise OutcomeUnknown(kind="reply_incomplete", **told) from None
    if not request.confirmed(reply):
        raise OutcomeUnknown(kind="wrong_reply", **told)
    return reply
