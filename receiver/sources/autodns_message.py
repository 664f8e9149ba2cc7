"""AutoDNS's messages, as they are polled and pushed: the result of an order ("job"), or word of something nobody asked for ("notify").

Owns what a message is, in JSON and in XML, bare or inside an answer. Pure. How a push looks is shown nowhere: it is taken to be what a
poll answers. Which message it is, is the order and its status, or the number of a notice: the same by poll and by push.
Source: help pages on polling and push, js-domainrobot-sdk guide page "Poll", read 2026-11-21; tests/payloads/autodns.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from receiver.errors import PayloadInvalid
from receiver.sources.autodns_xml import read_xml
from receiver.sources.document import read_object

JOB_STATUS = frozenset({"running", "success", "failed", "canceled", "support", "deferred", "not_set", "wait"})
ID_MAX = 100
_ID = re.compile(r"[0-9]{1,32}", re.ASCII)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_CLIENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", re.ASCII)
_OF_JOB = frozenset(
    {"id", "status", "substatus", "subtype", "action", "created", "updated", "execution", "events", "sub_status", "sub_type"}
)
_OF_NOTIFY = frozenset({"type", "object"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `name` is "notify", or the order's status such as "job.success"; `id` the order's, or the notice's own.

    `word`: the status, or the notice, such as transfer_start.

    `poll_id`: by which it is confirmed; None where a push does not say one. `at`: the provider's clock, None where it does not say.
    """

    name: str
    id: str
    poll_id: str | None
    word: str
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    customer_id: str | None = None
    reference: str | None = None
    at: datetime | None = None


def message_in(body: bytes, *, zone: tzinfo = UTC) -> Message:
    """The one message of a body. Raises PayloadInvalid naming the field; `zone` is where times without one are."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        name, value = read_xml(body)
        return _message(_in_xml(name, value), zone)
    return _message(_in_json(read_object(body)), zone)


def message_of(record: Mapping[str, Any], *, zone: tzinfo = UTC) -> Message:
    """The message of one record of a poll's `data`. Raises PayloadInvalid."""
    return _message(record, zone)


def _in_json(document: Mapping[str, Any]) -> Any:
    if "job" in document or "notify" in document:
        return document
    data = document.get("data")
    if not isinstance(data, list) or len(data) != 1:
        raise PayloadInvalid(field="data")
    return data[0]


def _in_xml(name: str, value: Any) -> Any:
    steps = {"message": (), "response": ("result", "data", "message")}.get(name)
    if steps is None:
        raise PayloadInvalid(field="response")
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _message(record: Any, zone: tzinfo) -> Message:
    if not isinstance(record, Mapping):
        raise PayloadInvalid(field="message")
    poll_id = _number("id", record.get("id")) if record.get("id") is not None else None
    job, notify = record.get("job"), record.get("notify")
    if isinstance(job, Mapping) == isinstance(notify, Mapping):
        raise PayloadInvalid(field="job")
    return _job(record, job, poll_id, zone) if isinstance(job, Mapping) else _notice(record, notify or {}, poll_id, zone)


def _job(record: Mapping[str, Any], job: Mapping[str, Any], poll_id: str | None, zone: tzinfo) -> Message:
    status = _word("job.status", job.get("status")).lower()
    action = job.get("action")
    at = _instant("job.updated", job.get("updated"), zone) or _instant("job.created", job.get("created"), zone)
    return Message(
        name=f"job.{status}", id=_number("job.id", job.get("id")), poll_id=poll_id, word=status, at=at,
        action=_word("job.action", action).lower() if action is not None else None, reference=_reference(record.get("ctid")),
        **_object(record, job, _OF_JOB),
    )  # fmt: skip


def _notice(record: Mapping[str, Any], notify: Mapping[str, Any], poll_id: str | None, zone: tzinfo) -> Message:
    if poll_id is None:
        raise PayloadInvalid(field="id")
    # In XML a notice may name itself by an element only, such as <transfer> beside the <domain> it is about.
    unnamed = next((name for name in reversed(list(notify)) if name not in ("domain", "customer", *_OF_NOTIFY)), None)
    word = _word("notify.type", notify.get("type") or unnamed).lower()
    at = _instant("created", record.get("created"), zone)
    said = _object(record, notify, frozenset({unnamed}) | {"type"})
    return Message(name="notify", id=poll_id, poll_id=poll_id, word=word, at=at, **said)


def _object(record: Mapping[str, Any], inner: Mapping[str, Any], known: frozenset[Any]) -> dict[str, str | None]:
    """What the message is about: JSON says `object`, XML has an element named for its kind."""
    said = record.get("object") or inner.get("object")
    if isinstance(said, Mapping):
        type_, data = said.get("type"), said.get("data")
        value, data = said.get("value"), data if isinstance(data, Mapping) else {}
    else:
        type_ = next((name for name, one in inner.items() if isinstance(one, Mapping) and name.lower() not in known), None)
        data = inner[type_] if type_ is not None else {}
        value = next((data[name] for name in ("number", "name", "id") if data.get(name) is not None), None)
    kind = str(type_).lower() if isinstance(type_, str) and _WORD.fullmatch(type_) else None
    found: dict[str, str | None] = {"object_type": kind, "object_id": _reference(value)}
    return found | {"customer_id": _customer(data) if kind in ("customer", "basiccustomer") else None}


def _customer(data: Mapping[str, Any]) -> str | None:
    number, client = str(data.get("number")), str(data.get("client"))
    return f"{client}/{number}" if _ID.fullmatch(number) and _CLIENT.fullmatch(client) else None


def _number(field: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or not _ID.fullmatch(str(value)):
        raise PayloadInvalid(field=field)
    return str(value)


def _word(field: str, value: Any) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise PayloadInvalid(field=field)
    return value


def _reference(value: Any) -> str | None:
    """A name that we can keep, None for any other."""
    shown = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return shown if 0 < len(shown) <= ID_MAX and shown.isprintable() else None


def _instant(field: str, value: Any, zone: tzinfo) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value).strip())
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PayloadInvalid(field=field) from None
