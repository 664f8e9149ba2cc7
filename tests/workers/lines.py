"""Rows that stand in line, for the tests of what is told about now: deliveries, runs, and calls of effects."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted
from workers import events, ledger, runs
from workers.ids import new_id


def delivered(database: Database, name: str, at: datetime, **columns: Any) -> int:
    """A delivery received at `at`; `columns` such as routed_at are set on it."""
    arrival = inbox.Arrival(source="shop", origin="push", native_type="t", native_id=name, body=b"{}", received_at=at)
    id = database.write(lambda c: inbox.append(c, arrival)).delivery_id
    _set(database, inbox.Delivery, id, columns)
    return id


def told_again(database: Database, delivery: int, since: datetime) -> None:
    """Invoice 4711 is heard of twice more, an hour and two hours after `since`."""
    for hours in (1, 2):
        at = since + timedelta(hours=hours)
        event = InvoiceCompleted(source="shop", at=at, invoice_id="4711", customer_id="501")
        database.write(
            lambda c, event=event, at=at: events.record(c, event, f"invoice.completed:4711:{at}", delivery_id=delivery, at=at)  # type: ignore[misc]
        )


def started(database: Database, key: str, at: datetime, *, workflow: str = "dunning", **columns: Any) -> str:
    """A run started at `at`; `columns` such as status are set on it."""
    made = {"source": "shop", "workflow": workflow, "key": key, "trigger_id": 1, "mode": "auto", "policy_id": None}
    id = database.write(lambda c: runs.start(c, **made, customer_id=None, invoice_id=key, at=at))
    assert id is not None
    _set(database, runs.RunRow, id, columns)
    return id


def planned(database: Database, at: datetime, *, state: str = "intended", amount: str | None = None, run: str = "r", **columns: Any) -> str:
    """An effect planned at `at`."""
    id = new_id()
    plan = ledger.Plan(
        run_id=run, step=id, workflow="dunning", source="shop", service="invoice.sendbyemail", object_kind="invoice", object_id=id,
        customer_id=None, purpose="send", request={}, amount=amount,
    )  # fmt: skip
    database.write(lambda c: ledger.intend(c, id, plan, state=state, at=at))
    _set(database, ledger.EffectRow, id, columns)
    return id


def called(database: Database, effect: str, at: datetime, answered_at: datetime, after: str = "done") -> None:
    """The effect's call, begun and answered."""
    database.write(lambda c: ledger.move(c, effect, "calling", since=["intended"], at=at, calling_at=at))
    database.write(lambda c: ledger.move(c, effect, after, since=["calling"], at=answered_at))


def _set(database: Database, model: Any, id: Any, columns: dict[str, Any]) -> None:
    table = table_of(model)
    if columns:
        database.write(lambda c: c.execute(sa.update(table).where(table.c.id == id).values(**columns)))
