"""A customer who cannot be charged and sent the money before: set paid on its day, used once, told where it is too little."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from workers.authoring import Money
from workers.ledger import EffectRow
from workers.testing.flow import Flow
from workflows.credits.happenings import CreditsReceived
from workflows.credits.receiving import received
from workflows.credits.shown import shown
from workflows.credits.workflow import credits

from .conftest import Open, Shop

CHAIN = ["invoice.create", "invoice.complete", "invoice.setpaid", "customer.addcredits"]
CARD = {"PAYMENT_TYPE": "6"}


def receive(shop: Shop, customer: str, amount: str, reference: str = "4711") -> None:
    said = {"customer_id": customer, "amount": Money(Decimal(amount), "EUR"), "received_on": date(2026, 11, 18), "reference": reference}
    shop.flow.signal(CreditsReceived(source="shop", at=shop.flow.clock.now, **said))  # type: ignore[arg-type]


def panel(shop: Shop) -> list[tuple[str, str, str]]:
    """(state, amount, unused) of every line of the panel."""
    with shop.flow.db.read() as connection:
        return [(row.state, row.amount, row.unused) for row in shown(connection, "shop")]


def test_what_came_in_before_pays_the_invoice_on_its_day_and_nothing_is_charged(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90", **CARD)
    shop.hint(customer, phone="1")
    refused = shop.alerts

    receive(shop, customer, "100.00")

    assert refused == [("no_payment_token", 1)]
    assert (shop.services, shop.balance(customer)) == (CHAIN, "100.00")
    (invoice,) = shop.flow.sandbox.account.invoices.values()
    assert str(invoice["PAID_DATE"])[:10] == "2026-11-18"
    assert panel(shop) == [("received", "100.00 EUR", "11.90 EUR"), ("granted", "88.10 EUR", "")]


def test_a_transfer_told_twice_is_used_once_and_another_amount_under_its_reference_is_a_task(open_shop: Open) -> None:
    shop = open_shop(cooldown_minutes=0)
    customer = shop.customer("11.90", **CARD)
    for amount in ("88.10", "88.10", "90.00"):
        receive(shop, customer, amount)

    shop.use(customer, "11.90")
    shop.hint(customer, phone="2")

    assert shop.grants == ["88.10"]
    assert shop.tasks == ["reference_differs"]
    assert ("no_payment_token", 1) in shop.alerts


def test_less_than_is_wanted_is_proposed_and_only_a_yes_uses_it(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90", **CARD)
    receive(shop, customer, "50.00")
    shop.hint(customer, phone="1")
    before, (asked,) = shop.services, shop.flow.ids("proposed")

    shop.flow.order("approve", asked)

    assert (before, shop.grants) == ([], ["50.00"])


def test_a_proposal_out_of_a_transfer_that_is_refused_gives_the_money_back(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90", **CARD)
    receive(shop, customer, "50.00")
    (asked,) = shop.flow.ids("proposed")

    shop.flow.order("reject", asked)

    assert panel(shop) == [("received", "50.00 EUR", "50.00 EUR"), ("cancelled", "50.00 EUR", "")]


def test_a_transfer_below_the_smallest_top_up_is_told_and_nothing_is_made_of_it(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90", **CARD)

    receive(shop, customer, "9.99")

    assert (shop.services, shop.alerts) == ([], [("transfer_short", 1)])


def test_who_has_a_mandate_is_charged_and_the_transfer_is_left(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90")

    receive(shop, customer, "100.00")

    assert "invoice.capture" in shop.services
    assert panel(shop)[0] == ("received", "100.00 EUR", "100.00 EUR")


@pytest.mark.parametrize("amount", ["0.00", "-5.00"])
def test_an_amount_that_is_none_is_a_task(amount: str, open_shop: Open) -> None:
    shop = open_shop()

    receive(shop, shop.customer("11.90", **CARD), amount)

    assert (shop.tasks, panel(shop)) == (["amount_not_positive"], [])


def test_an_invoice_that_the_provider_will_not_set_paid_gives_the_money_back_and_suspends(open_shop: Open) -> None:
    shop = open_shop()
    customer = shop.customer("11.90", **CARD)
    shop.flow.sandbox.faults.add("decline", "invoice.setpaid")

    receive(shop, customer, "100.00")

    assert (shop.orders, shop.grants) == ([("failed", "88.10", None)], [])
    assert ("topup_set_paid_rejected", 1) in shop.alerts
    assert ("received", "100.00 EUR", "100.00 EUR") in panel(shop)


def low() -> Flow:
    flow = Flow(credits, received)
    customer = flow.trigger("customer.created")["customer_id"]
    flow.sandbox.account.customers[customer].update({**CARD, "CREDIT_BALANCE": Decimal("11.90")})
    return flow


def one_transfer(flow: Flow) -> None:
    """A transfer that pays for one top-up, and nearly for another."""
    (customer,) = flow.sandbox.account.customers
    receive(Shop(flow), customer, "150.00")
    flow.advance(minutes=5)


def used_twice(flow: Flow) -> list[str]:
    """Credits above the target, or more set paid than came in."""
    paid = flow.rows(sa.select(table_of(EffectRow)).where(table_of(EffectRow).c.service == "invoice.setpaid"))
    balances = [record["CREDIT_BALANCE"] for record in flow.sandbox.account.customers.values()]
    wrong = [f"a balance of {balance}" for balance in balances if balance > 100]
    return wrong + ([f"{len(paid)} invoices set paid"] if len(paid) > 1 else [])


def test_a_worker_lost_at_some_points_uses_a_transfer_once() -> None:
    with low() as flow:
        explored: Any = flow.crash_everywhere(one_transfer, again=(), only=range(5, 200, 17), holds=used_twice)

    assert len(explored.schedules) > 3


@pytest.mark.slow
def test_a_worker_lost_at_any_point_uses_a_transfer_once() -> None:
    with low() as flow:
        explored: Any = flow.crash_everywhere(one_transfer, again=(), holds=used_twice)

    assert len(explored.schedules) > 30
