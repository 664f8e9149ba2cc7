"""How notices and claims end: paid, crossed, cancelled, or come back undelivered; and how claims begin anew when a payment comes back.

Called by outlook.py and keeping.py inside a step. Claims are booked nowhere: paid without them they are waived, or left for a person.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.authoring import EmailBounced, InvoiceCanceled, InvoicePaid, events_of_invoice
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.claims import Claim, given_up, in_state, revived, when_settled
from workflows.dunning.crossing import Call, crossing


def settle(connection: Connection, account: Account, invoice_id: str) -> bool:
    """Close the ladder of an invoice that is no longer open; whether open claims are left for a person."""
    canceled = bool(events_of_invoice(connection, account.source, invoice_id, (InvoiceCanceled,)))
    paid_at = paid_seen_at(connection, account.source, invoice_id)
    claims = tables.claims_of(connection, account.source, invoice_id)
    if canceled:
        claims = in_state(claims, "void")
    else:
        tables.see(connection, account.source, {invoice_id: Decimal(0)}, on=account.today, same_on=account.today)
        claims = when_settled(_crossed(connection, account, invoice_id, claims, paid_at), ask=account.policy.unpaid_claims == "ask")
    tables.put_claims(connection, account.source, invoice_id, claims, at=account.now)
    tables.put_ladder(
        connection, account.source, invoice_id, state=tables.CLOSED, reason="invoice_cancelled" if canceled else "paid", next_name=None,
        next_on=None, hold_until=None, at=account.now,
    )  # fmt: skip
    return any(claim.state == "open" for claim in claims)


def _crossed(
    connection: Connection, account: Account, invoice_id: str, claims: tuple[Claim, ...], paid_at: datetime | None
) -> tuple[Claim, ...]:
    """The claims after a payment that met the last notice on its way: that notice is marked, and what it claimed is waived."""
    row = _last_sent(connection, account, invoice_id)
    if row is None or paid_at is None or row["called_at"] is None or row["settled_at"] is None:
        return claims
    call = Call(sent_on=row["sent_on"], calling_at=row["called_at"], settled_at=row["settled_at"])
    if crossing(call, seen_paid_at=paid_at) != "crossed":
        return claims
    tables.set_notice(connection, row, tables.CROSSED, at=account.now)
    return given_up(claims, level=row["level"])


def reopen(connection: Connection, account: Account, invoice_id: str) -> None:
    """Revive the claims of an invoice whose payment came back, where they were given up for that payment alone."""
    tables.put_claims(
        connection, account.source, invoice_id, revived(tables.claims_of(connection, account.source, invoice_id)), at=account.now
    )


def bounce(connection: Connection, account: Account, invoice_id: str) -> bool:
    """Mark the notice undelivered whose e-mail came back for good; whether that is news. A bounce tells of the last one before it."""
    news = False
    for told in account.told(connection, invoice_id, (EmailBounced,)):
        row = _meant(tables.notice_rows(connection, account.source, invoice_id), told)
        if row is None or row["state"] != tables.DONE:
            continue
        news = True
        tables.set_notice(connection, row, tables.UNDELIVERED, at=account.now)
        claims = in_state(tables.claims_of(connection, account.source, invoice_id), "void", level=row["level"])
        tables.put_claims(connection, account.source, invoice_id, claims, at=account.now)
    return news


def _meant(rows: Sequence[sa.RowMapping], told: EmailBounced) -> sa.RowMapping | None:
    """The last notice that was called for before its e-mail came back from that address, whatever became of it; None for a soft bounce."""
    before = [row for row in rows if row["called_at"] is not None and row["called_at"].replace(microsecond=0) <= told.at]
    known = [row for row in before if told.address_hash in (None, row["address_hash"])]
    return known[-1] if known and told.bounce == "hard" else None


def paid_seen_at(connection: Connection, source: str, invoice_id: str) -> datetime | None:
    """When the last full payment of an invoice was announced, or None."""
    return max((one.at for one in events_of_invoice(connection, source, invoice_id, (InvoicePaid,))), default=None)


def _last_sent(connection: Connection, account: Account, invoice_id: str) -> sa.RowMapping | None:
    sent = [row for row in tables.notice_rows(connection, account.source, invoice_id) if row["state"] == tables.DONE]
    return sent[-1] if sent else None
