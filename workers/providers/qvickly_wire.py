"""Qvickly's two APIs as bytes: how a request is signed or carries its token, and what an answer means.

Owns the envelope of the Payment API, the token of the Portal API, and the outcome of a call: nothing asked, rejected, or unknown. The
Payment API answers 200 whatever happens: an error is `data.code` and `data.message`. It never retries and never decides what is due.
Source: topics Request-payload, Authentication, Creating-hash, HTTP-status-codes, API-Error-codes, login; read 2026-11-21.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from receiver.errors import OutcomeUnknown, Rejected, Retryable
from receiver.sources import php_json
from receiver.sources.qvickly import message_hash
from workers.providers.answers import document
from workers.providers.http import Answer, Ask, Transport
from workers.providers.monsum_client import retry_after

VERSION = "2.5.0"
NO_PAYMENT = "5201"
CREDENTIALS = frozenset({"6501", "9010", "9011", "9013"})
# It went wrong behind the provider, or inside it: whether anything was done is not said.
UNCLEAR = frozenset({"4102", "4103", "5051", "5219", "5260", "5261", "5290", "5291", "5292", "5298", "6034", "8900", "9008"})
_REASON_MAX = 300
Told = dict[str, Any]


def payment_ask(url: str, merchant: str, key: str, function: str, data: Mapping[str, Any], *, test: bool, provider: str) -> Ask:
    """One call of the Payment API; the hash is over the very bytes of `data` that are sent."""
    text = php_json.encode(dict(data))
    credentials = {"id": merchant, "hash": message_hash(key.encode(), text), "version": VERSION, "client": "billhook", "language": "sv"}
    credentials |= {"time": f"{time.time():.4f}", "test": "true" if test else "false"}
    body = f'{{"credentials":{php_json.encode(credentials)},"data":{text},"function":{php_json.encode(function)}}}'
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return Ask(url=url, headers=headers, body=body.encode("ascii"), provider=provider, service=function)


def payment_data(answer: Answer, told: Told) -> Any:
    """`data` of a good answer. Raises Retryable (nothing was asked), Rejected, OutcomeUnknown. The hash of an answer is not looked at."""
    _refuse_early(answer, told)
    if answer.status != 200:
        raise OutcomeUnknown(kind="status", **told)
    envelope = document(answer.body)
    data = envelope.get("data") if isinstance(envelope, dict) else None
    if not isinstance(data, dict | list):
        raise OutcomeUnknown(kind="not_json" if envelope is None else "reply_incomplete", **told)
    if isinstance(data, dict) and "code" in data:
        raise _said_no(data, told)
    return data


def _said_no(data: Told, told: Told) -> Rejected | OutcomeUnknown:
    code = str(data["code"])[:16]
    if code in UNCLEAR or "status" in data:
        return OutcomeUnknown(kind="unclear_error", code=code, **told)
    kind = "credentials" if code in CREDENTIALS else "errors"
    return Rejected(reasons=(f"{code} {data.get('message', '')}"[:_REASON_MAX],), kind=kind, code=code, **told)


def portal_ask(url: str, method: str, content: Any, token: str, *, provider: str, service: str) -> Ask:
    """One call of the Portal API."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "*/*"}
    body = b""
    if content is not None:
        headers["Content-Type"], body = "application/json", json.dumps(content, ensure_ascii=True).encode()
    return Ask(url=url, method=method, headers=headers, body=body, provider=provider, service=service)


def portal_reply(answer: Answer, told: Told) -> Told:
    """The object of a good answer to a write. Raises Retryable, Rejected, OutcomeUnknown: what says no is a 400 in JSON, or a 401."""
    _refuse_early(answer, told)
    said = document(answer.body)
    if answer.status == 400 and isinstance(said, dict):
        raise Rejected(reasons=_words(said), kind="errors", **told)
    if answer.status not in (200, 201):
        raise OutcomeUnknown(kind="status", **told)
    if not isinstance(said, dict):
        raise OutcomeUnknown(kind="not_json" if said is None else "reply_incomplete", **told)
    return said


def _refuse_early(answer: Answer, told: Told) -> None:
    """What proves that nothing was done."""
    if answer.status == 429:
        raise Retryable(retry_after_s=retry_after(answer), kind="rate", **told)
    if answer.status == 401:
        raise Rejected(kind="credentials", **told)


def _words(said: Told) -> tuple[str, ...]:
    named = (said.get(name) for name in ("message", "error", "code"))
    return tuple(str(one)[:_REASON_MAX] for one in named if isinstance(one, str | int))


@dataclass(kw_only=True)
class Login:
    """The Portal API's user and the token it has now. How long one lives is documented nowhere: it is used until it is refused."""

    url: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    _token: str | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def token(self, transport: Transport, provider: str) -> tuple[str, bool]:
        """(the token, whether it was made just now). Raises Retryable, and Rejected where the login is refused."""
        with self._lock:
            if self._token is not None:
                return self._token, False
            self._token = self._made(transport, provider)
            return self._token, True

    def forget(self, token: str) -> None:
        """The token was refused."""
        with self._lock:
            self._token = None if self._token == token else self._token

    def _made(self, transport: Transport, provider: str) -> str:
        body = json.dumps({"username": self.user, "password": self.password}).encode()
        ask = Ask(url=f"{self.url}login", headers={"Content-Type": "application/json"}, body=body, provider=provider, service="login")
        try:
            answer = transport.send(ask)
        except OutcomeUnknown as cause:
            raise Retryable(provider=provider, call="login", kind="login") from cause
        if answer.status in (400, 401, 403):
            raise Rejected(provider=provider, call="login", status=answer.status, kind="credentials")
        said = document(answer.body)
        token = said.get("token") if isinstance(said, dict) else None
        if answer.status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise Retryable(provider=provider, call="login", status=answer.status, kind="login")
        return token
