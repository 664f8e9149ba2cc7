"""What the database itself keeps single: the unique indexes behind the invariants are there, and where one is not, what is double.

While an index stands, the database refuses a second row; only where it was lost are the rows themselves compared.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from workers.events import EventRow
from workers.journal import JournalRow
from workers.ledger import EffectRow, SlotRow
from workers.prove.pages import snapshot
from workers.prove.report import KEPT_MAX, Report
from workers.runs import UNFINISHED, RunRow


@dataclass(frozen=True, kw_only=True)
class Single:
    """One thing there may be once. `rows` are those it holds for."""

    invariant: int
    model: type[SQLModel]
    index: str
    columns: tuple[str, ...]
    rows: Any = None
    says: str


SINGLES = (
    Single(
        invariant=2, model=Delivery, index="delivery_identity", columns=("source", "native_type", "native_id", "body_hash"),
        says="deliveries have one identity",
    ),
    Single(invariant=3, model=EventRow, index="event_identity", columns=("source", "identity"), says="events have one identity"),
    Single(invariant=4, model=JournalRow, index="journal_step", columns=("run_id", "name"), says="journal entries are of one step"),
    Single(
        invariant=5, model=RunRow, index="run_live_key", columns=("source", "workflow", "key"),
        rows=table_of(RunRow).c.status.in_(UNFINISHED), says="live runs have one workflow and key",
    ),
    Single(
        invariant=7, model=SlotRow, index="slot_live", columns=("source", "object_id", "purpose", "version", "generation"),
        rows=table_of(SlotRow).c.live, says="effects hold one slot in one generation",
    ),
    Single(
        invariant=7, model=EffectRow, index="effect_step", columns=("run_id", "step"), rows=sa.not_(table_of(EffectRow).c.retired),
        says="effects are of one step",
    ),
)  # fmt: skip


def check(database: Database, report: Report) -> None:
    """Look at every index; at the rows too where one is missing."""
    with snapshot(database) as connection:
        for single in SINGLES:
            if single.columns not in unique_in(connection, str(single.model.__tablename__), single.index):
                report.add(single.invariant, f"index {single.index}", "it is missing: the database no longer refuses a second row")
                _judge_rows(connection, report, single)


def unique_in(connection: Connection, table: str, name: str) -> list[tuple[str, ...]]:
    """The columns of the unique index or constraint of that name, if the table has it."""
    look = sa.inspect(connection)
    indexes = [tuple(str(c) for c in one["column_names"]) for one in look.get_indexes(table) if one["name"] == name and one["unique"]]
    return indexes + [tuple(one["column_names"]) for one in look.get_unique_constraints(table) if one["name"] == name]


def _judge_rows(connection: Connection, report: Report, single: Single) -> None:
    table = table_of(single.model)
    columns = [table.c[name] for name in single.columns]
    rows = [] if single.rows is None else [single.rows]
    many = sa.select(*columns, sa.func.count()).where(*rows).group_by(*columns).having(sa.func.count() > 1).limit(KEPT_MAX)
    for *named, count in connection.execute(many):
        report.add(single.invariant, f"{table.name} {'/'.join(str(value) for value in named)}", f"{count} {single.says}")
