"""What the shell reads of Qvickly: payments by number, customers by the Portal's filters, the export as it comes."""

from datetime import date
from typing import Any

import pytest

from workers.providers.qvickly_reads import PAGE
from workers.providers.qvickly_shell import READS, chosen, exported
from workers.testing.qvickly import QvicklyFlow


@pytest.fixture
def shop() -> Any:
    with QvicklyFlow() as flow:
        yield flow


def rows(flow: QvicklyFlow, noun: str, act: str, *ids: str, **where: str) -> list[Any]:
    return list(READS[noun, act].rows(flow.runtime.client("shop"), ids, where, limit=1000))


def test_a_list_goes_on_to_its_last_page(shop: QvicklyFlow) -> None:
    for _ in range(PAGE + 1):
        shop.merchant.trigger("customer.created", {"name": "Anna"})

    assert len({row["id"] for row in rows(shop, "customers", "list")}) == PAGE + 1
    assert rows(shop, "customers", "count") == [{"count": PAGE + 1}]


def test_a_search_narrows_the_list_and_the_count(shop: QvicklyFlow) -> None:
    shop.merchant.trigger("customer.created", {"name": "Anna"})
    shop.merchant.trigger("customer.created", {"name": "Bertil"})

    assert [row["name"] for row in rows(shop, "customers", "list", search="Bert")] == ["Bertil"]
    assert rows(shop, "customers", "count", search="Bert") == [{"count": 1}]


def test_a_payment_is_shown_by_its_number(shop: QvicklyFlow) -> None:
    number = shop.merchant.trigger("payment.created")["payment_id"]

    (payment,) = rows(shop, "invoices", "get", number)

    assert (payment["id"], payment["status"]) == (number, "created")


def test_the_export_is_the_providers_own_file(shop: QvicklyFlow) -> None:
    shop.merchant.trigger("customer.created", {"name": "Anna"})
    client: Any = shop.runtime.client("shop")

    assert b"Anna" in exported(client, "csv", ()) and b"Anna" in exported(client, "xml", ())
    with pytest.raises(ValueError, match="number"):
        exported(client, "csv", ("anna",))


def test_filters_become_the_portals() -> None:
    found = chosen({"from": "2026-01-01", "to": "2026-02-01", "isCompany": "no"})

    assert found.created == (date(2026, 1, 1), date(2026, 2, 1))
    assert (found.flags, found.unless) == (("isCompany",), frozenset({"isCompany"}))


@pytest.mark.parametrize("where", [{"from": "2026-01-01"}, {"isCompany": "maybe"}, {"from": "x", "to": "y"}])
def test_half_a_filter_is_refused(where: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        chosen(where)
