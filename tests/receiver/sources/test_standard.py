"""Standard Webhooks: registered types become events, source and time are not the sender's to choose."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from receiver import event as e
from receiver.errors import PayloadInvalid
from receiver.money import Money
from receiver.settings import SourceSettings
from receiver.sources import standard
from receiver.sources.monsum import Identity
from receiver.sources.notice import Notice

MAIL = SourceSettings(name="mail", kind="standard", about="shop")
OWN = SourceSettings(name="own", kind="standard")
BOUNCE = {"type": "email.bounced", "timestamp": "2026-11-21T09:00:00+01:00", "data": {"invoice_id": "4711", "bounce": "soft"}}
AT = datetime(2026, 11, 21, 8, tzinfo=UTC)


def read(message: dict[str, Any], headers: str = "", source: SourceSettings = MAIL) -> Notice:
    return standard.interpret(json.dumps(message).encode(), source, message["type"], "msg_1", headers)


def test_a_registered_type_is_its_event_about_the_configured_source() -> None:
    notice = read({**BOUNCE, "data": {**BOUNCE["data"], "source": "another", "unknown": 1}})  # type: ignore[dict-item]

    assert notice.events == (e.EmailBounced(source="shop", at=AT, invoice_id="4711", bounce="soft"),)
    assert (notice.proof, notice.known, notice.family, notice.created_at) == ("signed", True, "email", AT)


def test_amounts_are_exact() -> None:
    message = {**BOUNCE, "type": "payment.failed", "data": {"amount": {"amount": 4.7005, "currency": "EUR"}}}

    [event] = read(message, source=OWN).events

    assert isinstance(event, e.PaymentFailed)
    assert event.amount == Money(Decimal("4.7005"), "EUR")


def test_the_time_is_the_datas_else_the_messages_else_the_signed_headers() -> None:
    inner = {**BOUNCE, "data": {**BOUNCE["data"], "at": "2026-11-20T00:00:00Z"}}  # type: ignore[dict-item]
    bare = {name: value for name, value in BOUNCE.items() if name != "timestamp"}

    assert read(inner).events[0].at == datetime(2026, 11, 20, tzinfo=UTC)
    assert read(bare, '{"webhook-timestamp":"1795248000"}').events[0].at == AT
    with pytest.raises(PayloadInvalid) as caught:
        read(bare)
    assert caught.value.field == "timestamp"


def test_a_type_nobody_registered_is_kept_as_unknown() -> None:
    notice = read({"type": "email.opened", "data": []})

    assert (notice.known, notice.events, notice.proof) == (False, (), "signed")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"data": None}, "data"),
        ({"data": {}}, "data.invoice_id"),
        ({"data": {"invoice_id": 4711}}, "data.invoice_id"),
        ({"data": {"invoice_id": "1", "at": "2026-11-21T08:00:00"}}, "data.at"),
        ({"timestamp": "2026-11-21T08:00:00"}, "timestamp"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"data": {"invoice_id": "1", "at": "0001-01-01T00:00:00+14:00"}}, "data.at"),
        ({"timestamp": "9999-12-31T23:59:59-14:00"}, "timestamp"),
        ({"data": {"invoice_id": "1\0"}}, "data.invoice_id"),
        ({"data": {"invoice_id": "1" * 129}}, "data.invoice_id"),
        ({"data": {"invoice_id": "1", "customer_id": "2\n"}}, "data.customer_id"),
        ({"type": "payment.failed", "data": {"payment_id": "1" * 129}}, "data.payment_id"),
        ({"type": "payment.failed", "data": {"subscription_id": "\x7f"}}, "data.subscription_id"),
        ({"type": "payment.failed", "data": {"amount": {"amount": "NaN", "currency": "EUR"}}}, "data.amount.amount"),
    ],
)
def test_data_that_does_not_fit_is_refused_naming_the_field(change: dict[str, Any], field: str) -> None:
    message = {**BOUNCE, **change}
    raw = json.dumps(message).encode()

    with pytest.raises(PayloadInvalid) as caught:
        standard.admit(raw, OWN, {"webhook-id": "msg_1"})

    assert caught.value.field == field


def test_identity_is_the_signed_id_and_the_bodys_type() -> None:
    assert standard.identify(b'{"type":"a.b"}', {"webhook-id": "msg_1"}) == Identity("a.b", "msg_1")
    for body, headers in ((b"{}", {"webhook-id": "m"}), (b'{"type":"a"}', {}), (b'{"type":7.5}', {"webhook-id": "m"})):
        with pytest.raises(PayloadInvalid):
            standard.identify(body, headers)


RELEASE = {**BOUNCE, "type": "block.release", "data": {"customer_id": "7", "kind": "dispute"}}
STOP = {**BOUNCE, "type": "send.stopped"}
TICK = {**BOUNCE, "type": "clock.tick", "data": {"workflow": "w"}}
PAID = {**BOUNCE, "type": "invoice.paid", "data": {"invoice_id": "4711"}}


def listing(*types: str) -> SourceSettings:
    return SourceSettings(name="mail", kind="standard", about="shop", types=types)


def look(message: dict[str, Any], source: SourceSettings) -> None:
    standard.admit(json.dumps(message).encode(), source, {"webhook-id": "msg_1"})


@pytest.mark.parametrize(
    ("message", "source"),
    [(RELEASE, OWN), (STOP, OWN), (TICK, OWN), (RELEASE, MAIL), (STOP, MAIL), (PAID, MAIL), (PAID, listing("email.bounced"))],
)
def test_a_source_cannot_say_what_is_not_its_own(message: dict[str, Any], source: SourceSettings) -> None:
    with pytest.raises(PayloadInvalid) as at_the_door:
        look(message, source)
    with pytest.raises(PayloadInvalid) as at_the_router:
        read(message, source=source)

    assert (at_the_door.value.field, at_the_router.value.field) == ("type", "type")


@pytest.mark.parametrize(
    ("message", "source"),
    [(PAID, OWN), (BOUNCE, OWN), (BOUNCE, MAIL), (PAID, listing("invoice.paid")), (RELEASE, listing("block.release"))],
)
def test_a_source_says_what_it_may_by_default_or_what_its_types_list(message: dict[str, Any], source: SourceSettings) -> None:
    look(message, source)

    assert read(message, source=source).known
