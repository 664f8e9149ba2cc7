"""The panel `credits`: every top-up that is open or waits for a person, and the last that were made."""

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workers.authoring import panel
from workflows.credits import tables

LAST = 50


@dataclass(frozen=True, slots=True)
class CreditsRow:
    """One order, or one customer without an order who is suspended."""

    customer: str
    state: str
    amount: str
    before: str
    after: str
    proof: str
    reason: str
    invoice: str
    opened: str


@panel("credits")
def shown(connection: Connection, source: str) -> list[CreditsRow]:
    """Suspended customers first, then orders, the newest first."""
    held = [
        CreditsRow(row["customer_id"], "suspended", "", "", "", "", str(row["suspended"]), "", "")
        for row in tables.suspended_customers(connection, source)
    ]
    orders = tables.orders_of(connection, source)[-LAST:]
    return held + [
        CreditsRow(
            row["customer_id"],
            row["state"],
            f"{row['amount']} {row['currency']}",
            row["balance_before"] or "",
            row["balance_after"] or "",
            row["proof"] or "",
            row["reason"] or "",
            row["invoice_id"] or "",
            row["opened_at"].isoformat(),
        )
        for row in reversed(orders)
    ]
