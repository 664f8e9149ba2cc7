"""Qvickly's callbacks: read in their three wrappings, verified as PHP hashes them, told as hints.

Owns what a callback is: `credentials` and `data`, as a JSON body, as two JSON texts in a form, or as the same in a query string. Pure;
called by the door (`identify`, `verify_hash`) and the router (`interpret`). A callback says no time, no amount and no currency, and is
tried for three months: it is never refused for its age, and what it says of money counts only once the payment is read back.
Source: topics Callbacks, Callback-URL and Creating-hash of the Qvickly documentation, read 2026-11-21; tests/payloads/qvickly.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from receiver import event as e
from receiver.errors import BodyTooLarge, PayloadInvalid, SignatureWrong
from receiver.settings import SourceSettings
from receiver.sources import php_json
from receiver.sources.document import read_head, read_object, text_of
from receiver.sources.monsum import ID_MAX, TYPE_MAX, Identity
from receiver.sources.notice import UNDATED, Notice, Snapshot
from receiver.sources.qvickly_fields import ID, customer_fields
from receiver.sources.qvickly_words import CALLBACK, word

__all__ = ["identify", "interpret", "is_session_event", "message_hash", "verify_hash"]

FIELDS_MAX = 16
BODY_MAX = 16_384  # those recorded have 400 bytes; writing a megabyte again as PHP does takes seconds, before anything is proved
_HASH = re.compile(r"[0-9a-f]{128}")
_NUMBER = re.compile(r"[0-9]{1,64}", re.ASCII)
_STATUS = re.compile(r"[A-Za-z][A-Za-z_-]{0,63}", re.ASCII)


class Wrapped(NamedTuple):
    """The two parts of a callback as JSON texts; None where one is missing."""

    credentials: str | None
    data: str | None


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback. `raw` is the text of `data` as it came."""

    hash: str
    data: Mapping[str, Any]
    raw: str

    @property
    def number(self) -> str:
        """The payment's number. Raises PayloadInvalid."""
        value = self.data.get("number")
        if not isinstance(value, str) or not _NUMBER.fullmatch(value):
            raise PayloadInvalid(field="data.number")
        return str(value)

    @property
    def status(self) -> str:
        """The status in lower case; whether it is known is for the router to say. Raises PayloadInvalid."""
        value = self.data.get("status")
        if not isinstance(value, str) or not _STATUS.fullmatch(value):
            raise PayloadInvalid(field="data.status")
        return word(value)


def identify(body: bytes, headers: Mapping[str, str]) -> Identity:
    """Status as the type, number and hash as the id; of a session event its type and session. Raises PayloadInvalid naming the field."""
    if is_session_event(body):
        return _session(body)
    callback = _callback(body)
    return Identity(f"payment.{callback.status}", f"{callback.number}:{callback.hash}")


def verify_hash(keys: Sequence[bytes], body: bytes) -> int:
    """The place of the key that signed this callback. Raises SignatureWrong, PayloadInvalid, BodyTooLarge above BODY_MAX.

    Taken is the hash of `data` as PHP writes it again, of the same with "/" as it is (samples in other languages do so), and of the
    text as it came.
    """
    if len(body) > BODY_MAX:
        raise BodyTooLarge(size=len(body))
    parts = _unwrapped(body)
    given = None if parts.credentials is None or parts.data is None else _hash_in(parts.credentials)
    if given is None or parts.data is None:
        raise SignatureWrong(cause="signature_missing")
    data = php_json.read(parts.data, "data")
    messages = (php_json.encode(data), php_json.encode(data, slashes=False), parts.data)
    found = None
    for place, key in enumerate(keys):
        for message in messages:
            if hmac.compare_digest(message_hash(key, message), given) and found is None:
                found = place
    if found is None:
        raise SignatureWrong(cause="signature")
    return found


def message_hash(key: bytes, message: str) -> str:
    """HMAC-SHA512 of a JSON text, lower-case hex."""
    return hmac.new(key, message.encode("utf-8", "surrogatepass"), hashlib.sha512).hexdigest()


def is_session_event(body: bytes) -> bool:
    """Whether this is the other callback, which is not documented and carries no hash: {"eventType", "sessionId"}."""
    if not body.lstrip().startswith(b"{"):
        return False
    members = read_head(body)
    return "eventType" in members and "data" not in members and "credentials" not in members


