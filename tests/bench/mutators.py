"""One sample, spoilt: bytes flipped and cut, fields dropped, doubled and retyped, deep nests, huge numbers, texts nothing can keep.

Owns the ways of spoiling, each a function of a chance and bytes. Used by tests/bench/mutations.py; the same chance spoils alike.
"""

import json
import random
from collections.abc import Callable
from typing import Any

Chance = random.Random
Mutator = Callable[[Chance, bytes], bytes]
# JSON texts that are put where a value was.
ODD = (
    "null", "true", "false", "0", "-0", "-1", "1.5", "1e5", "1e99", "1e999", "-1E-999", "9" * 40, "9" * 120, "9" * 5000, "0.1" + "0" * 400,
    "1" + "0" * 308 + ".5", "18446744073709551616", "NaN", "Infinity", "-Infinity", "'x'", "undefined", "<a/>",
    '""', '" "', '"0"', '"-1"', '"1,50"', '"1.234,50"', '"NaN"', '"Infinity"', '"1e99"', '"1e999"', '"٣"', '"²"', '"１２"',
    '"\\ud800"', '"\\udc00x"', '"a\\u0000b"', '"\\u202e"', '"' + "x" * 300 + '"', '"' + "9" * 30 + '"',
    '"0000-00-00"', '"9999-12-31 23:59:59"', '"0001-01-01 00:00:00"', '"2026-02-30"', '"2026-10-25 02:30:00"',
    '"9999-12-31T23:59:59-14:00"', '"0001-01-01T00:00:00+14:00"',
    "[]", "{}", "[null]", "[[]]", "[{}]", '{"a":1,"a":2}', '{"":""}', '{"data":{"0":[]}}', '["a","b"]', "[1,2,3]",
    "[" * 60 + "]" * 60, "[" * 3000 + "]" * 3000, '{"a":' * 1200 + "1" + "}" * 1200,
)  # fmt: skip
SIZE_MAX = 1024 * 1024
_PLACE = "\ue000{}\ue001"


def flipped(chance: Chance, body: bytes) -> bytes:
    """A few bits another way."""
    changed = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncated(chance: Chance, body: bytes) -> bytes:
    return body[: chance.randrange(len(body))]


def cut(chance: Chance, body: bytes) -> bytes:
    """A piece is missing."""
    start = chance.randrange(len(body))
    return body[:start] + body[start + chance.randint(1, 40) :]


def doubled(chance: Chance, body: bytes) -> bytes:
    """A piece is there twice."""
    start = chance.randrange(len(body))
    end = start + chance.randint(1, 60)
    return body[:end] + body[start:]


def put_in(chance: Chance, body: bytes) -> bytes:
    """Something is between that does not belong there."""
    odd = (
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\xef\xbb\xbf",
        b"\\u0000",
        b"\\ud800",
        b"&x;",
        b"<![CDATA[",
        b"%00",
        b"\r\n",
        b'"',
        b"{" * 50,
    )
    place = chance.randrange(len(body) + 1)
    return body[:place] + chance.choice(odd) + body[place:]


def recoded(chance: Chance, body: bytes) -> bytes:
    """The same text in another encoding."""
    coding = chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7", "cp037"))
    return body.decode("utf-8", "replace").encode(coding, "replace")


def retyped(chance: Chance, body: bytes) -> bytes:
    """One to three values are something else."""
    return _in_json(chance, body, lambda holder, key, odd: holder.__setitem__(key, odd(chance.choice(ODD))))


def dropped(chance: Chance, body: bytes) -> bytes:
    """One to three members are missing."""
    return _in_json(chance, body, lambda holder, key, odd: holder.pop(key))


def renamed(chance: Chance, body: bytes) -> bytes:
    """A member has its name in the other case, or another's name."""

    def act(holder: Any, key: Any, odd: Any) -> None:
        if isinstance(holder, dict):
            holder[chance.choice((key.swapcase(), key + "S", "id", "type", "", "x\udc80"))] = holder[key]

    return _in_json(chance, body, act)


def repeated(chance: Chance, body: bytes) -> bytes:
    """A member is there twice, or a list is long."""

    def act(holder: Any, key: Any, odd: Any) -> None:
        if isinstance(holder, dict):
            holder[key] = odd(f"{json.dumps(holder[key])},{json.dumps(key)}:{chance.choice(ODD)}")
        else:
            holder.extend([holder[key]] * 30)

    return _in_json(chance, body, act)


def wrapped(chance: Chance, body: bytes) -> bytes:
    """A value is inside another one."""
    return _in_json(chance, body, lambda holder, key, odd: holder.__setitem__(key, chance.choice(([holder[key]], {"a": holder[key]}))))


ON_BYTES: tuple[Mutator, ...] = (flipped, truncated, cut, doubled, put_in, recoded)
ON_JSON: tuple[Mutator, ...] = (retyped, retyped, retyped, dropped, renamed, repeated, wrapped)


def spoilt(chance: Chance, body: bytes) -> tuple[str, bytes]:
    """(how, the spoilt body). JSON is mostly spoilt by its members, everything else by its bytes; sometimes twice."""
    mutators = ON_JSON * 2 + ON_BYTES if body.lstrip()[:1] in (b"{", b"[") else ON_BYTES
    chosen = [chance.choice(mutators) for _ in range(2 if chance.random() < 0.2 else 1)]
    for mutate in chosen:
        body = mutate(chance, body or b" ")[:SIZE_MAX]
    return "+".join(mutate.__name__ for mutate in chosen), body


def _in_json(chance: Chance, body: bytes, act: Callable[[Any, Any, Callable[[str], str]], None]) -> bytes:
    """`act` on one to three members of a JSON document; bytes that are none stay as they are. Raw JSON stands where `odd` was put."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return body
    raw: dict[str, str] = {}

    def odd(text: str) -> str:
        name = _PLACE.format(len(raw))
        raw[name] = text
        return name

    for _ in range(chance.randint(1, 3)):
        if places := list(_places(document)):
            act(*chance.choice(places), odd)
    text = json.dumps(document, ensure_ascii=False)
    for name, said in raw.items():
        text = text.replace(f'"{name}"', said)
    return text.encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    """Every (holder, key) below `value`."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])
