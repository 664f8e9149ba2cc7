"""A notice to a customer who is linked to another system: to the billing address there, where it is known and fresh."""

from datetime import UTC, datetime
from typing import Any

from workers import control, mirror

from .conftest import Office, Open

NOW = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)
POLICY: dict[str, Any] = {"approve_first_notice": False, "link": {"autodns": "autodns", "source": "domains", "fresh_hours": 240}}


def linked(office: Office) -> str:
    """An invoice of a customer who names 9/17, known there; its id."""
    invoice = office.invoice()
    own = {"x_attributes": {"autodns": "9/17"}}
    office.flow.db.write(lambda c: mirror.write_own(c, "shop", "customer", office.customer_of(invoice), own, touches={}, at=NOW))
    theirs(office, "bills@example.org")
    return invoice


def theirs(office: Office, address: str) -> None:
    said = {"billing_emails": [address]}
    office.flow.db.write(lambda c: mirror.write_own(c, "domains", "customer", "9/17", said, touches={}, at=office.flow.clock.now))


def read(office: Office) -> None:
    office.flow.db.write(lambda c: control.put(c, "baseline:domains", {"at": NOW.isoformat(), "done": True}, at=NOW))


def test_a_notice_goes_to_the_billing_address_there(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=POLICY)
    read(office)
    linked(office)

    office.until("2026-03-23")

    assert [mail["to"] for mail in office.mails] == ["bills@example.org"]


def test_where_the_mirror_there_is_stale_it_goes_to_the_own_address_and_people_hear_why(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=POLICY)
    own = office.flow.sandbox.account.customers[office.customer_of(linked(office))]["EMAIL"]

    office.until("2026-03-23")

    assert [mail["to"] for mail in office.mails] == [own]
    assert ("alert", "linked_customer_stale") in office.flow.told


def test_an_address_that_changes_there_after_the_step_was_claimed_stops_the_call(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=POLICY)
    read(office)
    linked(office)
    office.at_point("intended", lambda: theirs(office, "new@example.org"))

    office.until("2026-03-23")

    assert office.mails == []
    assert [(state, reason) for _, _, state, reason in office.flow.effects] == [("cancelled", "recipient_changed")]
