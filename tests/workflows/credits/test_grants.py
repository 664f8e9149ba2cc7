"""When grants run out: noted once where the policy says so, shown with what is left, and nothing is taken away."""

from datetime import date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from workflows.credits.effects import TopUp
from workflows.credits.grants import ExpiryRow, expiring, keep_grant, left_of
from workflows.credits.tables import CreditsOrder

from .conftest import Open, Shop


def shown(shop: Shop) -> list[ExpiryRow]:
    with shop.flow.db.read() as connection:
        return expiring(connection, "shop")


def later(shop: Shop, days: int) -> None:
    """Some days on, past the next sweep."""
    shop.jump(days=days)
    shop.flow.advance(minutes=20)


def said(shop: Shop) -> list[tuple[str, str, date]]:
    return [(row.granted, row.left, row.expires_at.date()) for row in shown(shop)]


def test_a_grant_is_noted_with_the_day_it_runs_out_and_nothing_is_taken_away(open_shop: Open) -> None:
    shop = open_shop(expire_days=30)
    customer = shop.customer("11.90")
    shop.hint(customer)
    at_first = said(shop)

    later(shop, 31)

    assert at_first == [("88.10 EUR", "", date(2026, 12, 20))]
    assert said(shop) == [("88.10 EUR", "88.10 EUR", date(2026, 12, 20))]
    assert (shop.balance(customer), shop.grants) == ("100.00", ["88.10"])


def test_without_a_term_nothing_is_noted(open_shop: Open) -> None:
    shop = open_shop()
    shop.hint(shop.customer("11.90"))

    assert (shop.grants, shown(shop)) == (["88.10"], [])


def test_the_oldest_grant_is_used_up_first_and_then_not_shown_any_more(open_shop: Open) -> None:
    shop = open_shop(expire_days=30)
    customer = shop.customer("11.90")
    shop.hint(customer)
    shop.use(customer, "10.00")
    later(shop, 2)
    shop.use(customer, "60.00")

    later(shop, 1)

    assert shop.grants == ["88.10", "90.00"]
    assert [(granted, left) for granted, left, _ in said(shop)] == [("90.00 EUR", "60.00 EUR")]


def test_a_grant_is_noted_once_whoever_says_it_again(open_shop: Open) -> None:
    shop = open_shop(expire_days=30)
    shop.hint(shop.customer("11.90"))
    (row,) = shown(shop)
    order = shop.flow.rows(sa.select(table_of(CreditsOrder)))[0]
    topup = TopUp(
        source="shop", id=row.customer, uid=order["uid"], amount=Decimal("88.10"), currency="EUR", balance=Decimal("11.90")
    )  # fmt: skip

    shop.flow.db.write(lambda c: keep_grant(c, topup, row.granted_at, datetime.fromisoformat("2027-01-01T00:00:00+00:00")))

    assert shown(shop) == [row]


@pytest.mark.parametrize(
    ("balance", "left"),
    [("0", ["0", "0"]), ("-5", ["0", "0"]), ("20", ["0", "20"]), ("50", ["0", "50"]), ("70", ["20", "50"]), ("500", ["30", "50"])],
)
def test_what_is_left_is_the_newest(balance: str, left: list[str]) -> None:
    assert left_of([Decimal(30), Decimal(50)], Decimal(balance)) == [Decimal(one) for one in left]
