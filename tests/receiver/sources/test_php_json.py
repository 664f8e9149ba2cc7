"""JSON text as PHP writes it, to the byte."""

import json
from pathlib import Path

import pytest

from receiver.errors import PayloadInvalid
from receiver.sources.php_json import encode, read

VECTORS = json.loads((Path(__file__).parents[2] / "payloads" / "qvickly" / "hash_vectors.json").read_text())
TEXTS = [vector["hashed_string"] for part in ("documented_vectors", "callback_vectors") for vector in VECTORS[part]]


@pytest.mark.parametrize("text", TEXTS)
def test_what_the_provider_hashed_is_written_again_to_the_byte(text: str) -> None:
    assert encode(read(text, "data")) == text


@pytest.mark.parametrize(
    "sent, written",
    [
        ('{ "b" : 1,\n"a": [ ] }', '{"b":1,"a":[]}'),
        ('"a/b"', '"a\\/b"'),
        ('"\u00c5\u20ac"', '"\\u00c5\\u20ac"'),
        ('"\U0001f600"', '"\\ud83d\\ude00"'),
        ('"\x7f\\u007f"', '"\x7f\x7f"'),
        ('"\\u0001\\b\\f\\n\\r\\t\\"\\\\"', '"\\u0001\\b\\f\\n\\r\\t\\"\\\\"'),
        ("1.50", "1.50"),
        ("1714926964203000000", "1714926964203000000"),
        ("[true,false,null]", "[true,false,null]"),
        ('{"a":{}}', '{"a":[]}'),
        ('{"0":"x","1":"y"}', '["x","y"]'),
        ('{"1":"x"}', '{"1":"x"}'),
    ],
)
def test_every_value_is_written_as_php_does(sent: str, written: str) -> None:
    assert encode(read(sent, "data")) == written


def test_what_we_send_may_hold_numbers_of_our_own() -> None:
    assert encode([5, 1, True]) == "[5,1,true]"


def test_slashes_may_be_left_as_they_are() -> None:
    assert encode("a/b\u00c5", slashes=False) == '"a/b\\u00c5"'


@pytest.mark.parametrize("text", ["", "{", '{"a":1,"a":2}', "NaN", "[" * 100_000, "[" * 40 + "]" * 40, '{"a":1}x'])
def test_what_is_no_document_names_its_field(text: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        read(text, "data")

    assert caught.value.field == "data"
