"""The fresh reads that decide: a plan that no longer fits, an invoice that is not the top-up's, a balance that moved."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from workers.authoring import CustomerDoc, InvoiceDoc, Money
from workflows.credits.effects import (
    TopUp,
    TopUpInvoice,
    invoice_problem,
    is_paid,
    why_not_billed,
    why_not_charged,
    why_not_completed,
    why_not_granted,
    why_not_now,
    why_not_withdrawn,
)

AMOUNT, PAID_ON = Decimal("88.10"), date(2026, 11, 20)
TOPUP = TopUp(source="shop", id="501", uid="billhook-topup-1", amount=AMOUNT, currency="EUR", balance=Decimal("11.90"))
INVOICE = TopUpInvoice(source="shop", id="7", uid="billhook-topup-1", amount=AMOUNT, currency="EUR")


def customer(balance: str | None, **said: Any) -> CustomerDoc:
    money = None if balance is None else Money(Decimal(balance), said.get("currency", "EUR"))
    return CustomerDoc.model_validate({"source": "shop", "id": "501", "credit_balance": money, **said})


def invoice(*, total: str = "88.10", left: str = "88.10", **said: Any) -> InvoiceDoc:
    euros = {"total": Money(Decimal(total), "EUR"), "outstanding": Money(Decimal(left), "EUR")}
    found = {"source": "shop", "id": "7", "type": "outgoing", "doc_version": "v", "ext_uid": "billhook-topup-1", **euros, **said}
    return InvoiceDoc.model_validate(found)


@pytest.mark.parametrize(
    "fresh, reason",
    [
        (customer("11.90"), None),
        (customer("3.00"), None),
        (customer("11.91"), "balance_moved"),
        (customer(None), "balance_unknown"),
        (customer("11.90", currency="SEK"), "currency_differs"),
    ],
)
def test_a_plan_fits_while_the_balance_did_not_rise(fresh: CustomerDoc, reason: str | None) -> None:
    assert why_not_now(fresh, TOPUP) == reason


@pytest.mark.parametrize(
    "balance, reason", [("11.90", None), ("11.89", "balance_moved"), ("11.91", "balance_moved"), (None, "balance_unknown")]
)
def test_what_was_paid_is_granted_beside_the_newest_balance_only(balance: str | None, reason: str | None) -> None:
    assert why_not_granted(customer(balance), TOPUP) == reason


@pytest.mark.parametrize(
    "said, reason",
    [
        ({"payment_type": "1"}, "no_payment_means"),
        ({"payment_type": "2", "fields": {"mandate_reference": "M"}}, "no_mandate"),
        ({"payment_type": "2", "fields": {"mandate_reference": "M", "mandate_date": "2026-01-05"}}, None),
        ({"payment_type": "6"}, "no_payment_token"),
        ({"payment_type": "6", "fields": {"payment_token": "t"}}, None),
    ],
)
def test_an_invoice_is_written_for_who_can_be_charged(said: dict[str, Any], reason: str | None) -> None:
    assert why_not_billed(customer("11.90", **said), TOPUP) == reason


def test_a_line_that_uses_up_credits_is_found_whatever_the_total() -> None:
    lines = {"items": [{"complete_gross": "100.00"}, {"complete_gross": "-11.90"}]}

    assert invoice_problem(invoice(fields=lines), AMOUNT) == "credit_line"
    assert invoice_problem(invoice(fields={"items": lines["items"][:1]}), AMOUNT) is None


@pytest.mark.parametrize(
    "fresh, charged, completed, withdrawn",
    [
        (invoice(), None, "not_a_draft", None),
        (invoice(type="draft"), "not_outgoing", None, "nothing_to_cancel"),
        (invoice(left="0.00", paid_on=PAID_ON), "already_paid", "not_a_draft", "paid_in_part"),
        (invoice(left="0.00"), "outstanding_differs", "not_a_draft", "paid_in_part"),
        (invoice(left="40.00"), "outstanding_differs", "not_a_draft", "paid_in_part"),
        (invoice(total="90.00"), "total_differs", "not_a_draft", "paid_in_part"),
        (invoice(is_canceled=True), "invoice_canceled", "not_a_draft", "nothing_to_cancel"),
        (invoice(ext_uid="theirs"), None, "not_a_draft", "not_a_topup"),
    ],
)
def test_each_step_of_the_invoice_has_its_own_reasons(
    fresh: InvoiceDoc, charged: str | None, completed: str | None, withdrawn: str | None
) -> None:
    assert why_not_charged(fresh, INVOICE) == charged
    assert why_not_completed(fresh, INVOICE) == completed
    assert why_not_withdrawn(fresh, INVOICE) == withdrawn


def test_paid_is_what_the_invoice_says_and_a_cancelled_one_is_not() -> None:
    assert is_paid(invoice(left="0.00", paid_on=PAID_ON))
    assert not is_paid(invoice(left="0.01", paid_on=PAID_ON))
    assert not is_paid(invoice(left="0.00", paid_on=PAID_ON, is_canceled=True))
    assert not is_paid(invoice(left="0.00", paid_on=PAID_ON, type="draft"))


def test_an_invoice_of_which_a_part_was_cancelled_until_nothing_was_open_is_not_paid() -> None:
    assert not is_paid(invoice(left="0.00"))
