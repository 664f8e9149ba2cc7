"""A customer's credit: the balance and credit documents that are not settled; where it covers a debt a person is asked."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from workers.authoring import CustomerDoc
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.credit import credit_of
from workflows.dunning.policy import DunningPolicy

from .conftest import Office, Open

ALONE = {"approve_first_notice": False}


def credit_document(office: Office, invoice: str, **said: str) -> None:
    currency = said.pop("currency", "EUR")
    told = {"total": "500.00", "invoice_date": "2026-03-10", **said}
    customer = office.customer_of(invoice)
    document = office.flow.trigger("invoice.created", customer_id=customer, **told)["invoice_id"]
    office.flow.trigger("invoice.changed", invoice_id=document, type="credit", currency=currency)


def credit(office: Office, invoice: str, **customer: Any) -> str:
    account = Account(
        source="shop", customer_id=office.customer_of(invoice), currency="EUR", policy=DunningPolicy(), zone=office.zone,
        now=office.flow.clock.now,
    )  # fmt: skip
    read = CustomerDoc.from_fields("shop", account.customer_id, customer)
    with office.flow.db.read() as connection:
        return str(credit_of(connection, account, read, invoice))


@pytest.fixture
def owed(open_office: Open) -> tuple[Office, str]:
    """An invoice over 700.00 whose reminder is due on 23 March."""
    office = open_office("2026-03-20 10:00", policy=ALONE)
    return office, office.invoice(total="700.00")


def test_balance_and_documents_are_one_credit(owed: tuple[Office, str]) -> None:
    office, invoice = owed
    nothing, balance = credit(office, invoice), credit(office, invoice, credit_balance="12.50")
    credit_document(office, invoice)
    credit_document(office, invoice, total="100.00")

    assert (nothing, balance, credit(office, invoice, credit_balance="12.50")) == ("None", "12.50 EUR", "612.50 EUR")


def test_a_document_that_is_settled_is_no_credit(owed: tuple[Office, str]) -> None:
    office, invoice = owed

    credit_document(office, invoice, outstanding_amount="0.00")

    assert credit(office, invoice) == "None"


def test_a_document_in_another_currency_counts_whatever_it_is_over(owed: tuple[Office, str]) -> None:
    office, invoice = owed
    credit_document(office, invoice, currency="SEK")

    assert credit(office, invoice, credit_balance="1.00") == "500.00 SEK"


def test_a_document_about_the_cancelled_part_of_the_invoice_is_no_credit(owed: tuple[Office, str]) -> None:
    office, invoice = owed
    credit_document(office, invoice)
    for day, amount in ((date(2026, 3, 9), "1200.00"), (date(2026, 3, 10), "700.00")):
        office.flow.db.write(lambda c, day=day, amount=amount: tables.see(c, "shop", {invoice: Decimal(amount)}, on=day, same_on=day))  # type: ignore[misc]

    assert credit(office, invoice) == "None"


@pytest.mark.parametrize(("totals", "asked"), [(["500.00"], False), (["500.00", "200.00"], True)])
def test_a_person_is_asked_where_documents_cover_the_debt(owed: tuple[Office, str], totals: list[str], asked: bool) -> None:
    office, invoice = owed
    office.grants = False
    for total in totals:
        credit_document(office, invoice, total=total)

    office.until("2026-03-23")

    assert bool(office.flow.ids("proposed")) is asked
    assert bool(office.notices(invoice)) is not asked
