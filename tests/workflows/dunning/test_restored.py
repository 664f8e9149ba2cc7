"""After a restored backup a notice that may have gone out in the time that was lost goes out again only on a person's word."""

import sqlalchemy as sa

from receiver.db import Database, table_of
from workers import chain, holds, restored
from workers.runs import RunRow
from workers.testing import memory
from workers.worker import guard_restored

from .conftest import Open

ALONE = {"approve_first_notice": False}


def test_an_invoice_that_was_overdue_before_the_release_is_doubted_also_where_the_next_morning_tells_of_it(
    open_office: Open, sqlite_database: Database
) -> None:
    office = open_office("2026-03-02 10:00", policy=ALONE, database=sqlite_database)
    flow, office.grants = office.flow, False
    backup = memory.copied(sqlite_database)
    invoice = office.invoice()
    office.until("2026-03-25")
    office.invoice(customer_id=office.customer_of(invoice), invoice_date="2026-03-12", due_date="2026-03-26 00:00:00")
    memory.put_back(sqlite_database, backup)
    flow.hire("anew")
    guard_restored(flow.runtime, flow.heads)
    office.move("2026-03-25 09:30")

    def release(connection: sa.Connection) -> None:
        chain.accept(connection, flow.heads, at=flow.clock.now, actor="operator")
        restored.release(connection, at=flow.clock.now, actor="operator")
        holds.end_freeze(connection, at=flow.clock.now, actor="operator")

    flow.db.write(release)
    office.mark_sent(invoice, "2026-03-02")
    office.until("2026-03-30")

    assert office.sent == ["2026-03-23"]
    assert [(state, reason) for _, _, state, reason in flow.effects][-1] == ("proposed", "restored")
    assert [row["doubted"] for row in flow.rows(sa.select(table_of(RunRow))) if row["workflow"] == "dunning"] == [True]


def test_an_invoice_that_falls_due_after_the_release_is_dunned_as_ever(open_office: Open) -> None:
    office = open_office("2026-03-02 10:00", policy=ALONE)
    flow = office.flow
    invoice = office.invoice()
    flow.db.write(lambda c: restored.freeze(c, "lacks row 2", at=flow.clock.now))

    def release(connection: sa.Connection) -> None:
        restored.release(connection, at=flow.clock.now, actor="operator")
        holds.end_freeze(connection, at=flow.clock.now, actor="operator")

    flow.db.write(release)
    office.until("2026-03-25")

    assert [name for name, *_ in office.notices(invoice)] == ["L0"]
    assert office.proposed == []
