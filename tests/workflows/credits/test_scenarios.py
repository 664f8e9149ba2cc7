"""The acceptance scenarios of credits, as written: S21 a top-up under a webhook storm, S22 an unknown outcome, S23 caps and approval."""

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from workers.events import EventRow

from .conftest import Open


def test_five_webhooks_of_an_older_balance_make_one_top_up_by_the_fresh_one(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate")
    customer = shop.customer("11.90")

    for number in range(5):
        shop.flow.sandbox.trigger("customer.updated", {"customer_id": customer, "phone": str(number)})
    shop.flow.notify()
    shop.flow.advance(hours=1)

    assert shop.grants == ["88.10"]
    assert shop.balance(customer) == "100.00"
    assert shop.orders == [("granted", "88.10", "confirmed")]
    assert shop.services.count("customer.addcredits") == 1


def test_a_balance_of_exactly_the_threshold_is_fine(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate")
    customer = shop.customer("20.00")

    shop.hint(customer, phone="1")
    shop.flow.advance(hours=1)

    assert (shop.grants, shop.orders) == ([], [])
    assert set(shop.reasons) == {"balance_fine"}


def test_a_lost_answer_that_the_balance_proves_is_not_asked_again(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate")
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("drop", "customer.addcredits")

    shop.hint(customer, phone="1")
    shop.flow.advance(minutes=40)

    assert shop.grants == ["88.10"]
    assert shop.orders == [("granted", "88.10", "confirmed")]


def test_a_lost_call_is_made_once_more_after_two_equal_balances_ten_minutes_apart(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate")
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("error-before", "customer.addcredits")

    shop.hint(customer, phone="1")
    shop.flow.advance(minutes=9)
    early = shop.flow.effects
    shop.flow.advance(minutes=40)

    assert [state for _, _, state, _ in early] == ["unknown"]
    assert shop.grants == ["88.10"]
    assert shop.balance(customer) == "100.00"
    assert shop.orders == [("granted", "88.10", "confirmed")]


def test_a_call_that_is_lost_twice_waits_for_a_person_and_nothing_else_is_charged(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate")
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("error-before", "customer.addcredits", times=9)

    shop.hint(customer, phone="1")
    shop.flow.advance(hours=1)
    shop.jump(days=3)

    assert sum(call.service == "customer.addcredits" for call in shop.flow.sandbox.calls) == 2
    assert ("parked", "unknown") in shop.flow.told
    assert shop.orders == [("granting", "88.10", None)]


def test_a_balance_somebody_else_moved_after_a_lost_call_waits_for_a_person(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate")
    customer = shop.customer("11.90")
    shop.flow.sandbox.faults.add("error-before", "customer.addcredits")

    shop.hint(customer, phone="1")
    shop.use(customer, "3.00")
    shop.flow.advance(minutes=20)

    assert shop.grants == []
    assert ("parked", "unknown") in shop.flow.told


@pytest.mark.parametrize("behavior, granted", [("hold", []), ("partial", ["50.00"])])
def test_a_monthly_cap_holds_or_charges_what_is_left_and_is_told_once(open_shop: Open, behavior: str, granted: list[str]) -> None:
    shop = open_shop("2026-11-02 10:01", grant_on="immediate", cap_behavior=behavior)
    customer = shop.customer("10.00")
    for number in range(5):
        shop.use(customer, "10.00")
        shop.hint(customer, phone=str(number))
        shop.jump(days=1)
    before = list(shop.grants)

    shop.use(customer, "11.90")
    for number in range(8):
        shop.hint(customer, phone=f"1{number}")
        shop.jump(hours=7)

    assert before == ["90.00"] * 5
    assert shop.grants[5:] == granted
    assert shop.balance(customer) == ("61.90" if granted else "11.90")
    assert shop.alerts == ([] if granted else [("cap_month", 1)])
    assert granted or "cap_month" in shop.reasons


def test_an_amount_over_the_limit_waits_for_a_person_for_three_days(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate", approval_over="80.00")
    customer = shop.customer("11.90")

    shop.hint(customer, phone="1")
    shop.jump(hours=71)
    (proposed,) = shop.flow.ids("proposed")
    waited = shop.grants
    shop.flow.order("approve", proposed)

    assert waited == []
    assert shop.grants == ["88.10"]


def test_without_a_yes_the_proposal_expires_and_is_planned_anew_a_day_later(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate", approval_over="80.00")
    customer = shop.customer("11.90")

    shop.hint(customer, phone="1")
    shop.jump(hours=73)
    ended = shop.orders
    shop.jump(hours=25)

    assert ended == [("cancelled", "88.10", None)]
    assert [state for state, _, _ in shop.orders] == ["cancelled", "granting"]
    assert shop.grants == []


def test_a_top_up_that_fills_a_cap_to_eighty_percent_gives_an_event_with_the_figures(open_shop: Open) -> None:
    shop = open_shop(grant_on="immediate", cap_day="110.00", max_single="100.00")
    customer = shop.customer("11.90")

    shop.hint(customer, phone="1")
    shop.flow.advance(minutes=5)

    (told,) = [row["data"] for row in shop.flow.rows(sa.select(table_of(EventRow))) if row["type"] == "credits.cap"]
    assert (told["customer_id"], told["reason"], told["percent"]) == (customer, "cap_day", 80)
    assert (told["used"]["amount"], told["limit"]["amount"]) == ("88.10", "110.00")
