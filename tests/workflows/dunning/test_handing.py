"""The figures a hand-over is proposed with: those of the day, whatever the last notice said."""

from decimal import Decimal

import sqlalchemy as sa

from receiver.db import table_of
from workers.authoring import InvoicePartCancelled, Money
from workers.desk import Task

from .cases import L0, L1, notice
from .conftest import Office, Open

L2 = notice(2, "2026-04-21", "2026-05-04")


def proposed(office: Office) -> dict[str, str]:
    """What the task says that proposes to hand an invoice over, without the invoice."""
    [row] = office.flow.rows(sa.select(table_of(Task)).where(table_of(Task).c.reason == "hand_over_proposed"))
    return {name: said for name, said in row["detail"].items() if name != "invoice"}


def test_a_hand_over_asks_for_what_is_owed_today_and_not_for_a_part_cancelled_after_the_last_notice(open_office: Open) -> None:
    office = open_office("2026-05-07 10:00")
    invoice = office.invoice(customer_type="business")
    office.reached(invoice, L0, L1, L2)

    office.until("2026-05-08")
    office.move("2026-05-18 10:00")
    office.flow.trigger("invoice.canceled", invoice_id=invoice, amount="500.00")
    office.flow.signal(InvoicePartCancelled(source="shop", at=office.flow.clock.now, invoice_id=invoice, amount=Money(Decimal(500), "EUR")))
    office.until("2026-05-22")

    assert office.figures("L3")["principal"] == "1190.00"
    assert proposed(office) == {
        "principal": "690.00", "interest": "8.74", "flat": "40.00", "fee": "0.00", "total": "738.74", "currency": "EUR"
    }  # fmt: skip


def test_a_hand_over_after_notices_nobody_reckoned_states_no_figures(open_office: Open) -> None:
    office = open_office("2026-05-19 10:00")
    invoice = office.invoice()
    office.reached(invoice, L0, L1, L2, notice(3, "2026-05-08", "2026-05-18"))

    office.until("2026-05-22")

    assert proposed(office) == {}
