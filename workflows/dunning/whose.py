"""Whose an invoice is: nobody is dunned who is deleted, or to whom another one's invoice was moved, until a person says so.

Asked by outlook.py inside its step. Providers tell of no merge: a customer is deleted, and the invoices are another one's.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.authoring import owner_of_open_invoice
from workflows.dunning import tables
from workflows.dunning.account import Account

DELETED, MOVED = "customer_deleted", "customer_changed"


def why_frozen(connection: Connection, account: Account, invoice_id: str, row: sa.RowMapping | None, *, deleted: bool) -> str | None:
    """Why the ladder of an invoice must not go on by itself, or None. `row`: the ladder under this customer."""
    if deleted:
        return DELETED
    known = tables.ladder_of(connection, account.source, invoice_id) if row is None else None
    return MOVED if known is not None and known["customer_id"] != account.customer_id else None


def is_anothers(connection: Connection, account: Account, invoice_id: str) -> bool:
    """Whether an invoice that this customer no longer owes is owed by another one."""
    return owner_of_open_invoice(connection, account.source, invoice_id) not in (None, account.customer_id)
