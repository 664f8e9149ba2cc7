"""An invoice of a customer who is linked to another system: its billing address and its way, where they are known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workers import control, mirror
from workers.testing.flow import Flow
from workflows.auto_send.workflow import auto_send

from .conftest import FRIDAY_MORNING, POLICY, Shop

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LINK = {"autodns": "autodns", "source": "domains"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Flow(auto_send, policy={**POLICY, "link": LINK}, start=FRIDAY_MORNING) as flow:
        flow.db.write(lambda c: control.put(c, "baseline:domains", {"at": NOW.isoformat(), "done": True}, at=NOW))
        yield Shop(flow)


def theirs(shop: Shop, **said: Any) -> None:
    fields = {"billing_emails": ["bills@example.org"], "paper_bill": False, **said}
    shop.flow.db.write(lambda c: mirror.write_own(c, "domains", "customer", "9/17", fields, touches={}, at=shop.flow.clock.now))


def linked(shop: Shop, to: str = "9/17", **said: str) -> str:
    """A completed invoice of a customer who names `to`; its id."""
    customer = shop.flow.trigger("customer.created", **said)["customer_id"]
    own = {"x_attributes": {"autodns": to}}
    shop.flow.db.write(lambda c: mirror.write_own(c, "shop", "customer", customer, own, touches={}, at=NOW))
    return shop.complete(customer_id=customer)


def recipients(shop: Shop) -> list[str]:
    return [mail["to"] for mail in shop.flow.sandbox.sent if mail["service"] == "invoice.sendbyemail"]


def test_it_goes_to_the_billing_address_there_where_no_own_way_is_mapped(shop: Shop) -> None:
    theirs(shop)
    linked(shop, invoice_delivery_method="")

    shop.until("2026-11-20 12:00")

    assert recipients(shop) == ["bills@example.org"]


def test_a_paper_bill_there_goes_by_post_where_no_own_way_is_mapped(shop: Shop) -> None:
    theirs(shop, paper_bill=True)
    linked(shop, invoice_delivery_method="")

    shop.until("2026-11-20 12:00")

    assert shop.sent == [("sendbypost", "2026-11-20 10:15")]


@pytest.mark.parametrize(
    ("names", "read_at", "reason"),
    [
        ("9/18", NOW, "linked_customer_unknown"),
        ("9/17", NOW - timedelta(days=2), "linked_customer_stale"),
        ("Muster GmbH", NOW, "link_unreadable"),
    ],
)
def test_what_cannot_be_used_there_leaves_the_own_address_and_people_hear_why(
    names: str, read_at: datetime, reason: str, shop: Shop
) -> None:
    theirs(shop)
    shop.flow.db.write(lambda c: control.put(c, "baseline:domains", {"at": read_at.isoformat(), "done": True}, at=NOW))
    linked(shop, names, invoice_delivery_method="mail", email="own@example.org")

    shop.until("2026-11-20 12:00")

    assert recipients(shop) == ["own@example.org"]
    assert ("alert", reason) in shop.flow.told


def test_an_address_that_changes_there_before_the_call_is_the_one_it_goes_to(shop: Shop) -> None:
    theirs(shop)
    linked(shop, invoice_delivery_method="mail")
    left = ["new@example.org"]
    shop.flow.runtime.point = lambda passed: theirs(shop, billing_emails=[left.pop()]) if passed == "intended" and left else None  # type: ignore[assignment]

    shop.until("2026-11-20 12:00")

    assert recipients(shop) == ["new@example.org"]