def interpret(body: bytes, source: SourceSettings, native_type: str, native_id: str, headers: str = "") -> Notice:
    """One delivery of a Qvickly account as a Notice. Raises PayloadInvalid naming the field that is wrong, such as an unknown status."""
    if native_type.startswith("poll."):
        return _polled(body, source, native_type, native_id)
    if is_session_event(body):
        return Notice(native_type=native_type, native_id=native_id, family="session", known=False)
    callback = _callback(body)
    if callback.status not in CALLBACK:
        raise PayloadInvalid(field="data.status", cause="status_unknown")
    event = e.PaymentReported(
        source=source.name, at=UNDATED, payment_id=callback.number, invoice_id=callback.number, status=callback.status,
        order_id=_order(callback.data.get("orderid")),
    )  # fmt: skip
    return Notice(native_type=native_type, native_id=native_id, family="payment", events=(event,), proof="signed")


def _callback(body: bytes) -> Callback:
    parts = _unwrapped(body)
    if parts.data is None:
        raise PayloadInvalid(field="data")
    given = None if parts.credentials is None else _hash_in(parts.credentials)
    if given is None:
        raise PayloadInvalid(field="credentials.hash")
    data = php_json.read(parts.data, "data")
    if not isinstance(data, dict):
        raise PayloadInvalid(field="data")
    return Callback(given, data, parts.data)


def _unwrapped(body: bytes) -> Wrapped:
    """The parts of a JSON body, a form or a query string: what it is shows in its first character."""
    if body.lstrip().startswith(b"{"):
        members = read_head(body)
        texts: dict[str, str] = {name: bytes(members[name]).decode() for name in ("credentials", "data") if name in members}
    else:
        texts = _form(body)
    return Wrapped(texts.get("credentials"), texts.get("data"))


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), strict_parsing=True, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise PayloadInvalid(field="body", cause="form") from None
    texts = dict(pairs)
    if len(texts) != len(pairs):
        raise PayloadInvalid(field="body", cause="form")
    return texts


def _hash_in(credentials: str) -> str | None:
    said = php_json.read(credentials, "credentials")
    given = said.get("hash") if isinstance(said, dict) else None
    low = given.lower() if isinstance(given, str) else ""
    return low if _HASH.fullmatch(low) else None


def _session(body: bytes) -> Identity:
    members = read_head(body)
    native_type, native_id = text_of(members.get("eventType")), text_of(members.get("sessionId"))
    if native_type is None or not 0 < len(native_type) <= TYPE_MAX or not native_type.isprintable() or native_type.startswith("poll."):
        raise PayloadInvalid(field="eventType")
    if native_id is None or not 0 < len(native_id) <= ID_MAX or not native_id.isprintable():
        raise PayloadInvalid(field="sessionId")
    return Identity(native_type, native_id)


def _order(value: Any) -> str | None:
    """The merchant's own reference, None where it is none we can keep."""
    return str(value) if isinstance(value, str) and 0 < len(value) <= e.ID_MAX and value.isprintable() else None


def _polled(body: bytes, source: SourceSettings, native_type: str, native_id: str) -> Notice:
    """A customer or a payment that was read: {"read_at": …, "record": the record or null, "baseline": true where it belongs to it}.

    A payment's record is its `number`, `status` and `orderid`, as a callback would say them.
    """
    members = read_object(body)
    record = members.get("record")
    if native_type not in ("poll.customer", "poll.payment") or not (record is None or isinstance(record, dict)):
        raise PayloadInvalid(field="record")
    try:
        read_at = datetime.fromisoformat(str(members.get("read_at"))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PayloadInvalid(field="read_at") from None
    if native_type == "poll.payment":
        return _read_payment(record or {}, source, native_id, read_at)
    id = str((record or {}).get(ID) or native_id.partition(":")[0])
    snapshot = Snapshot(kind="customer", id=id, fields=customer_fields(record or {}), deleted=record is None)
    extra = {"baseline": True} if members.get("baseline") is True else {}
    return Notice(native_type=native_type, native_id=native_id, family="poll", read_at=read_at, snapshots=(snapshot,), extra=extra)


def _read_payment(record: Mapping[str, Any], source: SourceSettings, native_id: str, read_at: datetime) -> Notice:
    said = Callback("", record, "")
    if said.status not in CALLBACK:
        raise PayloadInvalid(field="record.status", cause="status_unknown")
    event = e.PaymentReported(
        source=source.name, at=read_at, payment_id=said.number, invoice_id=said.number, status=said.status,
        order_id=_order(record.get("orderid")),
    )  # fmt: skip
    return Notice(native_type="poll.payment", native_id=native_id, family="poll", read_at=read_at, events=(event,))
