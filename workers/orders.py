"""Giving an order: what a person names, whose it is, and what the router made of it.

Used by the command line and the console. An order is put into the inbox and its answer waited for a moment; with nobody routing, it
waits there and is not lost.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database, table_of
from receiver.inbox import Arrival, Delivery
from workers import ledger
from workers.desk import Alert, Parked, Task
from workers.errors import NotHere, StateConflict
from workers.runs import RunRow
from workers.views import row_number

ANSWER_S, LOOK_S = 10.0, 0.05


@dataclass(frozen=True)
class Answer:
    """What the router said to an order; `outcome` is None while nobody has routed it."""

    outcome: str | None
    reason: str


def give(database: Database, arrival: Arrival, *, patience_s: float | None = None) -> Answer:
    """Put the arrival into the inbox and wait up to `patience_s`, else ANSWER_S, for what the router makes of it."""
    id = database.write(lambda c: inbox.append(c, arrival)).delivery_id
    table, until = table_of(Delivery), time.monotonic() + (ANSWER_S if patience_s is None else patience_s)
    while True:
        with database.read() as connection:
            row = connection.execute(sa.select(table.c.routed_at, table.c.outcome, table.c.reason).where(table.c.id == id)).one()
        if row.routed_at is not None:
            return Answer(row.outcome, row.reason or "")
        if time.monotonic() > until:
            return Answer(None, f"kept as delivery {id}; nobody routes it now: is `billhook up` or a worker running?")
        time.sleep(LOOK_S)


def source_of_effect(connection: Connection, id: str) -> str:
    """The source of an effect. Raises NotHere."""
    row = ledger.load(connection, id)
    if row is None:
        raise NotHere(f"there is no effect {id}: `billhook effects` lists them")
    return str(row["source"])


def to_retry(connection: Connection, id: str) -> tuple[str, str]:
    """(subject, source) to retry, from a run's own id, a parked item's (its run, else its delivery), or "delivery:7".

    Raises NotHere, or StateConflict where there is nothing to retry.
    """
    if id.startswith("delivery:"):
        return id, _source_of_delivery(connection, id.removeprefix("delivery:"))
    table = table_of(RunRow)
    run = connection.execute(sa.select(table.c.id, table.c.source).where(table.c.id == id)).first()
    if run is not None:
        return run.id, run.source
    parked = _parked(connection, id)
    if parked["run_id"] is None and parked["delivery_id"] is not None:
        return f"delivery:{parked['delivery_id']}", parked["source"]
    if parked["run_id"] is None:
        raise StateConflict(f"parked item {id} has no run to retry: `billhook parked` names what moves it")
    return parked["run_id"], parked["source"]


def to_close(connection: Connection, id: str, sources: Sequence[str]) -> str:
    """Through which of the configured sources a close goes: that of a parked item's id, "alert:7" or "task:3". Raises NotHere.

    What belongs to none of them, such as an alert about the whole database, is closed through the first.
    """
    source = _source_to_close(connection, id)
    return source if source in sources else next(iter(sources), source)


def _source_to_close(connection: Connection, id: str) -> str:
    kind, _, number = id.partition(":")
    model = {"alert": Alert, "task": Task}.get(kind)
    if model is None:
        return str(_parked(connection, id)["source"])
    table = table_of(model)
    source = connection.execute(sa.select(table.c.source).where(table.c.id == row_number(number))).scalar_one_or_none()
    if source is None:
        raise NotHere(f"there is no {kind} {number}: `billhook {kind}s` lists them")
    return str(source)


def _source_of_delivery(connection: Connection, delivery_id: str) -> str:
    table = table_of(Delivery)
    source = connection.execute(sa.select(table.c.source).where(table.c.id == row_number(delivery_id))).scalar_one_or_none()
    if source is None:
        raise NotHere(f"there is no delivery {delivery_id}: `billhook deliveries` lists them")
    return str(source)


def _parked(connection: Connection, id: str) -> sa.RowMapping:
    table = table_of(Parked)
    row = connection.execute(sa.select(table).where(table.c.id == row_number(id))).mappings().first()
    if row is None:
        raise NotHere(f"nothing parked has the id {id}: `billhook parked` lists what is")
    return row
