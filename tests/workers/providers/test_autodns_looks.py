"""A lost reply of AutoDNS: what reading back proves, and what it does not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.errors import Retryable
from tests.workers.providers.autodns_said import CUSTOMER, Said, answer, client, data
from workers.providers import autodns_looks as looks
from workers.providers.autodns_requests import ConfirmMessage, CreateCustomer, UpdateCustomer
from workers.providers.service import Asked

ASKED = Asked(called_at=datetime(2026, 11, 20, 9, tzinfo=UTC), request_id="e")
NAMED = {"client": "ix", "number": 1234567}
GONE = answer({}, 404)


@pytest.mark.parametrize(
    "fields, found",
    [
        ({"city": "Regensburg"}, True),
        ({"payment": "pre", "taxable": 1, "emails": ["erika@example.com"]}, True),
        ({"city": "Bonn"}, False),
        ({"city": "Regensburg", "emails": ["neu@example.com"]}, False),
    ],
)
def test_a_change_was_made_where_every_field_reads_as_written(fields: dict[str, Any], found: bool) -> None:
    request = UpdateCustomer.model_validate({"customer_id": "ix/1234567", "fields": fields})

    look = looks.customer_updated(client(Said(data(CUSTOMER))), request, ASKED)

    assert (look.found, look.reference) == (found, "ix/1234567" if found else None)


def test_a_change_that_is_being_checked_was_made() -> None:
    request = UpdateCustomer(client="ix", number="1234567", fields={"emails": ["neu@example.com"]})
    pending = CUSTOMER | {"emails": ["neu@example.com"], "pending": True, "persistent": CUSTOMER}

    assert looks.customer_updated(client(Said(data(pending))), request, ASKED).found is True


@pytest.mark.parametrize(
    "fields, there, found",
    [
        ({**NAMED, "city": "Regensburg"}, data(CUSTOMER), True),
        ({**NAMED, "city": "Bonn"}, data(CUSTOMER), None),
        ({**NAMED, "city": "Bonn"}, GONE, False),
        ({"city": "Bonn"}, data(CUSTOMER), None),
    ],
)
def test_a_customer_was_created_where_it_reads_as_written_and_is_nobody_elses(
    fields: dict[str, Any], there: Any, found: bool | None
) -> None:
    assert looks.customer_created(client(Said(there)), CreateCustomer(fields=fields), ASKED).found is found


@pytest.mark.parametrize("there, found", [(data(), True), (data({"id": 8}), True), (data({"id": 7}), False)])
def test_a_message_is_confirmed_where_another_one_is_next(there: Any, found: bool) -> None:
    assert looks.message_confirmed(client(Said(there)), ConfirmMessage(message_id="7"), ASKED).found is found


def test_a_record_nobody_can_read_proves_nothing() -> None:
    request = UpdateCustomer(client="ix", number="1234567", fields={"city": "Bonn"})

    with pytest.raises(Retryable, match="unreadable"):
        looks.customer_updated(client(Said(data(CUSTOMER | {"payment": "LATER"}))), request, ASKED)
