"""The two readings of a JSON document: the cheap one at the door and the whole one in the router."""

import json

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, dictionaries, integers, lists, none, recursive, text

from receiver.errors import PayloadInvalid
from receiver.sources.document import read_head, read_inner, read_object, text_of


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"a"',
        b'{"a":1}{"b":2}',
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b'{"a":"\xc3"}',
        b'{"a":1,"a":1}',
    ],
)
def test_both_readings_refuse_what_is_not_one_json_object_with_each_member_once(body: bytes) -> None:
    for read in (read_head, read_object):
        with pytest.raises(PayloadInvalid):
            read(body)


@pytest.mark.parametrize("body", [b'{"a":{"b":1,"b":2}}', b'{"a":[{"b":1,"b":2}]}', b'{"a":' + b"9" * 101 + b"}"])
def test_only_the_whole_reading_sees_what_is_doubled_or_absurd_further_in(body: bytes) -> None:
    assert set(read_head(body)) == {"a"}
    with pytest.raises(PayloadInvalid):
        read_object(body)


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting_never_ends_in_anything_but_a_refusal(depth: int) -> None:
    body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"

    if depth == 100:
        assert read_object(body) and read_head(body)
    else:
        for read in (read_head, read_object):
            with pytest.raises(PayloadInvalid):
                read(body)


@pytest.mark.parametrize("body", [b'{ "a" : 1 ,\n "\\u00fc": "\\/" }', '{"ü":1,"a":2}'.encode(), b"{}", b' {"a":{"x":[1, 2]}} '])
def test_blanks_escapes_and_umlauts_do_not_look_like_doubled_members(body: bytes) -> None:
    assert set(read_head(body)) == set(read_object(body)) == set(json.loads(body))


def test_numbers_with_a_point_are_text_exactly_as_sent() -> None:
    assert read_object(b'{"a":4.7005,"b":1e400,"c":12,"d":9.656557379}') == {"a": "4.7005", "b": "1e400", "c": 12, "d": "9.656557379"}


def test_only_text_and_whole_numbers_are_names() -> None:
    members = read_head(b'{"a":12,"b":"x\\u00fc","c":1.0,"d":true,"e":-1,"f":null,"g":"plain"}')

    assert [text_of(members.get(name)) for name in "abcdefgh"] == ["12", "xü", None, None, None, None, "plain", None]


@given(recursive(none() | booleans() | integers(-(10**30), 10**30) | text(), lambda inner: lists(inner) | dictionaries(text(), inner)))
def test_the_quick_way_of_the_whole_reading_reads_what_the_strict_way_reads(value: object) -> None:
    for body in (json.dumps({"a": value}), json.dumps({"a": value}, ensure_ascii=False, separators=(",", ":"))):
        assert read_object(body.encode()) == json.loads(body)


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        (b'{"a":1.50,"b":{"c":2.0},"d":"x"}', {"a": "1.50", "b": {"c": "2.0"}}),
        (b'{"d":1}', {}),
        (b'{"a":1,"a":2}', None),
        (b'{"a": 1}', None),
        (b"[1]", None),
    ],
)
def test_inner_members_are_read_alone_where_nothing_is_doubled_or_spaced(inner: bytes, found: dict[str, object] | None) -> None:
    assert read_inner(read_head(b'{"data":%b}' % inner)["data"], ("a", "b")) == found
