"""A lost reply of Qvickly: what reading back proves, and what it does not."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from receiver.errors import Retryable
from tests.receiver.sources.callbacks import recorded
from tests.workers.providers.qvickly_said import TOKEN, Said, answer, client, data
from workers.providers import qvickly_looks as looks
from workers.providers.http import Answer
from workers.providers.qvickly_requests import Activate, Cancel, DeleteCustomer, DeleteCustomers, PatchCustomer, WriteCustomer
from workers.providers.service import Asked

ASKED = Asked(called_at=datetime(2026, 11, 20, 9, tzinfo=UTC), request_id="e")
INFO = json.loads(recorded("payment_getPaymentinfo_response.json"))["data"]
CUSTOMER = json.loads(recorded("portal_customer.json"))
GONE = answer({}, 404)


def info(status: str) -> Answer:
    return data({**INFO, "PaymentData": {**INFO["PaymentData"], "status": status}})


@pytest.mark.parametrize(
    "status, activated, cancelled",
    [
        ("Paid", True, False),
        ("Factoring", True, False),
        ("PartPayment", True, False),
        ("Created", False, False),
        ("Pending", False, False),
        ("Cancelled", False, True),
        ("Handling", None, None),
        ("Approved", None, None),
        ("Manual", None, None),
        ("Elsewhere", None, None),
    ],
)
def test_a_status_proves_only_what_its_one_meaning_says(status: str, activated: bool | None, cancelled: bool | None) -> None:
    asked = client(Said(info(status)))

    assert looks.activated(asked, Activate(number="1"), ASKED).found is activated
    assert looks.cancelled(asked, Cancel(number="1"), ASKED).found is cancelled


def test_a_customer_was_created_where_its_own_number_is_found() -> None:
    wanted = WriteCustomer(fields={"customerid": "Test-Customer"})
    found = looks.customer_created(client(Said(TOKEN, answer([CUSTOMER]))), wanted, ASKED)

    assert (found.found, found.reference) == (True, "1000")


def test_a_hit_of_the_search_with_another_number_is_none() -> None:
    wanted = WriteCustomer(fields={"customerid": "Test-Cust"})

    assert looks.customer_created(client(Said(TOKEN, answer([CUSTOMER]))), wanted, ASKED).found is False


def test_a_portal_that_shows_no_customer_at_all_proves_nothing_of_a_new_one() -> None:
    wanted = WriteCustomer(fields={"customerid": "C"})

    assert looks.customer_created(client(Said(TOKEN, answer([]))), wanted, ASKED).found is None
    assert looks.customer_created(client(Said(TOKEN, answer([]), answer([CUSTOMER]))), wanted, ASKED).found is False
    assert looks.customer_created(client(Said(TOKEN, answer([]))), wanted, replace(ASKED, before_call=True)).found is False


def test_without_a_number_of_our_own_nothing_can_be_told() -> None:
    assert looks.customer_created(client(Said(TOKEN)), WriteCustomer(fields={"name": "N"}), ASKED).found is None


def test_a_search_with_too_many_hits_tells_nothing_and_reads_on_until_then() -> None:
    wire = Said(TOKEN, answer([CUSTOMER] * 100))

    assert looks.customer_created(client(wire), WriteCustomer(fields={"customerid": "C"}), ASKED).found is None
    assert len(wire.asked) == 1 + looks.PAGES_MAX
    with pytest.raises(Retryable):
        looks.customer_created(client(Said(TOKEN, answer(b"{}"))), WriteCustomer(fields={"customerid": "C"}), ASKED)


@pytest.mark.parametrize("name, found", [("Test-Name", True), ("Other", False)])
def test_a_patch_is_done_where_every_field_reads_as_written(name: str, found: bool) -> None:
    request = PatchCustomer(customer_id="1000", fields={"name": name, "customerid": "Test-Customer"})

    assert looks.customer_patched(client(Said(TOKEN, answer(CUSTOMER))), request, ASKED).found is found


@pytest.mark.parametrize("there, found", [(GONE, True), (answer(CUSTOMER), False)])
def test_a_deleted_customer_is_gone(there: Answer, found: bool) -> None:
    assert looks.customer_gone(client(Said(TOKEN, there)), DeleteCustomer(customer_id="1000"), ASKED).found is found


def test_of_several_all_or_none_must_be_gone() -> None:
    request = DeleteCustomers(ids=("999", "1000"))

    assert looks.customers_gone(client(Said(TOKEN, GONE)), request, ASKED).found is True
    assert looks.customers_gone(client(Said(TOKEN, GONE, answer(CUSTOMER))), request, ASKED).found is None
