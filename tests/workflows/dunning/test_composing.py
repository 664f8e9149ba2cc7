"""What a message says where no rate may be used: no interest, and people hear of it, until a person confirms the very figure."""

from datetime import date

from workers.authoring import RateConfirmed

from .cases import notice
from .conftest import Office, Open

ALONE = {"approve_first_notice": False}
SHIPPED_KEY = "DE 2026-07-01 1.52"
REACHED = (notice(0, "2026-06-22", "2026-06-29"), notice(1, "2026-07-03", "2026-07-13"))


def in_summer(open_office: Open, rates: dict[str, dict[str, str]], **said: object) -> tuple[Office, str]:
    """A business with an invoice that had L0 and L1; its L2 is due on 17 July."""
    office = open_office("2026-07-16 10:00", policy={**ALONE, "rates": rates, **said})
    customer = office.flow.trigger("customer.created", customer_type="business")["customer_id"]
    invoice = office.invoice(customer_id=customer, invoice_date="2026-06-01", due_date="2026-06-15 00:00:00")
    office.reached(invoice, *REACHED)
    return office, invoice


def confirm(office: Office, key: str) -> None:
    office.flow.signal(RateConfirmed(source="shop", at=office.flow.clock.now, key=key))


def test_a_rate_nobody_confirmed_states_no_interest_and_is_told_of_until_a_person_confirms_it(open_office: Open) -> None:
    office, invoice = in_summer(open_office, {})
    office.until("2026-07-17")
    before, told = office.figures("L2", invoice), office.flow.told

    confirm(office, SHIPPED_KEY)
    office.until("2026-08-10")

    assert (before["interest"], before["total"]) == (None, "1230.00")
    assert ("alert", "rate_unconfirmed") in told
    assert office.figures("L3", invoice)["interest"] == "9.60"  # 28 days at 10.52 %


def test_another_figure_than_the_tables_confirms_nothing(open_office: Open) -> None:
    office, invoice = in_summer(open_office, {})
    confirm(office, "DE 2026-07-01 1.77")

    office.until("2026-07-17")

    assert office.figures("L2", invoice)["interest"] is None


def test_a_half_year_long_past_without_a_rate_leaves_all_interest_out_and_is_told_of(open_office: Open) -> None:
    only_now = {"DE": {"2026-07-01": "1.52"}}  # default began in June: nothing of today's or the coming half-year is missing
    office, invoice = in_summer(open_office, only_now, default_basis=["contract_date"])

    office.until("2026-07-17")

    assert office.figures("L2", invoice)["interest"] is None
    assert ("alert", "rate_missing") in office.flow.told


def test_what_is_demanded_beside_the_interest_does_not_wait_for_a_rate(open_office: Open) -> None:
    office, invoice = in_summer(open_office, {})

    office.until("2026-07-17")

    assert [(name, sent) for name, sent, *_ in office.notices(invoice)][-1] == ("L2", str(date(2026, 7, 17)))


def test_a_message_over_several_invoices_is_approved_by_what_they_come_to_together(open_office: Open) -> None:
    office = open_office("2026-03-20 10:00", policy=ALONE)
    office.grants = False
    first = office.invoice(total="2500.00")
    office.invoice(customer_id=office.customer_of(first), total="2500.01")

    office.until("2026-03-23")

    assert (office.sent, len(office.flow.ids("proposed"))) == ([], 1)
