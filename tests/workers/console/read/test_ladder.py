"""The calendar of an invoice: what lasting runs did about it, with their figures, and nothing of other invoices."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.event import InvoicePaid
from tests.workers.lines import called, planned, started
from workers import events, ledger
from workers.console.read.ladder import Ladder, ladder
from workers.journal import JournalRow

AT = datetime(2026, 3, 17, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def look(database: Database, invoice: str = "A") -> Ladder | None:
    with database.read() as connection:
        return ladder(connection, "shop", invoice, now=AT + 30 * DAY, zone=ZoneInfo("Europe/Berlin"))


def notice(database: Database, run: str, invoice: str, at: datetime) -> None:
    """A notice that was sent, with the figures its run journaled."""
    effect = planned(database, at, run=run, object_id=invoice)
    called(database, effect, at, at)
    with database.read() as connection:
        row = ledger.load(connection, effect)
        assert row is not None
    figures = [{"key": invoice, "name": "L1", "reason": "", "figures": {"total": "12.00", "currency": "EUR", "deadline": "2026-05-01"}}]
    entry = {"run_id": run, "name": f"{row['step']} figures", "kind": "step", "result": figures, "at": at}
    database.write(lambda c: c.execute(sa.insert(table_of(JournalRow)).values(entry)))


def test_a_customers_run_shows_what_it_did_about_this_invoice_alone(database: Database) -> None:
    run = started(database, "501/EUR", AT, status="waiting", wake_at=AT + 20 * DAY, invoice_id=None)
    notice(database, run, "A", AT + 3 * DAY)
    notice(database, run, "B", AT + 4 * DAY)

    found = look(database)

    assert found is not None
    assert [(row.at, row.name, row.kind, row.figures["total"]) for row in found.rows] == [("2026-03-20T10:00:00", "L1", "effect", "12.00")]
    assert (found.start, found.until, found.next_at) == (date(2026, 3, 20), date(2026, 5, 1), AT + 20 * DAY)


def test_what_waits_for_a_yes_and_what_was_learned_have_their_place(sqlite_database: Database) -> None:
    run = started(sqlite_database, "A", AT, status="waiting", wake_at=AT + 20 * DAY)
    planned(sqlite_database, AT + DAY, run=run, object_id="A", state="proposed", amount="5.00 EUR")
    paid = InvoicePaid(source="shop", at=AT + 2 * DAY, invoice_id="A", customer_id="501")
    sqlite_database.write(lambda c: events.record(c, paid, "paid:A", delivery_id=1, at=AT + 2 * DAY))

    found = look(sqlite_database)

    assert found is not None
    assert [(row.kind, row.key) for row in found.rows] == [("proposal", "dunning"), ("state", "learned")]


def test_a_run_that_was_over_at_once_is_worth_no_calendar(sqlite_database: Database) -> None:
    run = started(sqlite_database, "A", AT, status="done", ended_at=AT + timedelta(hours=1))
    notice(sqlite_database, run, "A", AT)

    assert look(sqlite_database) is None
    assert look(sqlite_database, "nothing") is None
