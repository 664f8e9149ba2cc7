"""What is left of claims after the principal was paid: a person says what became of them, once, and sees it in the story."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from receiver.db import table_of
from workers.advice import of_task
from workers.authoring import ClaimsSettled
from workers.desk import Task
from workers.story import story
from workers.testing.flow import Flow
from workflows.dunning.daily import daily
from workflows.dunning.deciding import settle_claims
from workflows.dunning.workflow import dunning

from .cases import L0, L1
from .conftest import FRESH, RATES, Office

POLICY = {"approve_first_notice": False, "unpaid_claims": "ask", "rates": RATES, **FRESH}
START = datetime(2026, 4, 20, 10, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def left() -> Iterator[tuple[Office, str]]:
    """Invoice A of a business had L2 and its principal was paid; interest and flat sum are left, and a task asks."""
    with Flow(dunning, daily, settle_claims, policy=POLICY, zone="Europe/Berlin", start=START) as flow:
        office = Office(flow, "Europe/Berlin")
        office.bank_checked()
        customer = flow.trigger("customer.created", customer_type="business")["customer_id"]
        invoice = office.invoice(customer_id=customer)
        office.reached(invoice, L0, L1)
        office.until("2026-04-21")
        office.move("2026-04-24 10:00")
        flow.trigger("invoice.paid", invoice_id=invoice)
        yield office, invoice


def say(office: Office, invoice: str, state: str, **said: Any) -> None:
    office.flow.signal(ClaimsSettled(source="shop", at=office.flow.clock.now, invoice_id=invoice, state=state, **said))  # type: ignore[arg-type]


def tasks(office: Office) -> list[tuple[str, bool]]:
    return [(row["reason"], row["closed_at"] is None) for row in office.rows(Task) if row["reason"] == "claims_left"]


def test_claims_a_person_calls_paid_are_paid_and_the_task_is_closed(left: tuple[Office, str]) -> None:
    office, invoice = left
    before = (office.claims(invoice), tasks(office))

    say(office, invoice, "paid")

    assert before == ([(2, "interest", "4.69", "open"), (2, "flat_sum", "40.00", "open")], [("claims_left", True)])
    assert office.claims(invoice) == [(2, "interest", "4.69", "paid"), (2, "flat_sum", "40.00", "paid")]
    assert tasks(office) == [("claims_left", False)]


def test_the_task_stays_open_until_the_last_claim_is_settled(left: tuple[Office, str]) -> None:
    office, invoice = left

    say(office, invoice, "waived", kind="interest")
    half = (office.claims(invoice), tasks(office))
    office.move("2026-04-24 11:00")
    say(office, invoice, "paid", kind="flat_sum")

    assert half == ([(2, "interest", "4.69", "waived"), (2, "flat_sum", "40.00", "open")], [("claims_left", True)])
    assert (office.claims(invoice)[1][3], tasks(office)) == ("paid", [("claims_left", False)])


def test_the_story_of_the_invoice_says_what_became_of_each_claim_and_who_said_so(left: tuple[Office, str]) -> None:
    office, invoice = left
    say(office, invoice, "waived", reason="goodwill")

    with office.flow.db.read() as connection:
        lines = story(connection, f"invoice:{invoice}")

    said = [line for line in lines if "settle claims" in line.text]
    assert [line.reason for line in said] == ["state waived, reason flat_sum 40.00 EUR (level 2); interest 4.69 EUR (level 2)"]
    assert any(line.what == "delivery" and "claims.settled" in line.text and "by operator" in line.text for line in lines)


def test_what_was_settled_stays_as_it_was_said_first(left: tuple[Office, str]) -> None:
    office, invoice = left
    say(office, invoice, "waived")
    office.move("2026-04-24 11:00")

    say(office, invoice, "paid")

    assert [state for *_, state in office.claims(invoice)] == ["waived", "waived"]


def test_the_task_names_the_commands_that_settle_it(left: tuple[Office, str]) -> None:
    office, invoice = left
    [row] = [row for row in office.rows(Task) if row["reason"] == "claims_left"]

    with office.flow.db.read() as connection:
        acts = of_task(connection, row)["acts"]

    assert acts[:2] == [f"billhook claims paid {invoice} --source shop", f"billhook claims waived {invoice} --source shop"]


def test_another_invoices_task_is_left_open(left: tuple[Office, str]) -> None:
    office, invoice = left
    other = {"run_id": "r", "name": "n", "source": "shop", "reason": "claims_left", "opened_at": office.flow.clock.now}
    office.flow.db.write(lambda c: c.execute(table_of(Task).insert().values(**other, detail={"invoice": "other"})))

    say(office, invoice, "paid")

    assert sorted(tasks(office)) == [("claims_left", False), ("claims_left", True)]
