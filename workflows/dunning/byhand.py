"""Notices that a person sent without billhook: each counts as its level, and the clock starts anew from its day.

Owns the event `notice.sent`. outlook.py takes what was told into account before it plans; nothing here sends.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from workers.authoring import InvoiceEvent, Signal, event, events_of_invoice, local_day
from workflows.dunning import tables
from workflows.dunning.account import Account
from workflows.dunning.notice import last_delivered
from workflows.dunning.planning import deadline_of

WAY = "other"


@event("notice.sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSent(InvoiceEvent, Signal):
    """A person sent a dunning notice by hand: of `level` (0 is the reminder), else of the next one; on `sent_on`, else that day."""

    level: int | None = None
    sent_on: date | None = None


def take_in(connection: Connection, account: Account, invoice_id: str) -> None:
    """Keep a notice for each that was told of since the last look."""
    for told in _new(connection, account.source, invoice_id, account.told(connection, invoice_id, (NoticeSent,))):
        _take_in(connection, account, invoice_id, told)


def untaken(connection: Connection, source: str, invoice_id: str) -> list[NoticeSent]:
    """The notices that were told of and that no look has taken in."""
    return _new(connection, source, invoice_id, events_of_invoice(connection, source, invoice_id, (NoticeSent,)))


def _new(connection: Connection, source: str, invoice_id: str, told: list[NoticeSent]) -> list[NoticeSent]:
    known = {row["run_id"] for row in tables.notice_rows(connection, source, invoice_id)} if told else set()
    return [one for one in told if _known_as(one) not in known]


def _known_as(told: NoticeSent) -> str:
    return f"by hand {told.at:%Y%m%dT%H%M%S}"


def _take_in(connection: Connection, account: Account, invoice_id: str, told: NoticeSent) -> None:
    reached = last_delivered(tables.notices_of(connection, account.source, invoice_id))
    level = min((0 if reached is None else reached.level + 1) if told.level is None else told.level, account.ladder.last_level)
    sent_on = told.sent_on or local_day(told.at, account.zone)
    tables.add_notice(
        connection, account.source, invoice_id, customer_id=account.customer_id, level=level, copy=0, name=account.ladder.steps[level].name,
        sent_on=sent_on, deadline_on=deadline_of(account.ladder, level, sent_on=sent_on, days=account.days), way=WAY,
        run_id=_known_as(told), state=tables.DONE, settled_at=told.at,
    )  # fmt: skip
