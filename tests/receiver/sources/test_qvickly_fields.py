"""A Qvickly customer's fields: every one of the reference has a place, and both APIs come out the same."""

import json

from receiver.settings import SourceSettings
from receiver.sources.qvickly import interpret
from receiver.sources.qvickly_fields import CUSTOMER, UNLISTED, WRITTEN, customer_fields
from tests.receiver.sources.callbacks import recorded

CUSTOMER_RECORD = json.loads(recorded("portal_customer.json"))
BY_NAME = json.loads(recorded("payment_getCustomersByName_response.json"))["data"][0]


def test_every_field_of_the_reference_is_mirrored_or_left_with_a_reason() -> None:
    assert [field.native for field in CUSTOMER] == list(CUSTOMER_RECORD)
    assert all(field.mirrored or field.why for field in CUSTOMER)
    assert len({field.mirrored for field in CUSTOMER if field.mirrored}) == sum(1 for field in CUSTOMER if field.mirrored)


def test_what_only_the_other_call_has_is_named() -> None:
    assert set(BY_NAME) <= {field.native for field in (*CUSTOMER, *UNLISTED)}


def test_what_the_provider_sets_is_never_written() -> None:
    assert not WRITTEN & {"mexcParamvaluesetsid", "date", "mexcModulesid", "mm3servicesid"}
    assert len(WRITTEN) == len(CUSTOMER) - 4


def test_empty_is_said_to_be_empty_and_absent_is_not_said() -> None:
    assert customer_fields({"customerid": 5, "countrycode": "se", "state": ""}) == {"number": "5", "country": "SE", "state": None}


def test_a_customer_that_was_read_is_told_with_its_id_and_one_that_is_gone_as_deleted() -> None:
    pay = SourceSettings(name="pay", kind="qvickly")
    read = json.dumps({"read_at": "2026-11-20T09:00:00+00:00", "record": CUSTOMER_RECORD, "baseline": True}).encode()
    gone = json.dumps({"read_at": "2026-11-20T09:00:00+00:00", "record": None}).encode()

    told, lost = (interpret(body, pay, "poll.customer", "1000:0-abc") for body in (read, gone))

    assert (told.snapshots[0].id, told.snapshots[0].fields["number"], told.extra) == ("1000", "Test-Customer", {"baseline": True})
    assert (lost.snapshots[0].id, lost.snapshots[0].deleted) == ("1000", True)
