"""What the proof's tests share: good databases made by Flow, one of everything in them, and what a proof finds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted, SendStopped
from tests.workers.letters import PAY, effect_row, mail
from workers import chain, facts
from workers.authoring import Run, monsum, workflow
from workers.ledger import EffectRow
from workers.prove.examine import examine
from workers.testing.flow import Flow
from workers.testing.memory import MemoryDatabase

Found = list[tuple[int, str, str]]
PLAYED = "paid"
KEPT: dict[str, bytes] = {}


@workflow("t-prove-pay", on=InvoiceCompleted)
def paying(run: Run, event: InvoiceCompleted) -> None:
    """One effect that can be read back, at once."""
    run.effect("pay", PAY, run.read("invoice", monsum.invoice, event.invoice_id))


@workflow("t-prove-wait", on=InvoiceCompleted)
def awaiting(run: Run, event: InvoiceCompleted) -> None:
    """Wait for a word, however long it takes."""
    run.wait_for(SendStopped)


def found(database: Database) -> Found:
    """What a proof of the database finds: (invariant, subject, what)."""
    return [(one.invariant, one.subject, one.what) for one in examine(database, None).kept]


def change(database: Database, model: type[SQLModel], *where: Any, **values: Any) -> None:
    """Change rows behind billhook's back."""
    database.write(lambda c: c.execute(sa.update(table_of(model)).where(*where).values(**values)))


def remove(database: Database, model: type[SQLModel], *where: Any) -> None:
    """Delete rows behind billhook's back."""
    database.write(lambda c: c.execute(sa.delete(table_of(model)).where(*where)))


def only(flow: Flow, model: type[SQLModel]) -> sa.RowMapping:
    """The one row of a table."""
    (row,) = flow.rows(sa.select(table_of(model)))
    return row


@contextmanager
def paid(database: Database) -> Iterator[Flow]:
    """One invoice, one run that is done, one effect that is done. In memory the story is played once, and put back for the others."""
    with Flow(paying, database=database) as flow:
        if not isinstance(database, MemoryDatabase) or PLAYED not in KEPT:
            flow.trigger("invoice.completed")
            assert found(database) == []
        if isinstance(database, MemoryDatabase):
            database.put_back(KEPT.setdefault(PLAYED, database.copied()))
        yield flow


@contextmanager
def waiting(database: Database) -> Iterator[Flow]:
    """One run that waits for an event and for no instant."""
    with Flow(awaiting, database=database) as flow:
        flow.trigger("invoice.completed")
        assert found(database) == []
        yield flow


@contextmanager
def doubtful(database: Database) -> Iterator[Flow]:
    """One effect whose outcome only a person can know, and its run that waits for this person."""
    with Flow(mail, database=database) as flow:
        flow.sandbox.faults.add("drop", "invoice.sendbyemail")
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)
        assert effect_row(flow)["state"] == "unknown"
        assert found(database) == []
        yield flow


def logged(flow: Flow, *steps: tuple[str, str, str]) -> str:
    """Write further rows of the one effect into the log, rightly chained; its id."""
    row = only(flow, EffectRow)

    def act(connection: sa.Connection) -> None:
        for before, after, reason in steps:
            chain.append(
                connection, effect_id=row["id"], before=before, after=after, at=flow.clock.now, request_hash=row["request_hash"],
                facts=facts.of_call(row), reason=reason,
            )  # fmt: skip

    flow.db.write(act)
    return str(row["id"])


def tell_much(flow: Flow, pass_: Callable[..., None]) -> None:
    """A long story with a bit of everything: refused, lost and doubtful calls, a person's words, a resend, approvals."""
    for fault, service in (("refuse", "invoice.setpaid"), ("drop", "invoice.sendbyemail"), ("error-before", "invoice.setpaid")):
        flow.sandbox.faults.add(fault, service)
        ids = flow.trigger("invoice.completed")
        pass_(minutes=7)
        flow.trigger("invoice.changed", invoice_id=ids["invoice_id"], due_date="2026-12-24")
        pass_(minutes=8)
    for row in flow.rows(sa.select(table_of(EffectRow)).where(table_of(EffectRow).c.state == "unknown")):
        flow.order("resolve", row["id"], did=True)
    pass_(minutes=5)
    done = flow.rows(sa.select(table_of(EffectRow)).where(table_of(EffectRow).c.state == "done", table_of(EffectRow).c.purpose == "send"))
    flow.order("resend", done[0]["id"], reason="bounced")
    pass_(minutes=10)
    cancelled = flow.trigger("invoice.completed")
    pass_(minutes=1)
    flow.signal(SendStopped(source=flow.source, at=flow.clock.now, invoice_id=cancelled["invoice_id"]))
    flow.set_mode("t-mail", "propose")
    flow.trigger("invoice.completed")
    flow.trigger("invoice.completed")
    pass_(minutes=10)
    first, second = flow.rows(sa.select(table_of(EffectRow)).where(table_of(EffectRow).c.state == "proposed"))
    flow.order("reject", first["id"])
    flow.order("approve", second["id"])
    pass_(minutes=10)
