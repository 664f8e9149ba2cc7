"""What a duty asks of a source: open invoices, spans of blocks, how fresh the data is, which runs live."""

from datetime import date, timedelta

import sqlalchemy as sa

from receiver.db import table_of
from workers.authoring import (
    BankChecked,
    BlockReleased,
    Disputed,
    InvoiceCompleted,
    Run,
    blocks_of,
    events_of_source,
    live_keys,
    open_invoices,
    owed_on,
    synced_at,
    workflow,
)
from workers.mirror import Mirror
from workers.testing.flow import Flow


@workflow("t-overview", on=InvoiceCompleted, key=lambda event: event.invoice_id)
def wait_long(run: Run, event: InvoiceCompleted) -> None:
    run.sleep_until(event.at + timedelta(days=30))


def test_open_invoices_are_those_completed_and_neither_paid_nor_cancelled_of_one_customer_or_all() -> None:
    with Flow(wait_long) as flow:
        first = flow.trigger("invoice.completed")
        second = flow.trigger("invoice.completed")
        flow.trigger("invoice.created")
        for act in ("invoice.paid", "invoice.canceled"):
            flow.trigger(act, invoice_id=flow.trigger("invoice.completed")["invoice_id"])

        with flow.db.read() as connection:
            found = [doc.id for doc in open_invoices(connection, "shop")]
            own = [doc.id for doc in open_invoices(connection, "shop", customer_id=second["customer_id"])]
            other = open_invoices(connection, "else")
            every = [row.object_id for row in connection.execute(sa.select(table_of(Mirror).c.object_id))]
            owed = owed_on(connection, "shop", every)
            whole = {doc.id: doc.outstanding for doc in open_invoices(connection, "shop")}

        assert (found, own, other) == ([first["invoice_id"], second["invoice_id"]], [second["invoice_id"]], [])
        assert owed == whole and len(every) > len(owed) > 0


def test_a_block_is_a_span_that_holds_until_it_is_released() -> None:
    with Flow(wait_long) as flow:
        ids = flow.trigger("invoice.completed")
        flow.signal(Disputed(source="shop", at=flow.clock.now, reason="wrong", until=date(2026, 12, 1), **ids))
        with flow.db.read() as connection:
            (held,) = blocks_of(connection, "shop", **ids)
        flow.signal(BlockReleased(source="shop", at=flow.clock.now, kind="dispute", **ids))
        with flow.db.read() as connection:
            (released,) = blocks_of(connection, "shop", **ids)

        assert [held.holds_on(date(2026, 12, day)) for day in (1, 2)] == [True, False]
        assert (released.closed_at, released.holds_on(date(2026, 12, 1))) == (flow.clock.now, False)


def test_the_data_is_as_fresh_as_the_last_scan_that_went_through() -> None:
    with Flow(wait_long) as flow:
        connected = flow.clock.now
        with flow.db.read() as connection:
            first = synced_at(connection, "shop")
        flow.advance(hours=1)
        flow.sweeper.sweep()
        flow.sandbox.faults.add("unavailable", "invoice.get", times=50)
        scanned = flow.clock.now
        flow.advance(hours=2)

        with flow.db.read() as connection:
            assert (first, synced_at(connection, "shop")) == (connected, scanned)


def test_live_keys_are_those_of_runs_that_have_not_ended_and_events_of_a_source_come_in_their_order() -> None:
    with Flow(wait_long) as flow:
        done = flow.trigger("invoice.completed")["invoice_id"]
        flow.clock.pass_(timedelta(days=31))
        flow.settle()
        live = flow.trigger("invoice.completed")["invoice_id"]
        for day in (2, 1):
            flow.signal(BankChecked(source="shop", at=flow.clock.now, through=date(2026, 11, day)))

        with flow.db.read() as connection:
            assert live_keys(connection, "shop", "t-overview") == {live} - {done}
            assert [one.through.day for one in events_of_source(connection, "shop", (BankChecked,))] == [2, 1]
