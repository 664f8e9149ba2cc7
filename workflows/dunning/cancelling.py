"""Parts of an invoice that were cancelled at the provider: never owed, so no interest on them from the first day on.

No provider tells such a part from a payment: IS_CANCELED speaks of the whole invoice, a webhook only of the lower balance, and a credit
document names no invoice (reference of invoice.get and invoice.cancel, read 2026-11-21). So it is known from our own `invoice.cancel`,
from a person (`invoice.part_cancelled`), and assumed, as the debtor owes less then, of a credit document that fits a fall exactly.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from workers.authoring import InvoicePartCancelled, credit_documents, done_effects, local_day, monsum
from workflows.dunning import tables
from workflows.dunning.balance import Balance, Cancelled, from_observations, told_apart


def balances_of(connection: Connection, source: str, invoice_id: str, parts: list[Cancelled], *, since: date) -> tuple[Balance, ...]:
    """What bore interest when, as looks at the invoice showed it, without what was cancelled."""
    return from_observations(told_apart(tables.seen_of(connection, source, invoice_id), parts), since=since)


def parts_of(
    connection: Connection, source: str, invoice_id: str, told: Sequence[InvoicePartCancelled], *, customer_id: str, currency: str,
    zone: ZoneInfo,
) -> list[Cancelled]:  # fmt: skip
    """Every part that is known or assumed to be cancelled, in the currency of the invoice. `told`: what people said of it."""
    done = done_effects(connection, source, invoice_id, monsum.cancel.name)
    own = [(one.settled_at, one.request.get("cancellation_amount")) for one in done]
    documents = [one for one in credit_documents(connection, source, customer_id) if one.currency == currency]
    return [
        *(Cancelled(local_day(at, zone), Decimal(str(amount))) for at, amount in own if at is not None and amount is not None),
        *(Cancelled(one.cancelled_on or local_day(one.at, zone), one.amount.amount) for one in told if one.amount.currency == currency),
        *(Cancelled(one.invoice_date, abs(one.total.amount), sure=False) for one in documents if one.invoice_date and one.total),
    ]
