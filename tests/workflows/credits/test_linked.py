"""A customer who is locked in the other system is not topped up; one of whom nothing is known is."""

from typing import Any

import pytest

from workers import mirror

from .conftest import Open, Shop

LINK = {"autodns": "autodns", "source": "domains"}


def linked(shop: Shop) -> str:
    return shop.customer("11.90", X_ATTRIBUTES={"autodns": "9/17"})


def theirs(shop: Shop, **said: Any) -> None:
    fields = {"emails": ["me@example.org"], **said}
    shop.flow.db.write(lambda c: mirror.write_own(c, "domains", "customer", "9/17", fields, touches={}, at=shop.flow.clock.now))


def test_a_customer_locked_there_is_not_topped_up_and_people_hear_it_once(open_shop: Open) -> None:
    shop = open_shop(link=LINK)
    customer = linked(shop)
    theirs(shop, locked=True)

    shop.hint(customer, phone="1")
    shop.jump(hours=7)

    assert (shop.services, shop.alerts) == ([], [("customer_locked", 1)])


@pytest.mark.parametrize("said", [{}, {"locked": False}])
def test_what_is_not_known_to_be_locked_stops_nothing(said: dict[str, Any], open_shop: Open) -> None:
    shop = open_shop(link=LINK)
    customer = linked(shop)
    theirs(shop, **said)

    shop.hint(customer, phone="1")

    assert shop.grants == ["88.10"]


def test_a_lock_that_comes_while_a_person_is_asked_stops_the_invoice(open_shop: Open) -> None:
    shop = open_shop(link=LINK, approval_over="50.00")
    customer = linked(shop)
    theirs(shop)
    shop.hint(customer, phone="1")
    (asked,) = shop.flow.ids("proposed")
    shop.flow.advance(minutes=1)
    theirs(shop, locked=True)

    shop.flow.order("approve", asked)

    assert (shop.services, [order[0] for order in shop.orders]) == ([], ["cancelled"])


def test_unset_a_lock_there_stops_nothing(open_shop: Open) -> None:
    shop = open_shop()
    customer = linked(shop)
    theirs(shop, locked=True)

    shop.hint(customer, phone="1")

    assert shop.grants == ["88.10"]
