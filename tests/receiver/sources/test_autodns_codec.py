"""A BasicCustomer's two spellings: each sample is read, each mistake named, and nothing is lost on the way there and back."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from receiver.errors import PayloadInvalid
from receiver.sources.autodns_codec import customer_of, from_json, from_xml, record_of, to_json, to_xml
from receiver.sources.autodns_customer import BasicCustomer
from tests.receiver.sources.autodns_samples import customers, recorded

BERLIN = ZoneInfo("Europe/Berlin")
SAMPLE: dict[str, Any] = json.loads(recorded("customer_pending.json"), parse_float=str)
XML = recorded("customer_info_pending_response.xml")


@settings(max_examples=25, deadline=None)
@given(customers())
def test_what_is_written_as_json_reads_the_same(customer: BasicCustomer) -> None:
    assert record_of(from_json(to_json(customer))) == record_of(customer)


@settings(max_examples=25, deadline=None)
@given(customers())
def test_what_is_written_as_xml_reads_the_same(customer: BasicCustomer) -> None:
    read = from_xml(to_xml(customer))

    assert record_of(read) == record_of(customer)
    assert from_json(to_json(read)) == read


@pytest.mark.parametrize("name", ["customer.json", "customer_pending.json"])
def test_a_sample_in_json_loses_nothing_by_xml(name: str) -> None:
    customer = from_json(recorded(name))

    assert from_xml(to_xml(customer)) == customer
    said = {name for name, value in json.loads(recorded(name)).items() if value != []}
    assert set(record_of(customer)) == said


@pytest.mark.parametrize("name", ["customer_info_response.xml", "customer_info_pending_response.xml", "customer_info_request.xml"])
def test_a_sample_in_xml_is_read_however_it_is_wrapped(name: str) -> None:
    customer = from_xml(recorded(name), zone=BERLIN)

    assert customer.id == "ix/1234567"
    assert from_xml(to_xml(customer, zone=BERLIN), zone=BERLIN) == customer


def test_the_two_spellings_say_the_same() -> None:
    said = from_xml(XML, zone=BERLIN)

    assert said.country == "DE" and said.taxable is True and said.autodelete is None
    assert (said.billing_emails, said.address_lines) == (("billing@example.com", "cfo@example.com"), ("Musterstraße 1",))
    assert (said.billing_users, said.comments, said.invoice_days) == (("billing",), ("VIP",), "14")
    assert said.updated == datetime(2026, 10, 2, 12, 30, 12, tzinfo=UTC) == from_json(recorded("customer.json")).updated
    assert said.pending and said.persistent is not None and said.persistent.emails == ("erika@example.com",)


def test_the_country_is_read_by_either_name_but_not_by_two() -> None:
    one, other = (XML.replace(b"country", name) for name in (b"country", b"county"))

    assert from_xml(one).country == from_xml(other).country == "DE"
    with pytest.raises(PayloadInvalid) as caught:
        from_xml(XML.replace(b"<country>DE</country>", b"<country>DE</country><county>AT</county>"))
    assert caught.value.field == "country"


@pytest.mark.parametrize("said, meant", [("0", False), ("1", True), ("false", False), ("TRUE", True), (0, False), (1, True)])
def test_a_flag_may_be_a_word_or_a_digit(said: object, meant: bool) -> None:
    assert customer_of(SAMPLE | {"taxable": said}).taxable is meant


@pytest.mark.parametrize("word", ["PRE", "pre", "Pre"])
def test_a_word_is_read_in_any_case_and_written_in_capitals(word: str) -> None:
    assert record_of(customer_of(SAMPLE | {"payment": word}))["payment"] == "PRE"


def test_amounts_are_exact() -> None:
    body = recorded("customer.json").replace(b'"paymentCurrencyExchangeFee": 0.0', b'"paymentCurrencyExchangeFee": 0.30000000000000004')
    customer = from_json(body)

    assert customer.payment_currency_exchange_fee == Decimal("0.30000000000000004")
    assert b"0.30000000000000004" in to_json(customer) and b"0.30000000000000004" in to_xml(customer)


def test_what_is_not_in_the_reference_is_kept() -> None:
    customer = customer_of(SAMPLE | {"priceListEntities": [{"priceList": "A"}], "vat_number": "other"})

    assert json.loads(to_json(customer))["priceListEntities"] == [{"priceList": "A"}]
    read = from_xml(to_xml(customer))
    assert read.vat_number == "DE123456789" and read.model_extra == {"priceListEntities": {"priceList": "A"}}


def test_no_secret_and_nothing_personal_is_in_a_repr() -> None:
    shown = repr(customer_of(SAMPLE | {"card": {"number": "4111"}, "sepa": {"iban": "DE02"}}))

    assert not [said for said in ("4711", "4111", "DE02", "Erika", "erika@example.com", "Musterstra") if said in shown]


# One thing wrong in each, and the field that is named for it.
WRONG: list[tuple[str, object, str]] = [
    ("number", None, "number"), ("number", 0, "number"), ("number", 2**63, "number"), ("number", "12a", "number"),
    ("number", True, "number"), ("client", "", "client"), ("client", "a/b", "client"), ("group", -1, "group"), ("name", "x" * 256, "name"),
    ("name", "a\u0000b", "name"), ("name", 5, "name"), ("type", "ROBOT", "type"), ("gender", "X", "gender"),
    ("payment", "LATER", "payment"),
    ("clearAccount", "YEAR", "clearAccount"), ("taxable", "yes", "taxable"), ("pending", 2, "pending"), ("locked", "", "locked"),
    ("emails", ["a b@c"], "emails.0"), ("billingEmails", ["x@y.de", "none"], "billingEmails.1"), ("contacts", ["x"], "contacts.0"),
    ("paymentCurrencyExchangeFee", "1e999", "paymentCurrencyExchangeFee"), ("discountValid", "soon", "discountValid"),
    ("created", "2026-13-01T00:00:00.000+0100", "created"), ("updated", 5, "updated"), ("account", [], "account"),
    ("account", {"runningTotal": "NaN"}, "account.runningTotal"), ("account", {"customer": {"client": "ix"}}, "account.customer.number"),
    ("verifications", [{"status": "MAYBE"}], "verifications.0.status"), ("card", {"vendor": "XX"}, "card.vendor"),
    ("sepa", {"status": "NEW"}, "sepa.status"), ("owner", {"context": "x"}, "owner.context"),
    ("persistent", {"client": "ix"}, "persistent.number"),
    ("billingUsers", [5], "billingUsers.0"), ("contracts", [{"id": "x"}], "contracts.0.id"), ("addressLines", [["x"]], "addressLines.0"),
]  # fmt: skip


@pytest.mark.parametrize("name, value, field", WRONG, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(WRONG)])
def test_one_thing_wrong_is_refused_with_its_name_and_without_its_value(name: str, value: object, field: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        customer_of(SAMPLE | {name: value})

    assert caught.value.field == field
    assert "x" * 256 not in str(caught.value)


@pytest.mark.parametrize(
    "right, wrong, field",
    [
        (b"<number>1234567</number>", b"", "number"),
        (b"<payment>PRE</payment>", b"<payment>LATER</payment>", "payment"),
        (b"<taxable>1</taxable>", b"<taxable>2</taxable>", "taxable"),
        (b"<email>neu@example.com</email>", b"<email>neu</email>", "emails.0"),
        (b"<created>2021-03-01 09:15:00</created>", b"<created>gestern</created>", "created"),
        (b"<title>Dr.</title>", b"<title>Dr.</title><title>Prof.</title>", "title"),
        (b"<customer>", b"<customer>and words", "customer"),
        (b"<owner>", b"<owner>x", "owner"),
    ],
)
def test_one_element_wrong_is_refused_with_its_name(right: bytes, wrong: bytes, field: str) -> None:
    with pytest.raises(PayloadInvalid) as caught:
        from_xml(XML.replace(right, wrong, 1))

    assert caught.value.field == field


def test_an_answer_without_a_customer_says_so() -> None:
    with pytest.raises(PayloadInvalid) as caught:
        from_xml(recorded("poll_notify_transfer_start.xml"))

    assert caught.value.field == "customer"


def test_a_customer_within_a_customer_a_thousand_times_is_refused() -> None:
    body = b'{"number":1,"client":"ix","persistent":' * 2000 + b"{}" + b"}" * 2000

    with pytest.raises(PayloadInvalid):
        from_json(body)


def test_an_oversized_document_is_refused_before_it_is_read() -> None:
    for read, body in ((from_json, b'{"a":"' + b"x" * 2**20 + b'"}'), (from_xml, b"<a>" + b"x" * 2**20 + b"</a>")):
        with pytest.raises(PayloadInvalid) as caught:
            read(body)
        assert caught.value.cause == "too_large"
