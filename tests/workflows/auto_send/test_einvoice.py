"""The e-invoice gate: who may still get paper or a plain PDF, and from when not."""

from datetime import date
from typing import Any

import pytest

from workers.authoring import CustomerDoc, InvoiceDoc
from workflows.auto_send.einvoice import einvoice_due
from workflows.auto_send.policy import AutoSendPolicy

IN_2027 = date(2027, 1, 4)
LARGE, SMALL = {"turnover_prev_year_over_800k": True}, {"turnover_prev_year_over_800k": False}


def due(
    day: date = IN_2027,
    *,
    policy: dict[str, Any] | None = None,
    customer: dict[str, str] | None = None,
    invoice: dict[str, str] | None = None,
) -> bool:
    said = AutoSendPolicy.model_validate(LARGE if policy is None else policy)
    buyer = CustomerDoc.from_fields("shop", "501", {"type": "business", "country": "DE", "organization": "Muster GmbH"} | (customer or {}))
    bill = InvoiceDoc.from_fields("shop", "77", {"total": "1190.00", "currency": "EUR", "country": "DE"} | (invoice or {}))
    return einvoice_due(said, bill, buyer, day)


def test_a_domestic_business_invoice_of_a_large_issuer_falls_under_it_from_2027() -> None:
    assert not due(date(2026, 12, 31))
    assert due(date(2027, 1, 1))


def test_a_small_issuer_falls_under_it_from_2028() -> None:
    assert not due(date(2027, 12, 31), policy=SMALL)
    assert due(date(2028, 1, 1), policy=SMALL)


def test_a_turnover_nobody_stated_counts_as_large() -> None:
    assert due(policy={})


def test_an_invoice_dated_ahead_counts_by_its_own_date() -> None:
    assert due(date(2026, 12, 30), invoice={"invoice_date": "2027-01-01"})


def test_an_invoice_dated_back_counts_by_the_day_it_leaves() -> None:
    assert due(IN_2027, invoice={"invoice_date": "2026-12-30"})


@pytest.mark.parametrize(
    ("customer", "invoice"),
    [
        ({"type": "consumer"}, {}),
        ({"country": "AT"}, {}),
        ({}, {"total": "250.00"}),
        ({"type": "", "organization": ""}, {}),
    ],
)
def test_who_is_exempt_may_get_paper(customer: dict[str, str], invoice: dict[str, str]) -> None:
    assert not due(customer=customer, invoice=invoice)


@pytest.mark.parametrize(
    ("customer", "invoice"),
    [
        ({}, {"total": "250.01"}),
        ({"type": ""}, {}),
        ({"country": ""}, {}),
        ({}, {"total": "100.00", "currency": "CHF"}),
        ({}, {"total": ""}),
    ],
)
def test_what_is_not_known_counts_as_if_it_fell_under_it(customer: dict[str, str], invoice: dict[str, str]) -> None:
    assert due(customer=customer, invoice=invoice)


def test_an_issuer_abroad_does_not_fall_under_it() -> None:
    assert not due(policy={**LARGE, "country": "SE"})


def test_the_policy_may_always_or_never_ask_for_it() -> None:
    assert due(date(2026, 1, 1), policy={"require_einvoice": "always"})
    assert not due(date(2030, 1, 1), policy={"require_einvoice": "never"})
