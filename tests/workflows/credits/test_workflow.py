"""Who is topped up and who is not, what the sweep finds, and that a worker may be lost at any instant."""

from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from receiver.db import Database
from workers.authoring import InvoiceCompleted, Read, Run, Slot, effect, monsum, workflow
from workers.testing.flow import Flow
from workflows.credits import books, tables
from workflows.credits.conditions import noticed_invoices
from workflows.credits.shown import shown
from workflows.credits.workflow import credits

from .conftest import DEBIT, Open, Shop


def test_who_never_had_credits_is_not_charged(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("0.00")

    shop.hint(customer, phone="1")
    shop.jump(days=1)

    assert (shop.services, shop.alerts) == ([], [])
    assert set(shop.reasons) == {"never_had_credits"}


def test_who_had_credits_and_used_them_all_up_is_charged_by_the_sweep_alone(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("50.00")
    shop.flow.advance(minutes=16)

    shop.use(customer, "0.00")
    shop.flow.advance(minutes=16)

    assert shop.grants == ["100.00"]


@pytest.mark.parametrize("said, charged", [("off", False), ("auto", True)])
def test_the_attribute_of_a_customer_beats_the_policy(open_shop: Open, said: str, charged: bool) -> None:
    shop = open_shop(enrolled="listed")
    customer = shop.customer("11.90")

    shop.hint(customer, **{"x_attributes.credits": said})

    assert (shop.grants == ["88.10"]) is charged


def test_a_balance_that_is_not_told_is_not_zero(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90", CURRENCY_CODE="USD")

    shop.hint(customer, phone="1")

    assert shop.services == []
    assert shop.reasons[-1] == "currency_differs"


def test_a_balance_that_rose_by_itself_is_a_task_on_the_next_morning_and_usage_is_not(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.hint(customer, phone="1")
    shop.jump(hours=1)
    for left in ("60.00", "50.00"):
        shop.use(customer, left)
        shop.jump(days=1)
    used = shop.tasks

    shop.use(customer, "70.00")
    shop.jump(days=1)

    assert used == []
    assert shop.tasks == ["balance_unexplained"]


def test_a_hint_within_the_cooldown_is_left_alone_and_after_it_is_not(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")
    shop.hint(customer, phone="1")
    shop.use(customer, "11.90")

    shop.flow.clock.pass_(timedelta(minutes=58))
    shop.hint(customer, phone="2")
    early = list(shop.grants), shop.reasons[-1]
    shop.flow.clock.pass_(timedelta(minutes=3))
    shop.hint(customer, phone="3")

    assert early == (["88.10"], "resting")
    assert shop.grants == ["88.10", "88.10"]


def test_a_hint_about_a_suspended_customer_charges_nothing(open_shop: Open) -> None:
    shop = open_shop(decline_backoff=())
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("decline", "invoice.capture")
    shop.hint(customer, phone="1")

    shop.hint(customer, phone="2")

    assert shop.services.count("invoice.create") == 1
    assert "suspended:declined" in shop.reasons


def test_who_has_an_unpaid_invoice_under_formal_notice_is_not_charged_until_it_is_paid() -> None:
    with Flow(credits, noticed) as flow:
        shop = Shop(flow)
        customer = shop.customer("11.90")
        owed = flow.trigger("invoice.completed", customer_id=customer)["invoice_id"]

        shop.hint(customer, phone="1")
        held = shop.grants, shop.reasons[-1]
        flow.trigger("invoice.paid", invoice_id=owed)
        shop.jump(hours=7)
        shop.hint(customer, phone="2")

        assert held == ([], "dunned")
        assert shop.grants == ["88.10"]


def test_nobody_is_under_notice_where_dunning_sent_nothing(database: Database) -> None:
    with database.read() as connection:
        assert noticed_invoices(connection, "shop", "501") == []


def test_a_late_payment_beside_an_open_order_is_told_and_changes_neither(database: Database) -> None:
    def late(connection: Any) -> str:
        said = {"run_id": "r", "amount": "10.00", "currency": "EUR", "opened_at": tables.datetime.now(UTC)}
        tables.add_order(connection, "shop", "501", "a", **said)
        tables.set_order(connection, "shop", "a", state=tables.FAILED, invoice_id="7")
        tables.add_order(connection, "shop", "501", "b", **said)
        return books.paid_after_all(connection, "shop", "501", "7", tables.datetime.now(UTC))

    assert database.write(late) == "busy"


def test_one_order_of_a_customer_is_open_at_a_time_whatever_the_code_does(database: Database) -> None:
    said = {"run_id": "r", "amount": "10.00", "currency": "EUR", "opened_at": "2026-11-20T09:00:00+00:00"}

    def two(connection: Any) -> list[bool]:
        from_text = {**said, "opened_at": tables.datetime.fromisoformat(str(said["opened_at"]))}
        return [tables.add_order(connection, "shop", "501", uid, **from_text) for uid in ("a", "b")]

    assert database.write(two) == [True, False]
    database.write(lambda c: tables.set_order(c, "shop", "a", state=tables.GRANTED))
    assert database.write(two) == [False, True]
    with pytest.raises(IntegrityError):
        database.write(lambda c: tables.set_order(c, "shop", "a", state=tables.PAID))


def test_the_panel_shows_orders_and_who_is_suspended(open_shop: Open) -> None:
    shop = open_shop(decline_backoff=())
    first, second = shop.customer("11.90"), shop.customer("12.00")
    shop.hint(first, phone="1")
    shop.flow.sandbox.faults.add("decline", "invoice.capture")
    shop.hint(second, phone="1")

    with shop.flow.db.read() as connection:
        rows = shown(connection, "shop")

    assert [(row.customer, row.state, row.amount, row.proof, row.reason) for row in rows] == [
        (second, "suspended", "", "", "declined"),
        (second, "failed", "88.00 EUR", "", "declined"),
        (first, "granted", "88.10 EUR", "confirmed", ""),
    ]


@workflow("t-noticed", on=InvoiceCompleted, about="customer")
def noticed(run: Run, event: InvoiceCompleted) -> None:
    """As dunning does: a notice of level 1."""
    said = {"recipient": "max@example.com", "subject": "1. Mahnung", "message": "Bitte."}
    run.effect("notice", NOTICE, run.read("invoice", monsum.invoice, event.invoice_id), **said)


NOTICE = effect(
    monsum.send_by_email,
    slot=lambda invoice, **_: [Slot(invoice.source, invoice.id, "notice", "L1")],
    fresh=Read(monsum.invoice, must=lambda fresh, invoice, **_: None),
)


def one_top_up(flow: Flow) -> None:
    """The balance is low, and a webhook hints at it."""
    (customer,) = flow.sandbox.account.customers
    flow.sandbox.trigger("customer.updated", {"customer_id": customer, "phone": "1"})
    flow.notify()
    flow.advance(minutes=5)


def low() -> Flow:
    flow = Flow(credits)
    customer = flow.trigger("customer.created")["customer_id"]
    flow.sandbox.account.customers[customer].update({**DEBIT, "CREDIT_BALANCE": Decimal("11.90")})
    return flow


def twice_credited(flow: Flow) -> list[str]:
    balances = [record["CREDIT_BALANCE"] for record in flow.sandbox.account.customers.values()]
    return [f"a balance of {balance}" for balance in balances if balance > 100]


def test_a_worker_lost_at_some_points_of_a_top_up_never_credits_twice() -> None:
    with low() as flow:
        explored = flow.crash_everywhere(one_top_up, again=(), only=range(4, 200, 12), holds=twice_credited)

    assert len(explored.schedules) > 4


@pytest.mark.slow
def test_a_worker_lost_at_any_point_of_a_top_up_never_credits_twice() -> None:
    with low() as flow:
        explored = flow.crash_everywhere(one_top_up, again=(), holds=twice_credited)

    assert len(explored.schedules) > 30
