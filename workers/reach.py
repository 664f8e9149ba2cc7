"""How far back a story is told: of each kind of row the newest, and from which instant on nothing is left out.

Used by workers/story.py. Every query is asked for the newest rows up to an instant and ends after so many, however much there is of a
customer. What a query left out raises `after`: later than that the story is whole, the rest is told by asking again up to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from receiver.db import table_of
from receiver.inbox import Delivery
from workers.chain import EffectLog
from workers.control import Audit
from workers.desk import Alert, Block, Parked, Task
from workers.events import EventRow
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.runs import RunRow

BEGINS: Mapping[type[SQLModel], str] = {
    RunRow: "started_at", EffectRow: "intended_at", EventRow: "recorded_at", Delivery: "received_at", JournalRow: "at", EffectLog: "at",
    Alert: "opened_at", Task: "opened_at", Block: "opened_at", Parked: "opened_at", Audit: "at",
}  # fmt: skip
ENDS: Mapping[type[SQLModel], str] = {RunRow: "ended_at", EffectRow: "settled_at", Parked: "closed_at"}
INSTANT = timedelta(microseconds=1)
_AT_ONCE = 10_000  # a statement takes 32,766 values on SQLite, 65,535 on PostgreSQL

UNTOLD = {(Delivery, "body"), (Delivery, "headers"), (EffectRow, "reply"), (EffectRow, "before")}


class Reach:
    """Reads what began at or before `until`, the newest `most` of each. `after`: what is later than that is whole; None: everything."""

    def __init__(self, connection: Connection, *, until: datetime | None, most: int) -> None:
        self.connection = connection
        self._until, self._most = until, most
        self.after: datetime | None = None

    def rows(self, model: type[SQLModel], column: str, values: Iterable[Any]) -> list[sa.RowMapping]:
        """The rows whose column is one of the values, in the order they were written, which is that of what happened in one instant.

        Without what is large and in no line: bodies, headers, replies, and an effect's image of what was before.
        """
        table = table_of(model)
        columns = [one for one in table.c if (model, one.name) not in UNTOLD]
        return self._newest(model, [table.c[column].in_(some) for some in _some(values)], columns)

    def given(self, model: type[SQLModel], column: str, values: Iterable[Any], give: str = "id") -> set[Any]:
        """What the rows have in the column `give`, without None."""
        table = table_of(model)
        return self._given(model, [table.c[column].in_(some) for some in _some(values)], give)

    def matching(self, model: type[SQLModel], where: sa.ColumnElement[bool]) -> set[Any]:
        """The ids of the rows that match."""
        return self._given(model, [where], "id")

    def _given(self, model: type[SQLModel], wheres: Sequence[sa.ColumnElement[bool]], give: str) -> set[Any]:
        table = table_of(model)
        columns = {name: table.c[name] for name in (_key(table).name, BEGINS[model], give)}
        return {row[give] for row in self._newest(model, wheres, columns.values()) if row[give] is not None}

    def _newest(
        self, model: type[SQLModel], wheres: Iterable[sa.ColumnElement[bool]], columns: Iterable[sa.ColumnElement[Any]]
    ) -> list[sa.RowMapping]:
        """The newest rows, and those that began earlier and were not over where it ends; in the order they were written."""
        table, begins, wheres = table_of(model), BEGINS[model], list(wheres)
        key, chosen = _key(table), list(columns)
        found = self._latest(table, wheres, begins, chosen)
        if len(found) > self._most:
            dropped = found[self._most][begins]
            self.end(dropped, found[0][begins])
            found = found[: self._most]
            if model in ENDS:
                ends = table.c[ENDS[model]]
                lasted = [sa.and_(where, table.c[begins] <= dropped, sa.or_(ends.is_(None), ends > dropped)) for where in wheres]
                found += self._latest(table, lasted, begins, chosen)[: self._most]
        return sorted({row[key.name]: row for row in found}.values(), key=lambda row: row[key.name])

    def _latest(
        self, table: sa.Table, wheres: Iterable[sa.ColumnElement[bool]], begins: str, columns: list[sa.ColumnElement[Any]]
    ) -> list[sa.RowMapping]:
        """The newest rows, the last first, one more than are told."""
        key, at = _key(table), table.c[begins]
        until = [at <= self._until] if self._until is not None else []
        found: list[sa.RowMapping] = []
        for where in wheres:
            query = sa.select(*columns).where(where, *until).order_by(at.desc(), key.desc()).limit(self._most + 1)
            found += self.connection.execute(query).mappings()
        return sorted(found, key=lambda row: (row[begins], row[key.name]), reverse=True)[: self._most + 1]

    def end(self, dropped: datetime, newest: datetime) -> None:
        """Tell nothing from `dropped` back; where all is of one instant, of that instant what was read."""
        end = dropped if dropped < newest else dropped - INSTANT
        self.after = end if self.after is None else max(self.after, end)


def _key(table: sa.Table) -> sa.Column[Any]:
    """The column that counts up."""
    return next(iter(table.primary_key.columns))


def _some(values: Iterable[Any]) -> Iterable[list[Any]]:
    """The values in their order, as many at once as a statement takes."""
    ordered = sorted(value for value in values if value is not None)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))
