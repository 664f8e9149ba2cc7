"""Which of the top-ups that the provider shows and the books lack are put before a person."""

from datetime import UTC, datetime
from typing import Any

import pytest

from receiver.db import Database
from workers import mirror
from workflows.credits import lost, tables

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TOP_UP: dict[str, Any] = {
    "ext_uid": "billhook-topup-1a1f", "type": "outgoing", "customer_id": "501", "total": "88.1", "outstanding": "88.1", "currency": "EUR",
    "invoice_date": "2026-11-01",
}  # fmt: skip
PAID = {"outstanding": "0", "status": "paid", "paid_on": "2026-11-02"}


def adopted(database: Database, **said: Any) -> list[str]:
    """What is found where the mirror shows one invoice, a top-up with these differences."""
    fields = {**TOP_UP, **said}
    database.write(lambda c: mirror.write_own(c, "shop", "invoice", "9", fields, touches={}, at=NOW))
    return database.write(lambda c: lost.adopt(c, "shop", "501", 14, NOW))


@pytest.mark.parametrize("said", [{}, {**PAID, "invoice_date": "2026-11-06"}, {**PAID, "invoice_date": None}])
def test_one_that_is_unpaid_or_young_stops_the_customer_once(said: dict[str, Any], database: Database) -> None:
    found = adopted(database, **said)

    assert (found, adopted(database, **said)) == (["9"], [])
    with database.read() as connection:
        (order,) = tables.orders_of(connection, "shop")
        (row,) = tables.suspended_customers(connection, "shop")
    assert (order["state"], order["uid"], order["invoice_id"], order["amount"]) == ("failed", "billhook-topup-1a1f", "9", "88.1")
    assert (row["customer_id"], row["suspended"]) == ("501", "not_in_books")


@pytest.mark.parametrize(
    "said",
    [
        {**PAID, "invoice_date": "2026-11-05"},
        {"ext_uid": "my-own-7"},
        {"ext_uid": None, "introtext": "billhook-topup-1a1f"},
        {"type": "draft"},
        {"is_canceled": True},
        {"customer_id": "502"},
    ],
)
def test_any_other_invoice_stops_nobody(said: dict[str, Any], database: Database) -> None:
    assert adopted(database, **said) == []


def test_one_that_the_books_know_stops_nobody(database: Database) -> None:
    known = {"run_id": "1a1f", "amount": "88.10", "currency": "EUR", "opened_at": NOW, "state": tables.GRANTED}
    database.write(lambda c: tables.add_order(c, "shop", "501", "billhook-topup-1a1f", **known))

    assert adopted(database) == []
