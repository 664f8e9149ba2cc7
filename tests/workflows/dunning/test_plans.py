"""A payment plan: in Sweden its fee is claimed once, in Germany nothing."""

from typing import Any

from workflows.dunning.plans import PlanAgreed

from .conftest import Office, Open

ALONE = {"approve_first_notice": False, "approve_consumer_fees": False}
CONSUMER = {"customer_type": "consumer", "country": "SE", "language": "sv", "currency": "SEK"}


def reminded(open_office: Open, **said: Any) -> tuple[Office, str]:
    """The Swedish consumer of S19 after the reminder, without a reminder fee."""
    office = open_office("2026-06-01 10:00", policy=ALONE | said, zone="Europe/Stockholm")
    invoice = office.invoice(total="899.00", invoice_date="2026-05-01", due_date="2026-05-29 00:00:00", **CONSUMER)
    office.until("2026-06-03")
    return office, invoice


def agree(office: Office, invoice: str) -> None:
    office.flow.signal(
        PlanAgreed(source="shop", at=office.flow.clock.now, invoice_id=invoice, customer_id=office.customer_of(invoice))
    )  # fmt: skip


def test_the_fee_of_a_swedish_plan_is_claimed_once_and_asked_for_with_the_next_letter(open_office: Open) -> None:
    office, invoice = reminded(open_office)

    agree(office, invoice)
    claimed = office.claims(invoice)
    agree(office, invoice)
    office.until("2026-06-15")

    assert (0, "plan_fee", "170.00", "open") in claimed
    assert [one for one in office.claims(invoice) if one[1] == "plan_fee"] == [(0, "plan_fee", "170.00", "open")]
    assert (office.figures("S1")["fee"], office.figures("S1")["total"]) == ("350.00", "1253.19")  # 180.00 of the letter beside it


def test_a_policy_without_the_fee_claims_none(open_office: Open) -> None:
    office, invoice = reminded(open_office, plan_fee="0.00")

    agree(office, invoice)

    assert [kind for _, kind, *_ in office.claims(invoice)] == ["interest"]


def test_in_germany_a_plan_costs_nothing(open_office: Open) -> None:
    office = open_office("2026-03-22 10:00", policy={"approve_first_notice": False})
    invoice = office.invoice()
    office.until("2026-03-23")

    agree(office, invoice)

    assert office.claims(invoice) == []


def test_a_run_that_only_observes_claims_nothing(open_office: Open) -> None:
    office = open_office("2026-06-01 10:00", policy=ALONE, zone="Europe/Stockholm", mode="observe")
    invoice = office.invoice(total="899.00", invoice_date="2026-05-01", due_date="2026-05-29 00:00:00", **CONSUMER)
    office.until("2026-06-03")

    agree(office, invoice)

    assert office.claims(invoice) == []
