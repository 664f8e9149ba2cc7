"""AutoDNS's messages: one reading for JSON and XML, and what makes two of them the same."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.errors import PayloadInvalid
from receiver.sources.autodns_message import message_in
from tests.receiver.sources.autodns_samples import PAYLOADS, recorded

UPDATE = json.loads(recorded("poll_job_customer_update_constructed.json"))["data"][0]
XML = recorded("push_job_customer_update_constructed.xml")
NOTICE = recorded("poll_notify_transfer_start.xml")


@pytest.mark.parametrize("name", sorted(path.name for path in PAYLOADS.glob("p*_job_*.*")))
def test_every_sample_of_an_order_is_read(name: str) -> None:
    message = message_in(recorded(name))

    assert message.name in ("job.success", "job.failed") and message.id.isdecimal() and message.at is not None
    assert message.object_type in ("domain", "customer", "certificate")


def test_the_same_message_in_json_and_xml_is_the_same() -> None:
    zone = ZoneInfo("Europe/Berlin")

    assert message_in(XML, zone=zone) == message_in(recorded("poll_job_customer_update_constructed.json"))
    assert message_in(json.dumps(UPDATE).encode()) == message_in(json.dumps({"data": [UPDATE]}).encode())
    assert message_in(XML[XML.index(b"<message>") : XML.index(b"</message>") + 10], zone=zone) == message_in(XML, zone=zone)


def test_a_customers_order_names_the_customer_and_our_own_reference() -> None:
    message = message_in(XML)

    assert (message.customer_id, message.object_id, message.reference, message.action) == ("ix/1234567", "1234567", "wf-0001", "update")
    assert (message.name, message.id, message.poll_id) == ("job.success", "30000001", "70000001")
    assert message.at == datetime(2026, 11, 20, 10, 5, tzinfo=UTC)


def test_a_notice_is_itself_by_its_own_number() -> None:
    message = message_in(NOTICE)

    assert (message.name, message.id, message.word) == ("notify", "1005360835", "transfer")
    assert (message.object_type, message.object_id) == ("domain", "example.com")
    said = {"id": 1005360835, "notify": {"type": "transfer_start"}, "object": {"type": "Domain", "value": "example.com"}}
    by_json = message_in(json.dumps(said).encode())
    assert (by_json.name, by_json.id, by_json.word, by_json.object_id) == ("notify", "1005360835", "transfer_start", "example.com")


def test_a_number_may_be_longer_than_32_bits() -> None:
    assert message_in(json.dumps(UPDATE | {"id": 10**18}).encode()).poll_id == str(10**18)


# One thing wrong in each, and the field that is named.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"id": "x"}, "id"), ({"id": True}, "id"), ({"id": -1}, "id"), ({"job": None}, "job"), ({"notify": {"type": "a"}}, "job"),
    ({"job": UPDATE["job"] | {"id": None}}, "job.id"), ({"job": UPDATE["job"] | {"status": "a b"}}, "job.status"),
    ({"job": UPDATE["job"] | {"status": None}}, "job.status"), ({"job": UPDATE["job"] | {"action": 5}}, "job.action"),
    ({"job": UPDATE["job"] | {"updated": "soon"}}, "job.updated"),
    ({"job": None, "notify": {"type": "a b"}}, "notify.type"), ({"job": None, "notify": {}}, "notify.type"),
    ({"job": None, "notify": {"type": "a"}, "id": None}, "id"),
]  # fmt: skip


@pytest.mark.parametrize("change, field", WRONG)
def test_one_thing_wrong_is_refused_with_its_name(change: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        message_in(json.dumps({"data": [UPDATE | change]}).encode())

    assert caught.value.field == field


@pytest.mark.parametrize(
    "body, field",
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"{}", "data"),
        (b'{"data":[]}', "data"),
        (b'{"data":[1]}', "message"),
        (json.dumps({"data": [UPDATE, UPDATE]}).encode(), "data"),
        (b"<a/>", "response"),
        (b"<response/>", "message"),
        (XML.replace(b"</message>", b"</message><message><id>1</id></message>"), "message"),
        (XML.replace(b"<id>30000001</id>", b""), "job.id"),
        (b"<!DOCTYPE a><response/>", "body"),
    ],
)
def test_what_is_no_message_says_what_is_missing(body: bytes, field: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        message_in(body)

    assert caught.value.field == field


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_mutated_message_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([XML, NOTICE, json.dumps(UPDATE).encode()])))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    try:
        message = message_in(bytes(body))
    except PayloadInvalid:
        return
    assert len(message.name) <= 128 and len(message.id) <= 256 and message.name.isprintable()
