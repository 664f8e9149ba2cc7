"""One JSON document from outside, read strictly.

Owns the two readings every JSON source kind shares. At the door `read_head` costs microseconds: it checks the syntax and the
encoding of the whole body (so NaN, Infinity, bad UTF-8, bad nesting and trailing text are refused), refuses a member of the
outermost object that is there twice, and returns those members undecoded. In the router `read_object` decodes everything and
also refuses what a full decode shows: a member that is there twice deeper down, and numbers of absurd length. A body that passes
the first and fails the second is kept and parked as invalid, so no notice is lost to a sender's slip and none is misread.
"""

import json
from typing import Any, NoReturn

import msgspec

from receiver.errors import PayloadInvalid

DIGITS_MAX = 100
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


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
    try:
        value = _strict.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise PayloadInvalid(field="body", cause="json") from None
    if not isinstance(value, dict):
        raise PayloadInvalid(field="body", cause="json")
    return value


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
