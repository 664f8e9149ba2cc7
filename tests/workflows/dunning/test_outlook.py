"""One look at a customer's invoices: what people are told of it."""

from typing import Any

from workers.authoring import BlockReleased, Excluded

from .cases import L0, L1, notice
from .conftest import Office, Open

NO_RATE_AHEAD: dict[str, Any] = {"rates": {"DE": {"2026-07-01": "1.52"}}, "approve_first_notice": False}


def late_invoice(office: Office) -> str:
    return office.invoice(invoice_date="2026-11-20", due_date="2026-12-04 00:00:00")


def test_a_missing_rate_ahead_is_told_of_while_a_ladder_goes_on_and_not_while_all_of_them_rest(open_office: Open) -> None:
    office = open_office("2026-12-18 10:00", policy=NO_RATE_AHEAD)
    invoice = late_invoice(office)
    said: dict[str, Any] = {"source": "shop", "invoice_id": invoice, "customer_id": office.customer_of(invoice)}
    office.reached(invoice, notice(0, "2026-12-17", "2026-12-28"))
    office.block(Excluded(at=office.flow.clock.now, reason="by agreement", **said))

    office.until("2026-12-22")
    while_resting = office.flow.told.count(("alert", "rate_missing"))
    office.flow.signal(BlockReleased(at=office.flow.clock.now, kind="exclude", **said))
    office.until("2026-12-23")

    assert while_resting == 0
    assert office.flow.told.count(("alert", "rate_missing")) == 1


def test_a_missing_rate_ahead_is_no_news_once_every_ladder_is_handed_over(open_office: Open) -> None:
    office = open_office("2026-12-18 10:00", policy=NO_RATE_AHEAD)
    invoice = late_invoice(office)
    office.reached(invoice, L0, L1, notice(2, "2026-11-20", "2026-11-30"), notice(3, "2026-12-01", "2026-12-11"))

    office.until("2026-12-22")

    assert office.ladder(invoice) == ("stopped", "hand_over_proposed")
    assert ("alert", "rate_missing") not in office.flow.told
