"""Qvickly's reads: documents with money and dates, filters as the portal takes them, exports without entities."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from receiver.errors import Retryable
from receiver.money import Money
from tests.receiver.sources.callbacks import recorded
from tests.workers.providers.qvickly_said import TOKEN, Said, answer, client, data
from workers.errors import NotFound
from workers.providers import qvickly
from workers.providers.qvickly_client import QvicklyClient
from workers.providers.qvickly_docs import PaymentDoc
from workers.providers.qvickly_export import csv_rows, xml_rows
from workers.providers.qvickly_reads import CustomerFilter, export

INFO = json.loads(recorded("payment_getPaymentinfo_response.json"))["data"]


def payment(**changed: object) -> PaymentDoc:
    said = {**INFO, "PaymentData": {**INFO["PaymentData"], **changed}}
    return client(Said(data(said))).query(qvickly.payment, "1000235")


@pytest.mark.parametrize(
    "read",
    [
        lambda one: one.customers(),
        lambda one: one.callbacks(date(2026, 11, 20), date(2026, 11, 21)),
        lambda one: one.query(qvickly.customer_count, ""),
        lambda one: export(one, "csv"),
    ],
)
def test_a_404_of_a_list_is_asked_again_and_not_taken_for_none(read: Callable[[QvicklyClient], object]) -> None:
    with pytest.raises(Retryable) as caught:
        read(client(Said(TOKEN, answer({}, 404))))

    assert (caught.value.context["kind"], caught.value.context["status"]) == ("status", 404)


def test_a_payment_has_its_status_its_money_and_its_order() -> None:
    doc = payment()

    assert (doc.id, doc.status, doc.order_id, doc.customer_number, doc.payment_on) == (
        "1000235", "created", "P123456718", "12", date(2014, 7, 31),
    )  # fmt: skip
    assert (doc.total, doc.without_tax, doc.rounding) == (
        Money(Decimal("2317.00"), "SEK"), Money(Decimal("1853.25"), "SEK"), Money(Decimal("0.44"), "SEK"),
    )  # fmt: skip
    assert PaymentDoc.model_validate(doc.model_dump(mode="json")) == doc


@pytest.mark.parametrize("said, known", [("PAID", True), ("FactoringWithRegress", True), ("Elsewhere", False)])
def test_a_status_nobody_knows_is_shown_as_such(said: str, known: bool) -> None:
    assert (payment(status=said).status, payment(status=said).known) == (said.lower(), known)


@pytest.mark.parametrize(
    "said, paid",
    [
        ({"status": "Paid"}, None),
        ({"status": "Factoring"}, None),
        ({"status": "Paid", "distributor_status": "Paid"}, None),
        ({"status": "Factoring", "distributor_status": "Paid"}, True),
        ({"status": "Factoring", "distributor_status": "Sent"}, False),
    ],
)
def test_an_invoice_is_paid_by_the_distributors_word_only(said: dict[str, str], paid: bool | None) -> None:
    assert payment(**said).invoice_paid is paid


@pytest.mark.parametrize("broken", [[], {}, {"PaymentData": []}, {"PaymentData": {}}, {**INFO, "Cart": {"Total": {"withtax": "1.5"}}}])
def test_a_payment_that_cannot_be_read_is_asked_for_again(broken: object) -> None:
    with pytest.raises(Retryable):
        client(Said(data(broken))).query(qvickly.payment, "1")


def test_due_payments_have_their_state_and_money_where_the_currency_is_certain() -> None:
    said = answer(recorded("payment_getDuePayments_response.json"))
    wire = Said(said)
    doc = client(wire).query(qvickly.due_payments, "2020-01-01")
    several = client(Said(said), currencies=("SEK", "EUR")).query(qvickly.due_payments, "2020-01-01")

    assert [(row.id, row.state, row.due_on, row.to_pay) for row in doc.payments] == [
        ("4833", "collection", date(2020, 2, 4), Money(Decimal("50.00"), "SEK")),
        ("9864", "due", date(2020, 1, 18), Money(Decimal("2.00"), "SEK")),
    ]
    assert [row.to_pay for row in several.payments] == [None, None]
    assert json.loads(wire.asked[0].body)["data"] == {"dueDate": "2020-01-01"}


def test_no_due_payments_are_an_empty_list_however_it_is_written() -> None:
    for empty in ([], {}):
        assert client(Said(data(empty))).query(qvickly.due_payments, "2020-01-01").payments == ()


def test_customers_by_name_are_the_customers_of_the_portal() -> None:
    doc = client(Said(answer(recorded("payment_getCustomersByName_response.json")))).query(qvickly.customers_by_name, "Plugin")

    assert [(row.id, row.number, row.language) for row in doc.customers] == [("1234567890", "1234567890", "SE")]


def test_a_customer_is_read_and_its_id_compared() -> None:
    doc = client(Said(TOKEN, answer(recorded("portal_customer.json")))).query(qvickly.customer, "1000")

    assert (doc.id, doc.number, doc.country) == ("1000", "Test-Customer", "SE")
    with pytest.raises(Retryable, match="wrong_object"):
        client(Said(TOKEN, answer(recorded("portal_customer.json")))).query(qvickly.customer, "1001")
    with pytest.raises(NotFound):
        client(Said(TOKEN, answer({}, 404))).query(qvickly.customer, "1001")


def test_a_page_tells_where_the_next_one_begins() -> None:
    rows = json.loads(recorded("portal_customers_list.json"))
    full = CustomerFilter(limit=2, start=4).text
    doc, last = (client(Said(TOKEN, answer(rows))).query(qvickly.customers, text) for text in (full, CustomerFilter(limit=3).text))

    assert (len(doc.customers), doc.next_start, last.next_start) == (2, 6, None)


@pytest.mark.parametrize(
    "chosen, text",
    [
        (CustomerFilter(), "limit=100&start=0"),
        (CustomerFilter(search="a b&c"), "filter=search&search=a+b%26c&limit=100&start=0"),
        (CustomerFilter(search_form="x", start=100), "filter=searchInInvoiceForm&searchInInvoiceForm=x&limit=100&start=100"),
        (
            CustomerFilter(search="x", created=(date(2024, 1, 1), date(2024, 12, 31))),
            "filter=search,rangeByDate&search=x&from=2024-01-01&to=2024-12-31&limit=100&start=0",
        ),
        (CustomerFilter(flags=("isCompany",), unless=frozenset({"isCompany"})), "filter=!isCompany&limit=100&start=0"),
        (
            CustomerFilter(any_of=("isCustomerType", ("isPrivate", "isUnknown"))),
            "filter=isCustomerType&isPrivate=1&isUnknown=1&limit=100&start=0",
        ),
    ],
)
def test_a_filter_is_written_as_the_portal_takes_it(chosen: CustomerFilter, text: str) -> None:
    assert chosen.text == text


@pytest.mark.parametrize(
    "wrong",
    [
        CustomerFilter(flags=("isNew",)),
        CustomerFilter(any_of=("isTitle", ("isPrivate",))),
        CustomerFilter(any_of=("isTitle", ())),
        CustomerFilter(unless=frozenset({"search"})),
    ],
)
def test_a_filter_nobody_knows_is_refused(wrong: CustomerFilter) -> None:
    with pytest.raises(ValueError):
        _ = wrong.text


def test_customers_are_counted_with_a_filter_and_without() -> None:
    wire = Said(TOKEN, answer(recorded("portal_customers_count.json")))
    asked = client(wire)

    assert [asked.query(qvickly.customer_count, id).count for id in ("", CustomerFilter(search="x").counted)] == [7, 7]
    assert [ask.url.rpartition("/")[2] for ask in wire.asked[1:]] == ["count", "count?filter=search&search=x"]


def test_an_organisation_is_looked_up_by_its_number() -> None:
    wire = Said(TOKEN, answer(recorded("portal_orgnumber_lookup.json")))

    doc = client(wire).query(qvickly.organisation, "556677-9988")

    assert (doc.company, doc.zip, doc.country) == ("Test AB", "12341", "SE")
    with pytest.raises(ValueError):
        client(wire).query(qvickly.organisation, "../customers")


def test_exports_are_read_as_xml_and_csv_of_all_and_of_some() -> None:
    xml = Said(TOKEN, answer(recorded("portal_customers_export_constructed.xml")))
    table = Said(TOKEN, answer(recorded("portal_customers_export_constructed.csv")))

    rows = client(xml).query(qvickly.customers_xml, "all").rows
    some = client(table).query(qvickly.customers_csv, "1000,1001").rows

    assert [row["name"] for row in rows] == [row["name"] for row in some] == ["Test-Name", "R\u00e4ksm\u00f6rg\u00e5s & Co AB"]
    assert (xml.asked[1].method, xml.asked[1].body) == ("GET", b"")
    assert (table.asked[1].method, table.asked[1].body) == ("POST", b"[1000, 1001]")


def test_an_export_is_given_as_it_came() -> None:
    assert export(client(Said(TOKEN, answer(b"x;y"))), "csv") == b"x;y"


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><c><r><n>&a;</n></r></c>',
        b'<!DOCTYPE x SYSTEM "http://example.com/x.dtd"><c><r><n>1</n></r></c>',
        b'<!DOCTYPE c><c><r><n>1</n></r></c>',
        b"<c><r><n>&unknown;</n></r></c>",
        b"<c><r><n><deep/></n></r></c>",
        b"<c>",
        b"",
    ],
)  # fmt: skip
def test_xml_with_a_dtd_an_entity_or_another_shape_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        xml_rows(content)
    with pytest.raises(Retryable, match="unreadable"):
        client(Said(TOKEN, answer(content))).query(qvickly.customers_xml, "all")


@pytest.mark.parametrize("content", [b"a;b\n1;2;3\n", b"a;b\n1\n", b'a;b\n"1;2\n', b"\xff;x\n"])
def test_a_csv_of_another_shape_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        csv_rows(content)


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_whatever_parts_the_columns_is_seen_in_the_first_line(separator: str) -> None:
    assert csv_rows(f"\ufeffa{separator}b\r\n1{separator}2\r\n".encode()) == ({"a": "1", "b": "2"},)
