"""What the shell reads of Monsum: whole lists page by page, one object, and what cannot be read shows its id."""

from dataclasses import replace
from typing import Any

import pytest

from receiver.errors import Retryable
from tests.workers.providers.test_monsum_looks import Deaf
from workers.providers.monsum_client import PAGE
from workers.providers.monsum_shell import READS
from workers.providers.service import Client
from workers.testing.flow import Flow


@pytest.fixture
def shop() -> Any:
    with Flow() as flow:
        yield flow


def client(flow: Flow) -> Client:
    return flow.runtime.client("shop")


def test_a_list_goes_on_to_its_last_page(shop: Flow) -> None:
    for _ in range(PAGE + 3):
        shop.sandbox.trigger("customer.created")

    rows = READS["customers", "list"].rows(client(shop), (), {}, limit=1000)

    assert len({row["id"] for row in rows}) == PAGE + 3


def test_a_list_stops_asking_where_enough_is_shown(shop: Flow) -> None:
    for _ in range(PAGE + 3):
        shop.sandbox.trigger("customer.created")
    before = len(shop.sandbox.calls)

    READS["customers", "list"].rows(client(shop), (), {}, limit=10)

    assert len(shop.sandbox.calls) == before + 1


def test_a_filter_narrows(shop: Flow) -> None:
    first = shop.sandbox.trigger("invoice.completed", {})
    shop.sandbox.trigger("customer.created")
    shop.sandbox.trigger("invoice.completed", {})

    rows = READS["invoices", "list"].rows(client(shop), (), {"customer_id": first["customer_id"]}, limit=9)

    assert [row["id"] for row in rows] == [first["invoice_id"]]


def test_one_invoice_is_shown_with_its_lines_and_reminders(shop: Flow) -> None:
    ids = shop.sandbox.trigger("invoice.completed", {})
    shop.sandbox.trigger("payment.reminded", {"invoice_id": ids["invoice_id"], "level": "2"})

    (whole,) = READS["invoices", "get"].rows(client(shop), (ids["invoice_id"],), {}, limit=1)
    lines = READS["invoices", "items"].rows(client(shop), (ids["invoice_id"],), {}, limit=9)
    letters = READS["invoices", "reminders"].rows(client(shop), (ids["invoice_id"],), {}, limit=9)

    assert (whole["id"], whole["type"], whole["total"]["currency"]) == (ids["invoice_id"], "outgoing", "EUR")
    assert lines and {"description", "quantity"} <= set(lines[0])
    assert [letter["level"] for letter in letters] == [2]


def test_a_vat_id_is_checked(shop: Flow) -> None:
    (said,) = READS["customers", "checkvatid"].rows(client(shop), ("DE123456789",), {}, limit=1)

    assert said["id"] == "DE123456789" and said["verdict"] in ("valid", "invalid", "unknown")


def test_a_record_that_cannot_be_read_shows_its_id_and_hides_no_other(shop: Flow) -> None:
    good, bad = (shop.sandbox.trigger("invoice.completed", {})["invoice_id"] for _ in range(2))
    shop.sandbox.account.invoices[bad]["TOTAL"] = "a lot"

    rows = {row["id"]: row for row in READS["invoices", "list"].rows(client(shop), (), {}, limit=9)}

    assert rows[bad].get("unreadable") and not rows[good].get("unreadable")


@pytest.mark.parametrize("noun", ["customers", "invoices"])
def test_a_list_the_provider_did_not_narrow_is_not_shown_as_if_it_had(shop: Flow, noun: str) -> None:
    ids = shop.sandbox.trigger("invoice.completed", {})
    shop.sandbox.trigger("invoice.completed", {})
    deaf = replace(client(shop), transport=Deaf(shop.sandbox))  # type: ignore[type-var]

    with pytest.raises(Retryable) as caught:
        READS[noun, "list"].rows(deaf, (), {"customer_id": ids["customer_id"]}, limit=9)

    assert caught.value.context["kind"] == "wrong_object"
