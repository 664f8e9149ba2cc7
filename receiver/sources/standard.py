"""Standard Webhooks 1.0: signed messages whose `type` may be one of our own events.

Owns their identity (webhook-id and type) and their meaning. A type in the registry has its `data` validated to the event's fields,
at the door already (400 naming the field); other types are kept as unknown. A source says only what its `types` let it say: what
operators and the clock say is not among them unless it is listed. Pure; source and time of an event are never the sender's
`data.source`, but the configured source (or the one it is `about`) and `data.at`, `timestamp` or the signed header.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from pydantic import ValidationError

from receiver.errors import PayloadInvalid
from receiver.event import Event, event_class, from_data
from receiver.settings import SourceSettings
from receiver.sources.document import read_head, read_inner, read_object, text_of
from receiver.sources.monsum import TYPE_MAX, Identity
from receiver.sources.notice import Notice

# What operators and the clock say; a key that signs messages is no operator, unless billhook.toml lists the type.
_NOT_UNASKED = ("block.", "clock.", "send.")
_OF_A_MAIL_SERVICE = "email."


def identify(body: bytes, headers: Mapping[str, str]) -> Identity:
    """webhook-id and the body's type; `headers` are the kept ones. Raises PayloadInvalid naming the field."""
    return _identity(read_head(body), headers)


def admit(body: bytes, source: SourceSettings, headers: Mapping[str, str]) -> Identity:
    """`identify`, and refuse at the door what could never be routed: data that does not fit its registered type.

    Only what the event takes is decoded here; whether anything is doubled further in is for the router to see.
    """
    head = read_head(body)
    identity = _identity(head, headers)
    cls = event_class(identity.native_type)
    if cls is None:
        return identity
    _require_own(identity.native_type, source)
    data = read_inner(head.get("data"), ("at", *cls.__dataclass_fields__))
    said = text_of(head.get("timestamp"))
    if data is None or ("timestamp" in head and said is None):
        interpret(body, source, identity.native_type, identity.native_id, msgspec.json.encode(dict(headers)).decode())
    else:
        _event(identity.native_type, data, source, _sent_at(said, headers))
    return identity


def _identity(head: Mapping[str, msgspec.Raw], headers: Mapping[str, str]) -> Identity:
    native_type = text_of(head.get("type"))
    if native_type is None or not 0 < len(native_type) <= TYPE_MAX or not native_type.isprintable():
        raise PayloadInvalid(field="type")
    if not headers.get("webhook-id"):
        raise PayloadInvalid(field="webhook-id")
    return Identity(native_type, headers["webhook-id"])


def interpret(body: bytes, source: SourceSettings, native_type: str, native_id: str, headers: str = "") -> Notice:
    """One message as a Notice. `headers` is the delivery's JSON of kept headers. Raises PayloadInvalid naming the field."""
    members = read_object(body)
    family = native_type.partition(".")[0]
    sent_at = _sent_at(members.get("timestamp"), json.loads(headers) if headers else {})
    if event_class(native_type) is None:
        return Notice(native_type=native_type, native_id=native_id, family=family, created_at=sent_at, proof="signed", known=False)
    _require_own(native_type, source)
    event = _event(native_type, members.get("data"), source, sent_at)
    return Notice(native_type=native_type, native_id=native_id, family=family, created_at=event.at, events=(event,), proof="signed")


def _require_own(native_type: str, source: SourceSettings) -> None:
    """Raise PayloadInvalid for a registered type this source may not say."""
    if source.types is not None:
        allowed = native_type in source.types
    elif source.about is not None:
        allowed = native_type.startswith(_OF_A_MAIL_SERVICE)
    else:
        allowed = not native_type.startswith(_NOT_UNASKED)
    if not allowed:
        raise PayloadInvalid(field="type", cause="type_not_allowed")


def _event(native_type: str, data: Any, source: SourceSettings, sent_at: datetime | None) -> Event:
    if not isinstance(data, dict):
        raise PayloadInvalid(field="data")
    said = data.get("at")
    at = sent_at if said is None else _time("data.at", said)
    if at is None:
        raise PayloadInvalid(field="timestamp")
    try:
        return from_data(native_type, {**data, "source": source.concerns, "at": at})
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False, include_url=False)[0]["loc"])
        raise PayloadInvalid(field=f"data.{place}"[:128]) from None


def _sent_at(said: Any, headers: Mapping[str, str]) -> datetime | None:
    """The body's `timestamp`, else the signed header's."""
    if said is not None:
        return _time("timestamp", said)
    seconds = headers.get("webhook-timestamp")
    return datetime.fromtimestamp(int(seconds), UTC) if seconds and seconds.isdecimal() else None


def _time(name: str, said: Any) -> datetime:
    """ISO 8601 with zone, as aware UTC; raises PayloadInvalid for anything else."""
    try:
        found = datetime.fromisoformat(str(said))
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PayloadInvalid(field=name)
