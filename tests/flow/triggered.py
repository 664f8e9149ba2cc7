"""Workflows that differ in what a trigger comes to while they are live, and what their tests ask."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from receiver.db import table_of
from workers import engine, events
from workers.authoring import InvoiceChanged, InvoiceCompleted, Run, SendStopped, workflow
from workers.events import Recorded
from workers.runs import RunRow
from workers.testing.flow import Flow

SEEN: list[tuple[str, int]] = []  # of each activation: the trigger's type, and how many changes there were


def changes(connection: sa.Connection, source: str, invoice_id: str) -> int:
    return len(events.concerning(connection, source, customer_id=None, invoice_id=invoice_id, types=[InvoiceChanged.type]))


def look(run: Run, event: Any) -> None:
    """Stay for ten minutes, then count the changes."""
    run.sleep_until(event.at + timedelta(minutes=10))
    SEEN.append((event.type, run.setting("changes", lambda c: changes(c, event.source, event.invoice_id))))


@workflow("t-follow", on=(InvoiceCompleted, InvoiceChanged))
def following(run: Run, event: Any) -> None:
    look(run, event)


@workflow("t-single", on=(InvoiceCompleted, InvoiceChanged), start="one-per-key", cancel_on=(SendStopped,))
def single(run: Run, event: Any) -> None:
    look(run, event)


@workflow("t-looks-first", on=(InvoiceCompleted, InvoiceChanged), start="one-per-key")
def looks_first(run: Run, event: Any) -> None:
    SEEN.append((event.type, run.setting("changes", lambda c: changes(c, event.source, event.invoice_id))))
    run.sleep_until(event.at + timedelta(minutes=10))


@workflow("t-looks-twice", on=(InvoiceCompleted, InvoiceChanged), start="one-per-key")
def looks_twice(run: Run, event: Any) -> None:
    for round in range(2):
        run.sleep_until(event.at + timedelta(minutes=10 + round), f"rest {round}")
        run.setting(f"changes {round}", lambda c: changes(c, event.source, event.invoice_id))


@workflow("t-waits-itself", on=(InvoiceCompleted, InvoiceChanged), start="one-per-key")
def waits_itself(run: Run, event: Any) -> None:
    SEEN.append((event.type, 0))
    run.wait_for(InvoiceChanged, name="change")


@workflow("t-quiet", on=(InvoiceCompleted, InvoiceChanged), debounce="30s")
def quiet(run: Run, event: Any) -> None:
    look(run, event)


@workflow("t-quiet-single", on=(InvoiceCompleted, InvoiceChanged), debounce="30s", start="one-per-key")
def quiet_single(run: Run, event: Any) -> None:
    look(run, event)


def seen() -> list[tuple[str, int]]:
    """What was seen, each once: a Flow goes through every activation again."""
    return list(dict.fromkeys(SEEN))


def change(flow: Flow, ids: dict[str, str], total: str) -> None:
    flow.trigger("invoice.changed", invoice_id=ids["invoice_id"], total=total)


def rows(flow: Flow) -> list[sa.RowMapping]:
    table = table_of(RunRow)
    return flow.rows(sa.select(table).order_by(table.c.started_at, table.c.id))


def shop_run(flow: Flow) -> sa.RowMapping:
    (row,) = rows(flow)
    return row


def begin(flow: Flow, workflow_name: str, trigger: Recorded) -> str:
    """The event starts the workflow, in a transaction of its own; what is noted on it."""
    found = flow.runtime.registry.get(workflow_name)
    assert found is not None
    return flow.db.write(lambda c: engine.begin(c, flow.runtime, found, trigger, at=flow.clock.now)[1])


def told(flow: Flow, type: str) -> Recorded:
    """The last event of a type."""
    table = table_of(events.EventRow)
    (row, *_) = flow.rows(sa.select(table.c.id).where(table.c.type == type).order_by(table.c.id.desc()))
    with flow.db.read() as connection:
        return events.load(connection, row["id"])
