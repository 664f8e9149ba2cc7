"""S7: two workers at the same second, and the due event delivered three times: one reminder, one call."""

from dataclasses import replace
from pathlib import Path

from receiver import inbox
from receiver.db import Database
from tests.flow.test_races import at_once
from workers import operator
from workers.authoring import InvoiceOverdue
from workers.chain import OutsideHead
from workers.operator import Order
from workers.sweeper import Sweeper

from .conftest import Office, Open

AT_NINE = "2026-03-23 09:00"


def waiting(open_office: Open, database: Database) -> tuple[Office, str]:
    """An invoice whose reminder is due at nine; it is ten to."""
    office = open_office("2026-03-20 10:00", policy={"approve_first_notice": False}, database=database, strict=False)
    invoice = office.invoice()
    office.move("2026-03-20 10:30")
    office.move("2026-03-23 08:50")
    return office, invoice


def told_again(office: Office, times: int) -> None:
    """The event is delivered once more, so often, and not routed yet."""
    due = next(row["id"] for row in office.events() if row["type"] == InvoiceOverdue.type)
    for number in range(times):
        order = Order(act="replay", subject=str(due))
        arrival = operator.order_arrival(order, source="shop", at=office.flow.clock.now, id=f"again-{number}")
        office.flow.db.write(lambda c, arrival=arrival: inbox.append(c, arrival))  # type: ignore[misc]


def test_two_workers_at_one_second_and_three_deliveries_make_one_reminder(
    open_office: Open, postgres_database: Database, tmp_path: Path
) -> None:
    office, invoice = waiting(open_office, postgres_database)
    flow = office.flow
    second = replace(flow.runtime, owner="second", head=OutsideHead(tmp_path, "second"), meter=None)
    flow.clock.move(office.local(AT_NINE))
    told_again(office, 3)

    for _ in range(8):
        at_once(flow.sweeper.sweep, Sweeper(runtime=second, drives=True).sweep)
    flow.settle()
    second.head.close()

    assert office.notices(invoice) == [("L0", "2026-03-23", "2026-03-30", "done")]
    assert [call.service for call in flow.sandbox.calls].count("invoice.sendbyemail") == 1
