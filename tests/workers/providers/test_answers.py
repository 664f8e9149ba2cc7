"""A provider's answer is read once, into texts that every database keeps."""

import json
from typing import Any

import pytest

from workers.providers.answers import document

LOST = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (rb'{"a": ["\u0000x", {"b\u0000": 1}]}', {"a": [f"{LOST}x", {f"b{LOST}": 1}]}),
        (rb'{"a": "\ud800x\uDFFF"}', {"a": f"{LOST}x{LOST}"}),
        (b'{"a": "\xed\xa0\x80"}', {"a": LOST}),
        (json.dumps({"a": "\x00"}).encode("utf-16"), {"a": LOST}),
    ],
)
def test_what_no_database_keeps_in_a_text_is_replaced(body: bytes, said: Any) -> None:
    assert document(body) == said


@pytest.mark.parametrize("text", ["Müller", "\N{GRINNING FACE}", "a\tb\n", "\\u0000"])
def test_every_other_text_stays_as_it_was_said(text: str) -> None:
    assert document(json.dumps({"a": text}).encode()) == {"a": text}
    assert document(json.dumps({"a": text}, ensure_ascii=False).encode()) == {"a": text}


def test_a_fraction_stays_the_text_it_was() -> None:
    assert document(b'{"a": 9.656557379, "b": 7}') == {"a": "9.656557379", "b": 7}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 200_000])
def test_what_is_no_json_is_nothing(body: bytes) -> None:
    assert document(body) is None
