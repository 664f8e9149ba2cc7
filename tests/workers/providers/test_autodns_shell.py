"""What the shell reads of AutoDNS: watched customers, the account with what may be spent, received invoices."""

from typing import Any

from workers.providers.autodns_shell import READS
from workers.testing.autodns import AutodnsFlow


def rows(flow: AutodnsFlow, noun: str, act: str, *ids: str, **where: str) -> list[Any]:
    return list(READS[noun, act].rows(flow.runtime.client("shop"), ids, where, limit=1000))


def test_the_watched_customers_are_listed_and_one_that_is_gone_says_so() -> None:
    with AutodnsFlow(customers=("ix/1", "ix/99999"), connect=False) as flow:
        flow.user.account.customers.clear()
        id = flow.user.trigger("customer.created", {})["customer_id"]
        flow.runtime.client("shop")

        assert rows(flow, "customers", "list")[-1] == {"id": "ix/99999", "not_found": True}
        assert rows(flow, "customers", "get", id)[0]["id"] == id


def test_the_account_says_what_may_be_spent() -> None:
    with AutodnsFlow() as flow:
        (account,) = rows(flow, "customers", "account")

    assert account["available"].currency == account["balance"]["currency"]


def test_received_invoices_are_listed_and_narrowed() -> None:
    with AutodnsFlow() as flow:
        first, second = (flow.user.trigger("invoice.created", {})["invoice_id"] for _ in range(2))

        assert {row["id"] for row in rows(flow, "invoices", "list")} >= {first, second}
        assert rows(flow, "invoices", "get", first)[0]["id"] == first
