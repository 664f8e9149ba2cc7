"""A customer's fields: all of the reference, none of the secrets, and the checked copy while a change is pending."""

import json
import re
from typing import Any

from receiver.sources.autodns_codec import customer_of, from_json, from_xml
from receiver.sources.autodns_fields import CUSTOMER, SECRETS, WRITTEN, customer_fields, valid_of, without_secrets
from tests.receiver.sources.autodns_samples import recorded

PENDING: dict[str, Any] = json.loads(recorded("customer_pending.json"), parse_float=str)
# How often a field occurs, and its type, follow its keywords without a blank.
OCCURS = re.compile(r"(?:0 - 1|0 - n|1 - n|1)\n*(?:integer|string|enum|object|boolean|number|VAT)")


def reference() -> str:
    return recorded("reference_customer.txt").decode().partition("TypeFormatDescription")[2]


def test_every_field_of_the_reference_is_there_and_no_other() -> None:
    flat = re.sub(r"\s+", "", reference())
    ours = [field for field in CUSTOMER if not field.extra]

    assert len(ours) == len(OCCURS.findall(reference())) == 53
    for field in ours:
        keywords = {f"{field.json}{field.xml.rpartition(' or ')[2]}", field.xml, field.ours}
        assert any(re.search(rf"{word}(?:0-1|0-n|1-n|1)", flat) for word in keywords), field


def test_each_field_is_mirrored_or_says_why_not() -> None:
    assert [field.ours for field in CUSTOMER if not field.mirrored and not field.why] == []
    assert {field.ours for field in CUSTOMER if field.why == "a secret"} == set(SECRETS)
    assert len({field.mirrored for field in CUSTOMER if field.mirrored}) == sum(field.mirrored is not None for field in CUSTOMER)


def test_only_what_a_customer_is_asked_for_may_be_written() -> None:
    assert {"emails", "billingEmails", "country", "pcode"} <= WRITTEN
    assert not WRITTEN & {"number", "client", "pin", "card", "sepa", "account", "persistent", "pending", "locked", "created", "updated"}


def test_while_a_change_is_pending_the_checked_data_counts() -> None:
    fields = customer_fields(customer_of(PENDING))

    assert (fields["pending"], fields["organization"]) == (True, "Beispiel GmbH")
    assert (fields["email"], fields["emails"], fields["billing_emails"]) == ("erika@example.com", ["erika@example.com"], [])
    assert fields["vat_id"] == "DE123456789" and fields["last_update"] == "2026-10-02T12:30:12+00:00"


def test_an_address_that_is_not_checked_is_never_the_one_that_counts() -> None:
    one = from_xml(recorded("customer_info_pending_response.xml"))

    assert "neu@example.com" not in str(customer_fields(one)["emails"]) + str(customer_fields(one)["email"])
    assert valid_of(one).billing_emails == ()


def test_once_the_check_is_over_what_was_said_counts() -> None:
    fields = customer_fields(customer_of(PENDING | {"pending": False}))

    assert (fields["email"], fields["organization"]) == ("neu@example.com", "Beispiel Neu GmbH")


def test_both_spellings_are_mirrored_alike() -> None:
    by_json, by_xml = (
        customer_fields(one) for one in (from_json(recorded("customer.json")), from_xml(recorded("customer_info_response.xml")))
    )
    apart = {name for name in by_json.keys() & by_xml.keys() if by_json[name] != by_xml[name]}

    # Their billing users, comments and addresses differ in the samples; times have no zone in XML.
    assert apart == {"billing_users", "comments", "billing_emails", "created", "last_update", "last_confirmed"}


def test_no_secret_is_kept_or_mirrored() -> None:
    record = PENDING | {"card": {"number": "4111"}, "sepa": {"iban": "DE02"}, "persistent": PENDING["persistent"] | {"pin": "0815"}}

    kept = json.dumps(without_secrets(record)) + json.dumps(customer_fields(customer_of(record)))

    assert not [secret for secret in ("4711", "4111", "DE02", "0815") if secret in kept]
