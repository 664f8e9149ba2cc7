"""One JSON document from outside, read strictly.

Owns the two readings every JSON source kind shares. At the door `read_head` costs microseconds: it checks the syntax and the
encoding of the whole body (so NaN, Infinity, bad UTF-8, bad nesting and trailing text are refused), refuses a member of the
outermost object that is there twice, and returns those members undecoded. In the router `read_object` decodes everything and
also refuses what a full decode shows: a member that is there twice deeper down, and numbers of absurd length. A body that passes
the first and fails the second is kept and parked as invalid, so no notice is lost to a sender's slip and none is misread.
"""

import json
from collections.abc import Collection
from typing import Any, NoReturn

import msgspec

from receiver.errors import PayloadInvalid

DIGITS_MAX = 100
_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_ABSURD = b"0" * (DIGITS_MAX + 1)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value = msgspec.json.Decoder(Any, float_hook=str)


def read_head(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of the outermost object, undecoded. Raises PayloadInvalid; its field is "body" or the doubled member's place."""
    try:
        body.decode()
        members = _members.decode(body)
        if not _has_each_once(members, body):
            packed = msgspec.json.format(body, indent=-1)
            if not _has_each_once(members, packed):
                read_object(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PayloadInvalid(field="body", cause="json") from None
    return members


def _has_each_once(members: dict[str, msgspec.Raw], packed: bytes) -> bool:
    """True where the members account for every byte of a body without blanks: a doubled one would leave bytes over."""
    size = 1
    for name, value in members.items():
        size += len(name) + len(value) + 4
    return size == len(packed)


def read_inner(value: msgspec.Raw | None, names: Collection[str]) -> dict[str, Any] | None:
    """Of an inner object, the members of these names, decoded as `read_object` does; None where only that can tell."""
    try:
        raw = bytes(value or b"")
        members = _members.decode(raw)
        return {n: _value.decode(members[n]) for n in names if n in members} if _has_each_once(members, raw) else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def text_of(value: msgspec.Raw | None) -> str | None:
    """A JSON string's or whole number's text; None for everything else."""
    if value is None:
        return None
    raw = bytes(value)
    if raw.isdigit():
        return raw.decode() if len(raw) <= DIGITS_MAX else None
    if raw[:1] != b'"':
        return None
    if b"\\" not in raw:
        return raw[1:-1].decode()
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.MsgspecError:
        return None


def read_object(body: bytes) -> dict[str, Any]:
    """The whole document. Numbers with a point or exponent are text, exactly as sent; raises PayloadInvalid."""
    quick = _read_quickly(body)
    if quick is not None:
        return quick
    try:
        value = _strict.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise PayloadInvalid(field="body", cause="json") from None
    if not isinstance(value, dict):
        raise PayloadInvalid(field="body", cause="json")
    return value


def _read_quickly(body: bytes) -> dict[str, Any] | None:
    """The document, where it is as long as what it is written back as: nothing was doubled, escaped or odd. None: read it strictly."""
    fractions = 0

    def as_text(number: str) -> str:
        nonlocal fractions
        fractions += 1
        return number

    try:
        value = msgspec.json.Decoder(dict[str, Any], float_hook=as_text).decode(body)
        size = len(msgspec.json.encode(value)) - 2 * fractions  # a number kept as text has gained its quotes
        whole = size == len(body) or size == len(msgspec.json.format(body, indent=-1))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return value if whole and _ABSURD not in body.translate(_AS_ZEROS) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a member is there twice")
    return value


def _whole(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise ValueError("a number is too long")
    return int(text)


def _no_constant(_text: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_strict = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=_whole, parse_constant=_no_constant)
