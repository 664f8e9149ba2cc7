"""Reminders that the provider itself sent: asked for as soon as it tells of one, and before every step of ours.

`payment.reminded` names no invoice on Monsum, so every open one of the customer is asked about.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from workers.authoring import RemindersDoc
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.letter import foreign


def take_notice(connection: Connection, account: Account, read: Mapping[str, RemindersDoc]) -> list[str]:
    """Stop the ladders of invoices that somebody else reminded of: invoice -> its reminders; the invoices concerned."""
    return [id for id, reminders in read.items() if stop_foreign(connection, account, id, reminders)]


def stop_foreign(connection: Connection, account: Account, invoice_id: str, reminders: RemindersDoc) -> bool:
    """Whether there are reminders that no operator accepted; then the ladder stops."""
    row = tables.ladder_of(connection, account.source, invoice_id)
    detail: dict[str, Any] = dict(row["detail"] or {}) if row is not None else {}
    known = tuple(detail.get("accepted", ()))
    others = foreign(reminders, known)
    if others:
        tables.put_ladder(
            connection, account.source, invoice_id, state=tables.FOREIGN, reason="foreign_dunning",
            detail={**detail, "foreign": [*known, *others]}, next_name=None, next_on=None, at=account.now,
        )  # fmt: skip
    return bool(others)
