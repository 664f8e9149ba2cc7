"""XML from outside: no DTD, no entity, no file and no memory is to be had by it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.errors import PayloadInvalid
from receiver.sources.autodns_xml import BODY_MAX, DEEPEST, ELEMENTS_MAX, read_xml, write_xml

LAUGHS = b'<!DOCTYPE lolz [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]><customer><name>&j;</name></customer>"  # fmt: skip
ATTACKS = {
    "billion laughs": (LAUGHS, "xml_dtd"),
    "external entity": (b'<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><customer><name>&x;</name></customer>', "xml_dtd"),
    "external dtd": (b'<!DOCTYPE customer SYSTEM "http://127.0.0.1:1/x.dtd"><customer/>', "xml_dtd"),
    "parameter entity": (b'<!DOCTYPE c [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p">%p;]><customer/>', "xml_dtd"),
    "empty dtd": (b"<!DOCTYPE customer><customer/>", "xml_dtd"),
    "undeclared entity": (b"<customer>&nbsp;</customer>", "xml"),
    "oversized": (b"<a>" + b" " * BODY_MAX + b"</a>", "too_large"),
    "too many": (b"<a>" + b"<b/>" * (2 * ELEMENTS_MAX) + b"</a>", "xml_too_many"),
    "too deep": (b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1), "xml_too_deep"),
    "unknown encoding": (b'<?xml version="1.0" encoding="x-none"?><a/>', "xml"),
    "bad utf-8": (b"<a>\xff</a>", "xml"),
    "two roots": (b"<a/><b/>", "xml"),
    "cut off": (b"<a><b>", "xml"),
    "nothing": (b"", "xml"),
    "a namespace": (b'<a xmlns="urn:x"/>', "xml_name"),
}


@pytest.mark.parametrize("body, cause", ATTACKS.values(), ids=list(ATTACKS))
def test_an_attack_is_refused_with_its_reason(body: bytes, cause: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        read_xml(body)

    assert (caught.value.field, caught.value.cause) == ("body", cause)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=80), st.text("<>/&;![]ab \"'=?-", max_size=60).map(str.encode)))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        read_xml(body)
    except PayloadInvalid:
        return


def test_elements_become_text_dicts_and_lists() -> None:
    body = b'<?xml version="1.0"?>\n<a x="1">\n <b>1</b><b> two </b><c><d/></c><e>&lt;&#228;</e>\n</a>'

    assert read_xml(body) == ("a", {"b": ["1", " two "], "c": {"d": None}, "e": "<\u00e4"})


def test_what_is_written_reads_the_same() -> None:
    said = {"b": ["1", "\r\n<&>\u00e4\U0001f600"], "c": {"d": None}}

    assert read_xml(write_xml("a", said)) == ("a", said)
    assert write_xml("a", {"yes": True, "no": False}).endswith(b"<a><yes>1</yes><no>0</no></a>")


@pytest.mark.parametrize("name, value", [("a b", "x"), ("a", {"1": "x"}), ("a", "\x00"), ("a", "\ud800")])
def test_what_xml_cannot_say_is_not_written(name: str, value: object) -> None:
    with pytest.raises(ValueError):
        write_xml(name, value)
