import json
from decimal import Decimal
from pathlib import Path

import pytest

from receiver.money import Money
from receiver.sources.monsum import customer_fields, invoice_fields
from workers.providers.monsum_docs import CustomerDoc, InvoiceDoc, Reminder, RemindersDoc, doc_version

PAYLOADS = Path(__file__).parents[2] / "payloads" / "monsum"


def record(name: str, listed: str) -> dict:
    return json.loads((PAYLOADS / name).read_bytes(), parse_float=str)["RESPONSE"][listed][0]


@pytest.fixture
def fields() -> dict:
    return invoice_fields(record("api_invoice.get.response.json", "INVOICES"))


def test_an_invoice_survives_the_journals_json_unchanged(fields):
    invoice = InvoiceDoc.from_fields("shop", "2345", fields)

    assert InvoiceDoc.model_validate_json(invoice.model_dump_json()) == invoice


@pytest.mark.parametrize("name", ["", ".2013", ".2014", ".empty-dates"])
def test_a_customer_survives_the_journals_json_unchanged(name):
    fields = customer_fields(record(f"api_customer.get.response{name}.json", "CUSTOMERS"))
    customer = CustomerDoc.from_fields("shop", "1", fields)

    assert CustomerDoc.model_validate_json(customer.model_dump_json()) == customer


def test_german_balances_become_money(fields):
    customer = CustomerDoc.from_fields("shop", "1", customer_fields(record("api_customer.get.response.json", "CUSTOMERS")))

    assert customer.credit_balance == Money(Decimal("1.00"), "EUR")
    assert InvoiceDoc.from_fields("shop", "1", fields).outstanding == Money(Decimal("0.00"), "EUR")


def test_a_representation_shows_no_address_and_no_person():
    customer = CustomerDoc.from_fields("shop", "1", customer_fields(record("api_customer.get.response.json", "CUSTOMERS")))

    assert all(secret not in repr(customer) for secret in ("m.muster", "Testing1", "Spalding", "WBKY"))


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "2"},
        {"invoice_date": "2015-10-23"},
        {"due_date": "2015-12-01"},
        {"total": "10.66"},
        {"address": "Elsewhere 1"},
        {"introtext": "new"},
        {"currency": "SEK"},
        {"items": []},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_version_changes_with_what_is_printed(fields, changed):
    assert doc_version(fields | changed) != doc_version(fields)


@pytest.mark.parametrize("name", ["status", "outstanding", "paid_on", "shipment", "document_url", "is_canceled", "payment_type", "extra"])
def test_the_version_stays_where_nothing_printed_changed(fields, name):
    assert doc_version(fields | {name: "something else"}) == doc_version(fields)


def test_the_version_does_not_depend_on_how_a_value_is_written(fields):
    other = json.loads(json.dumps(fields)) | {"total": "9.66", "city": "Ham" + "burg ", "title": ""}

    assert doc_version(other) == doc_version(fields)


def test_the_version_reads_text_in_one_normal_form(fields):
    assert doc_version(fields | {"city": "Ko\u0308ln"}) == doc_version(fields | {"city": "K\u00f6ln"})


def test_the_version_of_a_line_follows_its_price_and_not_its_trailing_zeros(fields):
    item = fields["items"][0]

    assert doc_version(fields | {"items": [item | {"quantity": "1.000"}]}) == doc_version(fields)
    assert doc_version(fields | {"items": [item | {"unit_price": "8.20"}]}) != doc_version(fields)


def test_the_level_of_reminders_is_the_highest():
    doc = RemindersDoc(source="shop", id="1", reminders=(Reminder(level=1), Reminder(level=3), Reminder(level=2)))

    assert doc.level == 3
    assert RemindersDoc(source="shop", id="1").level == 0


def test_an_amount_of_too_many_digits_makes_an_invoice_unreadable_and_nothing_worse():
    with pytest.raises(ValueError, match="too many digits"):
        InvoiceDoc.from_fields("shop", "1", {"total": "9" * 40})
