"""The provider reminds by itself: our ladder stops as soon as it tells, not at the next step."""

from .cases import L0
from .conftest import Open


def test_the_ladder_stops_when_the_provider_tells_of_its_own_reminder(open_office: Open) -> None:
    office = open_office("2026-04-01 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0)
    office.until("2026-04-02")

    office.flow.trigger("payment.reminded", invoice_id=invoice, level="1")

    assert office.ladder(invoice) == ("foreign_dunning", "foreign_dunning")
    assert office.flow.told.count(("alert", "foreign_dunning")) == 1


def test_the_other_invoices_of_the_customer_go_on(open_office: Open) -> None:
    office = open_office("2026-04-01 10:00")
    invoice = office.invoice()
    other = office.invoice(customer_id=office.customer_of(invoice))
    office.reached(invoice, L0)
    office.reached(other, L0)
    office.until("2026-04-02")

    office.flow.trigger("payment.reminded", invoice_id=invoice, level="1")
    office.until("2026-04-07")

    assert office.ladder(invoice)[0] == "foreign_dunning"
    assert [name for name, *_ in office.notices(other)] == ["L0", "L1"]
    assert len(office.mails) == 1


def test_a_reminder_that_an_operator_accepted_stops_nothing_again(open_office: Open) -> None:
    office = open_office("2026-04-01 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0)
    office.until("2026-04-02")
    office.flow.trigger("payment.reminded", invoice_id=invoice, level="1")
    office.look_again(invoice)

    office.until("2026-04-07")

    assert [name for name, *_ in office.notices(invoice)] == ["L0", "L1"]
