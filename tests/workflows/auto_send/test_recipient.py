"""Addresses: which can be written to, and which bounced."""

from datetime import UTC, datetime

import pytest

from workers.authoring import CustomerUpdated, EmailBounced, InvoiceDoc
from workflows.auto_send.policy import PLACEHOLDERS
from workflows.auto_send.recipient import address_hash, address_problem, can_be_posted, suppressed_hashes

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def bounced(address: str | None, *, bounce: str = "hard", invoice: str = "77") -> EmailBounced:
    hashed = None if address is None else address_hash(address)
    return EmailBounced(source="shop", at=NOW, invoice_id=invoice, bounce=bounce, address_hash=hashed)


def updated(*fields: str) -> CustomerUpdated:
    return CustomerUpdated(source="shop", at=NOW, customer_id="501", fields=fields)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("max@muster.de", None),
        (" max@muster.de ", None),
        ("max@müster.de", None),
        (None, "no_email"),
        ("   ", "no_email"),
        ("max", "invalid_email"),
        ("max@muster", "invalid_email"),
        ("max muster@muster.de", "invalid_email"),
        ("max@muster.de, moritz@muster.de", "invalid_email"),
        ("Max <max@muster.de>", "invalid_email"),
        ("max@example.com", "placeholder_address"),
        ("max@mail.EXAMPLE.com", "placeholder_address"),
        ("max@shop.invalid", "placeholder_address"),
        ("max@notexample.com", None),
        ("ap@example.org", None),
        ("back@muster.de", "address_bounced"),
        ("BACK@muster.de", "address_bounced"),
    ],
)
def test_an_address_is_used_only_if_mail_can_reach_somebody_there(address: str | None, problem: str | None) -> None:
    assert address_problem(address, placeholders=PLACEHOLDERS, suppressed={address_hash("back@muster.de")}) == problem


def test_a_sandbox_may_allow_what_is_a_placeholder_elsewhere() -> None:
    assert address_problem("max@example.com", placeholders=(), suppressed=()) is None


def test_a_hard_bounce_suppresses_that_address_only() -> None:
    assert suppressed_hashes([bounced("old@muster.de")], {}) == {address_hash("old@muster.de")}


def test_a_soft_bounce_suppresses_nothing() -> None:
    assert suppressed_hashes([bounced("old@muster.de", bounce="soft")], {}) == set()


def test_a_bounce_without_an_address_means_the_one_that_was_written_to() -> None:
    sent_to = {"77": address_hash("old@muster.de")}

    assert suppressed_hashes([bounced(None), bounced(None, invoice="78")], sent_to) == {address_hash("old@muster.de")}


def test_a_changed_address_is_free_of_its_bounces() -> None:
    assert suppressed_hashes([bounced("old@muster.de"), updated("email")], {}) == set()


def test_a_changed_telephone_number_frees_nothing() -> None:
    assert suppressed_hashes([bounced("old@muster.de"), updated("phone")], {}) != set()


@pytest.mark.parametrize("missing", ["organization", "address", "zipcode", "city"])
def test_a_letter_needs_the_whole_address(missing: str) -> None:
    said = {"organization": "Muster GmbH", "address": "Musterstraße 1", "zipcode": "63067", "city": "Offenbach"}

    assert can_be_posted(InvoiceDoc.from_fields("shop", "77", said))
    assert not can_be_posted(InvoiceDoc.from_fields("shop", "77", said | {missing: None}))


def test_a_letter_may_be_addressed_to_a_person() -> None:
    said = {"last_name": "Muster", "address": "Musterstraße 1", "zipcode": "63067", "city": "Offenbach"}

    assert can_be_posted(InvoiceDoc.from_fields("shop", "77", said))
