"""Monsum's notifications and API records: every recorded sample means what the facts about Monsum say."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from receiver import event as e
from receiver.errors import PayloadInvalid
from receiver.money import Money
from receiver.settings import SourceSettings
from receiver.sources import canonical, monsum
from receiver.sources.document import read_object
from receiver.sources.notice import Notice
from tests.receiver.kit import PAYLOADS, payload

SHOP = SourceSettings(name="shop", kind="monsum")


def read(body: bytes | dict[str, Any]) -> Notice:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    identity = monsum.identify(raw, {})
    return monsum.interpret(raw, SHOP, identity.native_type, identity.native_id)


def sample(name: str) -> dict[str, Any]:
    return dict(json.loads(payload(name)))


def api(name: str) -> dict[str, Any]:
    response = read_object((PAYLOADS / f"api_{name}.json").read_bytes())["RESPONSE"]
    return dict(next(iter(response.values()))[0])


SAMPLES = sorted(path for path in PAYLOADS.glob("webhook_*.json") if ".fastbill." not in path.name)
EXPECTED = {
    "customer.created": (("customer", False),), "customer.changed": (("customer", False),), "customer.deleted": (("customer", False),),
    "invoice.created": (("invoice", False), ("customer", True)), "invoice.changed": (("invoice", False), ("customer", True)),
    "invoice.deleted": (("invoice", False), ("customer", True)), "invoice.paid": (),
}  # fmt: skip
EVENTS: dict[str, type[e.Event]] = {
    "payment.failed": e.PaymentFailed, "payment.chargeback": e.PaymentChargeback, "payment.refunded": e.PaymentRefunded,
    "payment.reminded": e.PaymentReminded, "subscription.created": e.SubscriptionCreated, "subscription.changed": e.SubscriptionChanged,
    "subscription.canceled": e.SubscriptionCanceled, "subscription.closed": e.SubscriptionClosed,
    "subscription.reactivate": e.SubscriptionReactivated,
}  # fmt: skip


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_recorded_notification_is_read_for_what_it_is(path: Path) -> None:
    said = json.loads(path.read_bytes())

    notice = read(path.read_bytes())

    assert (notice.native_type, notice.native_id, notice.sequence) == (said["type"], str(said["id"]), said["id"])
    assert notice.family == said["type"].split(".")[0]
    assert notice.known is (said["type"] != "invoice.paid")
    assert (notice.created_at is None) is ("created" not in said)
    assert tuple((one.kind, one.partial) for one in notice.snapshots) == EXPECTED.get(said["type"], (("customer", True),))
    assert [type(one) for one in notice.events] == ([EVENTS[said["type"]]] if said["type"] in EVENTS else [])
    assert all(one.deleted is said["type"].endswith(".deleted") for one in notice.snapshots if not one.partial)
    assert notice.proof == "claimed"


def test_an_outgoing_invoice_says_its_fields_in_canonical_form() -> None:
    notice = read(payload("invoice.created"))

    invoice, customer = notice.snapshots
    assert (invoice.id, customer.id) == ("772330", "805270")
    assert notice.created_at == datetime(2015, 9, 8, 6, 50, 24, tzinfo=UTC)
    expected = {
        "type": "outgoing", "status": "paid", "number": "410000000659", "customer_id": "805270", "subscription_id": "459825",
        "currency": "EUR", "total": "70.21", "sub_total": "59", "vat_total": "11.21", "outstanding": "0", "paid_on": "2015-09-08",
        "is_canceled": False, "invoice_date": "2015-09-08", "due_date": "2015-09-08", "title": None, "shipment": None,
        "cash_discount_percent": "0", "cash_discount_days": 0,
    }  # fmt: skip
    assert {name: invoice.fields[name] for name in expected} == expected
    assert invoice.fields["extra"]["greeting"] == "Sehr geehrter Herr Rene Test,"
    assert "salutation" not in invoice.fields
    assert invoice.fields["items"][0]["unit_price"] == "59"
    assert customer.fields["bank_iban"] == "DE89370400440532013000"
    assert (customer.fields["payment_type"], customer.fields["salutation"], customer.fields["x_attributes"]) == ("2", "mr", {})


def test_a_deleted_draft_keeps_its_credit_line_and_its_disagreeing_sums() -> None:
    invoice = read(payload("invoice.deleted")).snapshots[0]

    assert (invoice.deleted, invoice.fields["type"], invoice.fields["status"]) == (True, "draft", "overdue")
    assert [item.get("type") for item in invoice.fields["items"]] == [None, None, "creditItemManual"]
    assert invoice.fields["items"][2]["complete_net"] == "-12.67"
    assert (invoice.fields["vat_total"], invoice.fields["vat_items"][0]["vat_value"]) == ("47.94", "47.27")


def test_a_push_and_a_read_of_the_same_thing_compare_equal() -> None:
    pushed = {
        "invoice_id": "1", "type": "outgoing", "currency_code": "EUR", "outstanding_amount": 300.27, "due_date": "2016-01-25 00:00:00",
        "is_canceled": False, "quantity": 1, "salutation": "mr", "invoice_title": "", "shipment": "0", "vat_total": 0,
        "items": [{"unit_price": 59, "quantity": 1, "sort_order": "1", "type": "invoiceItem", "article_number": ""}],
    }  # fmt: skip
    polled = {
        "INVOICE_ID": 1, "TYPE": "outgoing", "CURRENCY_CODE": "EUR", "OUTSTANDING_AMOUNT": "300,27", "DUE_DATE": "2016-01-24 23:00:00",
        "IS_CANCELED": "0", "QUANTITY": 1, "SALUTATION": "Herr", "INVOICE_TITLE": None, "SHIPMENTS": [], "VAT_TOTAL": "0.00",
        "ITEMS": {"ITEM": [{"UNIT_PRICE": "59.00000000", "QUANTITY": "1.00", "SORT_ORDER": 1, "ARTICLE_NUMBER": None}]},
    }  # fmt: skip
    strictly = read_object(json.dumps(pushed).encode())

    assert monsum.invoice_fields(strictly) == monsum.invoice_fields(polled)


def test_an_api_record_of_a_customer_is_canonical_and_its_password_is_dropped() -> None:
    fields = monsum.customer_fields(api("customer.get.response"))

    assert "DUMMY" not in json.dumps(fields)
    assert (fields["credit_balance"], fields["tags"], fields["payment_type"]) == ("1", ["tag11", "tag21"], "1")
    assert (fields["mandate_date"], fields["created"], fields["title"]) == ("2015-11-06", "2015-10-23 12:17:01", "Prof.1")
    assert "x_attributes" not in fields
    assert fields["extra"]["birthday"] == "1983-04-27"
    assert monsum.customer_fields(api("customer.get.response.2013"))["ext_uid"] is None
    assert monsum.customer_fields(api("customer.get.response.empty-dates"))["created"] is None


def test_an_api_record_of_an_invoice_has_its_due_date_after_the_zone_shift_and_exact_amounts() -> None:
    fields = monsum.invoice_fields(api("invoice.get.response"))

    assert (fields["due_date"], fields["total"], fields["outstanding"]) == ("2015-11-05", "9.656557379", "0")
    assert (fields["is_canceled"], fields["paid_on"], fields["delivery_date"]) == (True, None, "22.10.2015 - 01.11.2015")
    assert (fields["organization"], fields["country"], fields["payment_type"], fields["shipment"]) == ("Tester 222", "DE", "1", None)
    old = monsum.invoice_fields(api("invoice.get.response.2014"))
    assert (old["paid_on"], old["extra"]["bank_iban"]) == ("2014-07-24", [])
    assert monsum.invoice_fields(api("invoice.get.response.2013"))["payment_type"] == "1"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"x_tenant": "acme"}, {"x_tenant": "acme"}),
        ([], {}),
        ({}, {}),
        ([{"KEY": "a", "VALUE": "b"}], {"a": "b"}),
        ("", None),
        (None, None),
    ],
)
def test_x_attributes_come_as_object_as_list_and_empty_and_are_then_said_or_not(value: object, said: object) -> None:
    assert monsum.customer_fields({"X_ATTRIBUTES": value}).get("x_attributes") == said


@pytest.mark.parametrize(("value", "said"), [(1, "1"), ("1", "1"), ("a-1", "a-1"), (None, None), (False, None), ("", None)])
def test_an_external_id_is_text_or_nothing(value: object, said: object) -> None:
    assert monsum.customer_fields({"customer_ext_uid": value}) == {"ext_uid": said}


def test_text_is_nfc_and_a_balance_nobody_can_read_is_not_said() -> None:
    assert monsum.customer_fields({"CITY": "Mu\u0308nchen", "CREDIT_BALANCE": "n/a", "BANK_IBAN": [], "BANK_BIC": ""}) == {
        "city": "München", "bank_iban": None, "bank_bic": None,
    }  # fmt: skip
    assert monsum.customer_fields({"credit_balance": 0})["credit_balance"] == "0"
    assert monsum.customer_fields({"phone": "", "telephone": "1"})["phone"] == "1"


def test_a_payment_says_whom_which_and_how_much_and_hints_at_its_invoice() -> None:
    notice = read(payload("payment.chargeback.2014"))

    [event] = notice.events
    assert event == e.PaymentChargeback(
        source="shop", at=datetime(2014, 7, 24, 13, 36, 48, tzinfo=UTC), customer_id="697230", invoice_id="506478",
        subscription_id="315458", payment_id="409542", amount=Money(Decimal("20.00"), "EUR"),
    )  # fmt: skip
    assert notice.reread == (("invoice", "506478"),)
    assert read(payload("payment.failed")).events[0].amount == Money(Decimal("4.7005"), "EUR")  # type: ignore[attr-defined]


def test_payment_created_proves_nothing_but_asks_to_look() -> None:
    notice = read(payload("payment.created"))

    assert (notice.events, notice.reread, notice.known) == ((), (("invoice", "447236"),), True)


def test_a_reminder_has_a_level_and_no_invoice() -> None:
    notice = read(payload("payment.reminded"))

    [event] = notice.events
    assert isinstance(event, e.PaymentReminded)
    assert (event.level, event.invoice_id, event.customer_id, notice.reread) == (1, None, "363522", ())


@pytest.mark.parametrize("name", ["subscription.reactivate", "subscription.reactivated"])
def test_both_spellings_of_reactivation_are_one_event(name: str) -> None:
    notice = read({**sample("subscription.reactivate"), "type": name})

    assert notice.native_type == name
    assert notice.events[0] == e.SubscriptionReactivated(
        source="shop", at=datetime(2014, 1, 20, 12, 52, 48, tzinfo=UTC), subscription_id="163480", customer_id="524246"
    )


@pytest.mark.parametrize("name", ["payment.canceled", "invoice.paid", "dispute.opened", "customer.updated"])
def test_a_type_monsum_does_not_document_is_kept_and_says_nothing(name: str) -> None:
    notice = read({**sample("invoice.created"), "type": name})

    assert (notice.known, notice.snapshots, notice.events) == (False, (), ())


def test_local_times_become_utc_and_the_repeated_hour_of_october_is_marked() -> None:
    def at(text: str) -> tuple[datetime | None, bool]:
        return monsum.local_time("created", text, SHOP.tz)

    assert at("2015-07-01 12:00:00") == (datetime(2015, 7, 1, 10, tzinfo=UTC), False)
    assert at("2015-10-25 02:30:00") == (datetime(2015, 10, 25, 0, 30, tzinfo=UTC), True)
    assert at("2015-10-25 03:00:00") == (datetime(2015, 10, 25, 2, tzinfo=UTC), False)
    assert at("2015-03-29 02:30:00")[1] is False
    assert at("0000-00-00 00:00:00") == at("") == (None, False)


def test_ids_may_be_numbers_or_text_and_names_in_either_case() -> None:
    upper = {"ID": "7", "TYPE": "customer.created", "CUSTOMER": {"CUSTOMER_ID": 12, "CITY": "Bonn"}}

    notice = read(upper)

    assert (notice.native_id, notice.sequence, notice.snapshots[0].id, notice.snapshots[0].fields) == ("7", 7, "12", {"city": "Bonn"})
    assert read({**upper, "ID": "a-7"}).sequence is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"invoice": {}}, "invoice.invoice_id"),
        ({"invoice": "none"}, "invoice"),
        ({"invoice": {"invoice_id": "1", "total": "lots"}}, "total"),
        ({"invoice": {"invoice_id": "1", "is_canceled": "maybe"}}, "is_canceled"),
        ({"invoice": {"invoice_id": "1", "due_date": "soon"}}, "due_date"),
        ({"invoice": {"invoice_id": "1", "items": [{"unit_price": "NaN"}]}}, "items.unit_price"),
        ({"customer": {}, "type": "customer.created"}, "customer.customer_id"),
        ({"created": "yesterday"}, "created"),
        ({"created": None, "type": "subscription.created"}, "created"),
        ({"subscription": {}, "type": "subscription.created"}, "subscription.subscription_id"),
        ({"payment": {"total_amount": "lots", "currency": "EUR"}, "type": "payment.failed"}, "payment.total_amount"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_and_not_quoted(change: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        read({**sample("invoice.created"), **change})

    assert caught.value.field == field
    assert "lots" not in str(caught.value)


def poll(kind: str, record: object, read_at: object = "2026-11-21T08:00:00+01:00") -> Notice:
    body = json.dumps({"read_at": read_at, "record": record}).encode()
    return monsum.interpret(body, SHOP, f"poll.{kind}", "772330:3")


def test_a_read_put_into_the_inbox_is_a_snapshot_as_of_its_start() -> None:
    notice = poll("invoice", {"INVOICE_ID": "772330", "TYPE": "outgoing", "TOTAL": 1.5})

    [snapshot] = notice.snapshots
    assert (notice.read_at, notice.family, notice.created_at) == (datetime(2026, 11, 21, 7, tzinfo=UTC), "poll", None)
    assert (snapshot.kind, snapshot.id, snapshot.fields, snapshot.deleted) == (
        "invoice",
        "772330",
        {"type": "outgoing", "total": "1.5"},
        False,
    )


def test_a_read_that_found_nothing_is_a_tombstone() -> None:
    [snapshot] = poll("customer", None).snapshots

    assert (snapshot.kind, snapshot.id, snapshot.deleted, snapshot.partial) == ("customer", "772330", True, False)


@pytest.mark.parametrize(
    ("kind", "record", "read_at"), [("order", {}, "2026-11-21T08:00:00Z"), ("invoice", 3, "2026-11-21"), ("invoice", {}, "soon")]
)
def test_a_read_of_another_shape_is_refused(kind: str, record: object, read_at: str) -> None:
    with pytest.raises(PayloadInvalid):
        poll(kind, record, read_at)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01 00:00:00"])
def test_a_time_no_calendar_holds_in_utc_is_invalid(text: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        monsum.local_time("created", text, SHOP.tz)

    assert caught.value.field == "created"


@pytest.mark.parametrize(("value", "number"), [("-5", -5), (7, 7), ("--5", None), ("-", None), ("²", None), ("", None)])
def test_a_whole_number_is_one_or_not_said(value: object, number: int | None) -> None:
    assert canonical.whole(value) == number


@pytest.mark.parametrize("id", ["4\x0011", "1" * 129, "47\n11"])
def test_an_id_our_tables_cannot_keep_is_invalid(id: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        canonical.key("invoice_id", id)

    assert caught.value.field == "invoice_id"
