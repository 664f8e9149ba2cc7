"""What AutoDNS is asked: each answer typed, each id compared, and nothing secret kept."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from receiver.errors import Retryable
from receiver.money import Money
from tests.receiver.sources.autodns_samples import recorded
from tests.workers.providers.autodns_said import CUSTOMER, Said, client, data, sample
from workers.errors import NotFound, WorkflowInvalid
from workers.providers import autodns, monsum
from workers.providers.autodns_docs import AccountDoc, AutodnsCustomerDoc, AutodnsInvoiceDoc, InvoicesDoc, MessageDoc
from workers.providers.autodns_reads import InvoiceFilter
from workers.providers.service import Query

INVOICES: list[dict[str, Any]] = json.loads(recorded("invoice_list_response.json"))["data"]
ACCOUNT: dict[str, Any] = json.loads(recorded("account_info_response.json"))["data"][0]


def eur(text: str) -> Money:
    return Money(Decimal(text), "EUR")


@pytest.mark.parametrize(
    ("offset", "count", "summary", "further"),
    [
        (0, 50, 120, 50),
        (100, 20, 120, None),
        (0, 100, None, 100),
        (0, 100, 0, 100),
        (0, 50, None, None),
        (50, 0, 120, None),
        (0, 1, "9", None),
    ],
)
def test_the_next_page_of_invoices_begins_behind_what_came_as_long_as_more_are_counted(
    offset: int, count: int, summary: Any, further: int | None
) -> None:
    rows = [{"id": number + 1, "created": "2026-11-20T10:00:00.000+0100"} for number in range(count)]

    page = client(Said(data(*rows, object={"summary": summary}))).invoices(offset=offset, year="2026", month="11")

    assert (len(page.records), page.next_offset) == (count, further)


def test_a_customer_is_read_as_it_counts() -> None:
    doc = client(Said(sample("customer_info_pending_response.json"))).query(autodns.customer, "ix/1234567")

    assert (doc.id, doc.pending, doc.email, doc.organization) == ("ix/1234567", True, "erika@example.com", "Beispiel GmbH")
    assert doc.invoice_recipients == ("erika@example.com",)
    assert doc.known["emails"] == ["neu@example.com"] and doc.known["organization"] == "Beispiel Neu GmbH"
    assert AutodnsCustomerDoc.model_validate(doc.model_dump(mode="json")) == doc


def test_invoices_go_to_the_billing_addresses_before_the_others() -> None:
    doc = client(Said(sample("customer_info_response.json"))).query(autodns.customer, "ix/1234567")

    assert doc.invoice_recipients == ("billing@example.com",)


def test_no_secret_of_a_customer_is_kept_or_shown() -> None:
    record = CUSTOMER | {"card": {"number": "4111"}, "sepa": {"iban": "DE02"}, "persistent": CUSTOMER | {"pin": "0815"}}
    doc = client(Said(data(record))).query(autodns.customer, "ix/1234567")

    assert not [secret for secret in ("4711", "4111", "DE02", "0815") if secret in doc.model_dump_json()]
    assert "erika@example.com" not in repr(doc)


@pytest.mark.parametrize("query, id", [(autodns.customer, "ix/8"), (autodns.customer, "de/1234567"), (autodns.invoice, "9002")])
def test_another_object_than_the_asked_one_is_not_believed(query: Query[Any], id: str) -> None:
    with pytest.raises(Retryable, match="wrong_object"):
        client(Said(data(CUSTOMER if query is autodns.customer else INVOICES[0]))).query(query, id)


@pytest.mark.parametrize(
    "query, id", [(autodns.customer, "7"), (autodns.customer, "ix/07"), (autodns.customer, "ix/7/8"), (autodns.customer, "a b/7"),
                  (autodns.invoice, "x"), (autodns.invoice, "../7")]
)  # fmt: skip
def test_an_id_that_cannot_be_is_not_asked_for(query: Query[Any], id: str) -> None:
    said = Said(data())

    with pytest.raises(NotFound):
        client(said).query(query, id)
    assert not said.asked


def test_an_account_says_what_may_be_spent() -> None:
    doc = client(Said(data(ACCOUNT | {"creditLimit": 20.0}))).query(autodns.account, "ix/1234567")

    assert (doc.balance, doc.running_total, doc.available) == (eur("42.5"), eur("37.5"), eur("57.5"))
    assert (doc.threshold, doc.reserved) == (eur("50"), eur("5"))
    assert AccountDoc.model_validate(doc.model_dump(mode="json")) == doc


def test_an_account_of_another_customer_is_not_the_asked_one() -> None:
    with pytest.raises(NotFound):
        client(Said(data(ACCOUNT))).query(autodns.account, "ix/8")


@pytest.mark.parametrize("name", ["customer", "currency", "currentAccountBalance", "runningTotal"])
def test_an_account_without_what_counts_is_unreadable(name: str) -> None:
    with pytest.raises(Retryable, match="unreadable"):
        client(Said(data({key: value for key, value in ACCOUNT.items() if key != name}))).query(autodns.account, "ix/1234567")


def test_an_invoice_is_received_and_open_paid_or_failed() -> None:
    doc = client(Said(sample("invoice_info_response.json"))).query(autodns.invoice, "9003")

    assert (doc.status, doc.native_status, doc.total, doc.paid_on) == ("paid", "finished", eur("119"), date(2026, 11, 10))
    assert (doc.customer_id, doc.fields["document"]) == ("ix/1234567", "R2026-0003.pdf")
    assert "IX-1234567-1" not in doc.model_dump_json()
    assert AutodnsInvoiceDoc.model_validate(doc.model_dump(mode="json")) == doc


def test_invoices_are_searched_as_the_provider_asks_for_it() -> None:
    said = Said(sample("invoice_list_response.json"))
    wanted = InvoiceFilter(where=(("status", "EQUAL", "SENT"),), limit=4)

    page = client(said).query(autodns.invoices, wanted.text)

    asked = json.loads(said.asked[0].body)
    sample_filter = json.loads(recorded("invoice_search_request.json"))["filters"][0]
    assert asked["filters"] == [sample_filter | {"link": "AND"}]
    assert (asked["view"], asked["orders"]) == ({"limit": 4, "offset": 0}, [{"key": "number", "type": "ASC"}])
    assert ([doc.status for doc in page.invoices], page.next_offset) == (["open", "open", "paid", "failed"], 4)
    assert InvoicesDoc.model_validate(page.model_dump(mode="json")) == page


@pytest.mark.parametrize(
    "wrong", [InvoiceFilter(where=(("owner", "EQUAL", "x"),)), InvoiceFilter(where=(("status", "IS", "x"),)), InvoiceFilter(order="id")]
)
def test_a_filter_nobody_knows_is_refused_before_it_is_sent(wrong: InvoiceFilter) -> None:
    with pytest.raises(ValueError, match="invoices are"):
        _ = wrong.text


def test_the_next_message_is_looked_at_and_stays() -> None:
    said = Said(sample("poll_job_customer_update_constructed.json"))
    doc = client(said).query(autodns.next_message, "next")

    assert (said.asked[0].method, said.asked[0].url) == ("GET", "https://api.autodns.com/v1/poll")
    assert (doc.message_id, doc.name, doc.order_id, doc.customer_id) == ("70000001", "job.success", "30000001", "ix/1234567")
    assert MessageDoc.model_validate(doc.model_dump(mode="json")) == doc


@pytest.mark.parametrize("empty", [sample("poll_empty_constructed.json"), data(object=None)])
def test_no_message_is_told_as_none(empty: Any) -> None:
    assert client(Said(empty)).query(autodns.next_message, "next").message_id is None


def test_a_query_of_another_provider_is_refused_by_name() -> None:
    with pytest.raises(WorkflowInvalid, match="AutoDNS and has no customer"):
        client(Said(data())).query(monsum.customer, "7")


def test_watched_customers_are_paged_one_by_one_and_one_that_is_gone_ends_nothing() -> None:
    asked = client(Said(sample("envelope_error.json", 404), data(CUSTOMER)), watched=("ix/9", "ix/1234567"))

    first = asked.customers()
    second = asked.customers(1)

    assert (first.records, first.next_offset, second.next_offset) == ((), 1, None)
    assert second.records[0]["CUSTOMER_ID"] == "ix/1234567" and "pin" not in second.records[0]
    assert client(Said(data())).customers().records == ()


def test_invoices_are_paged_from_the_newest_until_the_month_is_over() -> None:
    rows = [INVOICES[0] | {"id": 9000 + n} for n in range(100)]
    asked = client(Said(data(*rows)))

    assert asked.invoices().next_offset == 100
    assert asked.invoices(year="2026", month="11").next_offset == 100
    assert asked.invoices(year="2026", month="12").next_offset is None
    assert asked.invoices().records[0]["INVOICE_ID"] == "9000"
    assert client(Said(data(*rows[:99]))).invoices().next_offset is None


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_outside_the_calendar_is_a_read_that_fails(at: str) -> None:
    with pytest.raises(Retryable) as caught:
        client(Said(data(CUSTOMER | {"created": at}))).query(autodns.customer, "ix/1234567")

    assert caught.value.context["kind"] == "unreadable"
