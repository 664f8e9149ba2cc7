"""What the mirror of another source supplies for a customer, and when it does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from receiver.db import Database
from workers import control, cursors, mirror
from workers.cursors import Place
from workers.fold import Entry
from workers.links import Link, Linked, is_locked, linked_customer, linked_recipient

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LINK = Link(autodns="autodns", source="domains")
THEIRS = {"billing_emails": ["bills@example.org"], "emails": ["me@example.org"], "paper_bill": False, "locked": False}


def known(database: Database, source: str, id: str, **fields: Any) -> None:
    database.write(lambda c: mirror.write_own(c, source, "customer", id, fields, touches={}, at=NOW))


def read(database: Database, at: datetime = NOW) -> None:
    """The customers of the AutoDNS source were gone through."""
    database.write(lambda c: cursors.end(c, "domains", "customers", Place(began_at=at, at={}), ended_at=at, due_at=at))


def found(database: Database, link: Link = LINK) -> Linked | None:
    with database.read() as connection:
        return linked_customer(connection, "shop", "501", link, NOW)


@pytest.mark.parametrize(
    ("own", "named_by"), [({"x_attributes": {"autodns": " 9/17 "}}, "autodns"), ({"ext_uid": "9/17"}, "CUSTOMER_EXT_UID")]
)
def test_the_field_that_is_named_leads_to_the_address_and_the_way_of_the_other_system(
    own: dict[str, Any], named_by: str, database: Database
) -> None:
    known(database, "shop", "501", **own)
    known(database, "domains", "9/17", **THEIRS)
    read(database)

    assert found(database, Link(autodns=named_by, source="domains")) == Linked(
        source="domains", id="9/17", recipient="bills@example.org", paper_bill=False, locked=False
    )


@pytest.mark.parametrize("own", [{}, {"x_attributes": {"autodns": ""}}, {"ext_uid": "9/17"}, {"x_attributes": {"other": "9/17"}}])
def test_a_customer_who_names_nobody_is_linked_to_nobody(own: dict[str, Any], database: Database) -> None:
    known(database, "shop", "501", **own)
    known(database, "domains", "9/17", **THEIRS)

    assert found(database) is None


def test_unset_the_other_system_is_not_used(database: Database) -> None:
    known(database, "shop", "501", x_attributes={"autodns": "9/17"}, ext_uid="9/17")
    known(database, "domains", "9/17", **THEIRS)
    read(database)

    assert found(database, Link()) is None


@pytest.mark.parametrize(
    ("names", "hours_ago", "problem"),
    [
        ("seventeen", 0, "link_unreadable"),
        ("17", 0, "link_unreadable"),
        ("9/18", 0, "linked_customer_unknown"),
        ("9/17", 25, "linked_customer_stale"),
        ("9/17", None, "linked_customer_stale"),
    ],
)
def test_what_is_unreadable_unknown_or_stale_supplies_no_address_and_says_why(
    names: str, hours_ago: int | None, problem: str, database: Database
) -> None:
    known(database, "shop", "501", x_attributes={"autodns": names})
    known(database, "domains", "9/17", **THEIRS)
    if hours_ago is not None:
        read(database, NOW - timedelta(hours=hours_ago))

    linked = found(database)

    assert linked is not None
    assert (linked.problem, linked.recipient, linked.paper_bill) == (problem, None, None)


def test_a_deleted_customer_there_is_unknown(database: Database) -> None:
    known(database, "shop", "501", x_attributes={"autodns": "9/17"})
    known(database, "domains", "9/17", **THEIRS)
    read(database)
    gone = Entry(delivery_id=1, fields={}, received_at=NOW + timedelta(hours=1), deleted=True)
    database.write(lambda c: mirror.apply(c, mirror.lock(c, "domains", "customer", "9/17"), gone, at=NOW))

    linked = found(database)

    assert linked is not None
    assert (linked.problem, linked.recipient) == ("linked_customer_unknown", None)


def test_without_a_billing_address_the_first_address_counts(database: Database) -> None:
    known(database, "domains", "9/17", **{**THEIRS, "billing_emails": []})

    with database.read() as connection:
        assert linked_recipient(connection, "domains", "9/17") == "me@example.org"


def test_locked_holds_also_where_the_mirror_is_stale_and_unknown_is_not_locked(database: Database) -> None:
    known(database, "shop", "501", x_attributes={"autodns": "9/17"})
    known(database, "domains", "9/17", **{**THEIRS, "locked": True})

    linked = found(database)

    assert linked is not None
    assert (linked.problem, linked.locked) == ("linked_customer_stale", True)
    with database.read() as connection:
        assert (is_locked(connection, "domains", "9/17"), is_locked(connection, "domains", "9/18")) == (True, False)


def test_the_baseline_of_the_other_source_counts_as_a_reading(database: Database) -> None:
    known(database, "shop", "501", x_attributes={"autodns": "9/17"})
    known(database, "domains", "9/17", **THEIRS)
    database.write(lambda c: control.put(c, "baseline:domains", {"at": NOW.isoformat(), "done": True}, at=NOW))

    linked = found(database)

    assert linked is not None
    assert linked.problem is None


@pytest.mark.parametrize("said", [{"autodns": "autodns"}, {"source": "domains"}])
def test_half_a_link_is_refused_with_what_it_takes(said: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="link takes both"):
        Link(**said)  # type: ignore[arg-type]
