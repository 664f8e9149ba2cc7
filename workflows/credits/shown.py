"""The panel `credits`: every top-up that is open or waits for a person, the last that were made, and what came in before by transfer."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from workers.authoring import panel
from workflows.credits import tables, transfers

LAST = 50


@dataclass(frozen=True, slots=True)
class CreditsRow:
    """One order, one suspended customer, or what a customer sent in advance: `amount`, and what of it is `unused`."""

    customer: str
    state: str
    amount: str
    before: str
    after: str
    proof: str
    reason: str
    invoice: str
    opened: str
    unused: str = ""


@panel("credits")
def shown(connection: Connection, source: str) -> list[CreditsRow]:
    """Suspended customers first, then what was received in advance, then orders, the newest first."""
    held = [
        CreditsRow(row["customer_id"], "suspended", "", "", "", "", str(row["suspended"]), "", "")
        for row in tables.suspended_customers(connection, source)
    ]
    orders = tables.last_orders(connection, source, LAST)
    return [*held, *_received(connection, source)] + [
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
        for row in orders
    ]


def _received(connection: Connection, source: str) -> Iterator[CreditsRow]:
    """What each customer sent by transfer, and what no top-up used yet."""
    for (customer_id, currency), purse in transfers.purses(connection, source).items():
        yield CreditsRow(
            customer=customer_id, state="received", amount=f"{purse.received} {currency}", before="", after="", proof="", reason="",
            invoice="", opened="", unused=f"{purse.left} {currency}",
        )  # fmt: skip
