"""JSON text as PHP's json_encode writes it, for providers that hash what they re-encoded.

Pure. Reads a document with its order and the spelling of its numbers kept, and writes it back: no blanks, "/" escaped, everything
beyond ASCII as \\uXXXX. Source: topic "Creating-hash" of the Qvickly documentation; tests/payloads/qvickly/hash_vectors.json.
"""

import json
import re
from typing import Any, NoReturn

from receiver.errors import PayloadInvalid

_ESCAPED = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
DEEPEST = 32
# Not U+007F: PHP writes it as it is, unlike Python's own encoder.
_SPECIAL = re.compile(r'["\\/\x00-\x1f]|[^\x00-\x7f]')


class Spelled(str):
    """A JSON number as it was written."""

    __slots__ = ()


def read(text: str, field: str) -> Any:
    """The value of a JSON text; numbers are Spelled.

    Raises PayloadInvalid naming `field`, also where a member is there twice or the text is nested deeper than DEEPEST.
    """
    try:
        value = _READER.decode(text)
        _require_shallow(value, DEEPEST)
        return value
    except (ValueError, RecursionError):
        raise PayloadInvalid(field=field, cause="json") from None


def encode(value: Any, *, slashes: bool = True) -> str:
    """`value` as PHP writes it. `slashes`: escape "/", as json_encode does unless it is told not to.

    What PHP decodes as an array counted from 0 it writes as a list, so an empty object becomes [].
    """
    if isinstance(value, Spelled) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    if isinstance(value, str):
        return f'"{_SPECIAL.sub(lambda found: _escape(found[0], slashes), value)}"'
    if isinstance(value, dict) and list(value) != [str(place) for place in range(len(value))]:
        members = (f"{encode(name, slashes=slashes)}:{encode(inner, slashes=slashes)}" for name, inner in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, dict | list):
        inners = value.values() if isinstance(value, dict) else value
        return f"[{','.join(encode(inner, slashes=slashes) for inner in inners)}]"
    return {True: "true", False: "false", None: "null"}[value]


def _escape(char: str, slashes: bool) -> str:
    if char == "/" and not slashes:
        return char
    if char in _ESCAPED:
        return _ESCAPED[char]
    return "".join(f"\\u{unit:04x}" for unit in _units(ord(char)))


def _units(point: int) -> tuple[int, ...]:
    """The UTF-16 units of a code point."""
    if point < 0x10000:
        return (point,)
    return (0xD800 + ((point - 0x10000) >> 10), 0xDC00 + ((point - 0x10000) & 0x3FF))


def _require_shallow(value: Any, left: int) -> None:
    inners = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if left == 0:
        raise ValueError("nested too deep")
    for inner in inners:
        _require_shallow(inner, left - 1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a member is there twice")
    return value


def _no_constant(_text: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_READER = json.JSONDecoder(object_pairs_hook=_once, parse_float=Spelled, parse_int=Spelled, parse_constant=_no_constant)
