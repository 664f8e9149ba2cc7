"""AutoDNS's JSON API as bytes: how a call is addressed and proved, and what an answer means.

Owns the envelope {stid, status, object, messages, data} and the outcome of a call: nothing asked, rejected, or unknown. A status code ends
with S (done), E (no) or N (accepted, done later: a message tells). It never retries and never decides what is due.
Source: help pages "JSON API Basics" and "AutoDNS messages", read 2026-11-21; tests/payloads/autodns/envelope_*.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from receiver.errors import OutcomeUnknown, PayloadInvalid, Rejected, Retryable
from receiver.sources.document import read_object
from workers.providers.answers import kept
from workers.providers.http import Answer, Ask, basic_auth
from workers.providers.monsum_client import retry_after

Told = dict[str, Any]
_REASON_MAX = 300
_encoded = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One user of the provider. `context`: 4 is the live system, 1 the demo one; resellers have their own."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    context: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A good answer. `later`: the order was accepted, and a message tells how it ended. `stid` is the provider's name for the call."""

    data: tuple[Any, ...] = field(repr=False)
    object: Mapping[str, Any]
    code: str
    later: bool
    stid: str | None

    @property
    def waiting(self) -> int | None:
        """How many objects there are in all, where the provider says it."""
        count = self.object.get("summary")
        return count if isinstance(count, int) else None


def api_ask(base_url: str, login: Login, method: str, path: str, content: Any, *, provider: str, service: str) -> Ask:
    """One call. A User-Agent, which is mandatory, is on every call of ours."""
    headers = {
        "Authorization": basic_auth(login.user, login.password), "X-Domainrobot-Context": str(login.context), "Accept": "application/json",
    }  # fmt: skip
    body = b""
    if content is not None:
        headers["Content-Type"], body = "application/json", _encoded.encode(content)
    return Ask(url=f"{base_url}/{path}", method=method, headers=headers, body=body, provider=provider, service=service)


def envelope(answer: Answer, told: Told) -> Envelope:
    """A good answer. Raises Retryable (nothing was asked), Rejected (it said no), OutcomeUnknown."""
    if answer.status == 429:
        raise Retryable(retry_after_s=retry_after(answer), kind="rate", **told)
    if answer.status in (401, 403):
        raise Rejected(kind="credentials", **told)
    said = _document(answer.body)
    status = said.get("status") if said is not None else None
    if not isinstance(status, dict) or said is None:
        kind = "status" if not 200 <= answer.status <= 299 else "not_json" if said is None else "reply_incomplete"
        raise OutcomeUnknown(kind=kind, **told)
    kind, code = str(status.get("type")).upper(), str(status.get("code") or status.get("resultCode") or "")[:32]
    if kind == "ERROR" and answer.status < 500:
        raise Rejected(reasons=_reasons(said, status, code), kind="errors", code=code, **told)
    if not 200 <= answer.status <= 299 or kind not in ("SUCCESS", "NOTIFY", "NICCOM_NOTIFY"):
        raise OutcomeUnknown(kind="status" if answer.status > 299 else "unclear", code=code, **told)
    data, named = said.get("data"), said.get("object")
    return Envelope(
        data=tuple(data) if isinstance(data, list) else (),
        object=named if isinstance(named, dict) else {},
        code=code,
        later=kind != "SUCCESS",
        stid=str(said["stid"])[:128] if said.get("stid") else None,
    )


def _document(body: bytes) -> dict[str, Any] | None:
    """An object with fractions as text, its texts as a database keeps them, None where it is none."""
    try:
        said: dict[str, Any] = kept(read_object(body))
        return said
    except PayloadInvalid:
        return None


def _reasons(said: Mapping[str, Any], status: Mapping[str, Any], code: str) -> tuple[str, ...]:
    """The provider's own words: of the answer, and of each message in it."""
    messages = said.get("messages")
    rows = [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    words = [(code, status.get("text")), *((row.get("code"), row.get("text")) for row in rows)]
    return tuple(f"{number or ''} {text or ''}".strip()[:_REASON_MAX] for number, text in words[:20])
