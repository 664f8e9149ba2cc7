"""A part of an invoice is cancelled: no interest on it from the first day on, whoever tells of it."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from workers.authoring import (
    InvoiceDoc,
    InvoicePartCancelled,
    Money,
    Read,
    Run,
    SendStopped,
    Slot,
    credit_documents,
    effect,
    events_of_invoice,
    monsum,
    workflow,
)
from workers.testing.flow import Flow
from workflows.dunning.balance import Cancelled
from workflows.dunning.cancelling import parts_of

from .cases import L0, L1
from .conftest import Office, Open

BERLIN, ALONE = ZoneInfo("Europe/Berlin"), {"approve_first_notice": False, "default_basis": ["first_formal_notice"]}


def still_open(fresh: InvoiceDoc, invoice: InvoiceDoc, **_: object) -> str | None:
    return "paid" if fresh.outstanding is not None and fresh.outstanding.amount == 0 else None


cut = effect(monsum.cancel, slot=lambda one, **_: [Slot(one.source, one.id, "cut")], fresh=Read(monsum.invoice, must=still_open))


@workflow("t-cuts", on=SendStopped, key=lambda event: event.invoice_id)
def cuts(run: Run, event: SendStopped) -> None:
    """Cancels a part."""
    invoice = run.read("invoice", monsum.invoice, event.invoice_id)
    run.effect("cut", cut, invoice, description="agreed", cancellation_amount=Decimal(event.reason))


def at_l3(open_office: Open) -> tuple[Office, str]:
    """Invoice A of a business, which had everything up to L2."""
    office = open_office("2026-04-20 10:00", policy=ALONE)
    customer = office.flow.trigger("customer.created", customer_type="business")["customer_id"]
    invoice = office.invoice(customer_id=customer)
    office.reached(invoice, L0, L1)
    office.until("2026-04-21")
    return office, invoice


def cancel(office: Office, invoice: str, amount: str) -> None:
    office.flow.trigger("invoice.canceled", invoice_id=invoice, amount=amount)


def tell(office: Office, invoice: str, amount: str, on: str | None = None) -> None:
    money, day = Money(Decimal(amount), "EUR"), date.fromisoformat(on) if on else None
    office.flow.signal(InvoicePartCancelled(source="shop", at=office.flow.clock.now, invoice_id=invoice, amount=money, cancelled_on=day))


def test_a_part_of_which_a_person_tells_bears_no_interest_from_the_first_day(open_office: Open) -> None:
    office, invoice = at_l3(open_office)
    office.until("2026-04-28")
    cancel(office, invoice, "500.00")
    tell(office, invoice, "500.00")

    office.until("2026-05-08")

    assert (office.figures("L3", invoice)["principal"], office.figures("L3", invoice)["interest"]) == ("690.00", "6.02")


def test_told_of_days_later_it_counts_all_the_same(open_office: Open) -> None:
    office, invoice = at_l3(open_office)
    office.until("2026-04-28")
    cancel(office, invoice, "500.00")
    office.until("2026-05-06")
    tell(office, invoice, "500.00", on="2026-04-28")

    office.until("2026-05-08")

    assert office.figures("L3", invoice)["interest"] == "6.02"


def test_what_nobody_tells_of_is_a_payment(open_office: Open) -> None:
    office, invoice = at_l3(open_office)
    office.until("2026-04-28")
    cancel(office, invoice, "500.00")

    office.until("2026-05-08")

    assert office.figures("L3", invoice)["interest"] == "8.83"


def test_another_currency_is_not_this_invoices_part(open_office: Open) -> None:
    office, invoice = at_l3(open_office)
    office.until("2026-04-28")
    cancel(office, invoice, "500.00")
    money = Money(Decimal("500.00"), "SEK")
    office.flow.signal(InvoicePartCancelled(source="shop", at=office.flow.clock.now, invoice_id=invoice, amount=money))

    office.until("2026-05-08")

    assert office.figures("L3", invoice)["interest"] == "8.83"


def test_a_credit_document_over_the_very_amount_is_taken_for_the_cancelled_part(open_office: Open) -> None:
    office, invoice = at_l3(open_office)
    office.until("2026-04-28")
    cancel(office, invoice, "500.00")
    said = {"total": "500.00", "invoice_date": "2026-04-28"}
    document = office.flow.trigger("invoice.created", customer_id=office.customer_of(invoice), **said)["invoice_id"]
    office.flow.trigger("invoice.changed", invoice_id=document, type="credit")

    office.until("2026-05-08")

    assert office.figures("L3", invoice)["interest"] == "6.02"


def test_a_deadline_is_not_extended_for_what_was_cancelled(open_office: Open) -> None:
    office, invoice = at_l3(open_office)
    office.until("2026-04-28")
    cancel(office, invoice, "700.00")
    tell(office, invoice, "700.00")

    office.until("2026-05-08")

    assert office.notices(invoice)[-1][:2] == ("L3", "2026-05-08")


def test_our_own_partial_cancellation_and_a_persons_word_are_parts_with_their_day() -> None:
    with Flow(cuts) as flow:
        ids = flow.trigger("invoice.completed", total="119.00")
        flow.signal(SendStopped(source="shop", at=flow.clock.now, invoice_id=ids["invoice_id"], reason="19.00"))
        today = flow.clock.now.astimezone(BERLIN).date()
        told = {"invoice_id": ids["invoice_id"], "amount": Money(Decimal("5.00"), "EUR"), "cancelled_on": date(2026, 11, 1)}
        flow.signal(InvoicePartCancelled(source="shop", at=flow.clock.now, **told))

        with flow.db.read() as connection:
            said = events_of_invoice(connection, "shop", ids["invoice_id"], (InvoicePartCancelled,))
            parts = parts_of(connection, "shop", told=said, **ids, currency="EUR", zone=BERLIN)

    assert parts == [Cancelled(today, Decimal("19.00")), Cancelled(date(2026, 11, 1), Decimal("5.00"))]


def test_credit_documents_are_those_of_type_credit_of_one_customer() -> None:
    with Flow(cuts) as flow:
        ids = flow.trigger("invoice.completed")
        document = flow.trigger("invoice.created", customer_id=ids["customer_id"])["invoice_id"]
        flow.trigger("invoice.changed", invoice_id=document, type="credit")
        flow.trigger("invoice.created", customer_id=ids["customer_id"])

        with flow.db.read() as connection:
            found = [one.id for one in credit_documents(connection, "shop", ids["customer_id"])]
            others = credit_documents(connection, "shop", "none")

    assert (found, others) == ([document], [])
