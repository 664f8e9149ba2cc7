"""What may be there once: a lost unique index is named, and with it every row that is there twice."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.prove.stories import doubtful, found
from workers.events import EventRow
from workers.journal import JournalRow
from workers.ledger import EffectRow, SlotRow
from workers.prove.indexes import SINGLES, Single
from workers.runs import RunRow
from workers.testing.flow import Flow


def lose(database: Database, table: sa.Table, index: str) -> None:
    """Drop a unique index; a constraint of SQLite goes with its table, which is made anew without it."""

    def act(connection: Connection) -> None:
        constraint = index in {one["name"] for one in sa.inspect(connection).get_unique_constraints(table.name)}
        if not constraint:
            connection.execute(sa.text(f"DROP INDEX {index}"))
        elif connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"ALTER TABLE {table.name} DROP CONSTRAINT {index}"))
        else:
            connection.execute(sa.text(f"CREATE TABLE bare AS SELECT * FROM {table.name}"))
            connection.execute(sa.text(f"DROP TABLE {table.name}"))
            connection.execute(sa.text(f"ALTER TABLE bare RENAME TO {table.name}"))

    database.write(act)


def double(flow: Flow, table: sa.Table) -> None:
    """Put the table's first row there once more, under another id."""
    row: dict[str, Any] = dict(flow.rows(sa.select(table).order_by(table.c.id))[0])
    row["id"] = 999 if isinstance(row["id"], int) else "zz"
    flow.db.write(lambda c: c.execute(sa.insert(table).values(row)))


@pytest.mark.parametrize("single", SINGLES, ids=lambda single: single.index)
def test_a_lost_index_is_named_and_so_is_what_is_double(database: Database, single: Single) -> None:
    with doubtful(database) as flow:
        table = table_of(single.model)
        lose(database, table, single.index)
        assert (single.invariant, f"index {single.index}", "it is missing: the database no longer refuses a second row") in found(database)

        double(flow, table)

        assert [what for number, subject, what in found(database) if number == single.invariant and f"2 {single.says}" == what]


def test_every_index_the_invariants_rest_on_is_looked_for() -> None:
    unique = {
        str(one.name)
        for model in (Delivery, EventRow, JournalRow, RunRow, SlotRow, EffectRow)
        for one in (*table_of(model).indexes, *table_of(model).constraints)
        if isinstance(one, sa.UniqueConstraint) or getattr(one, "unique", False)
    }

    assert {single.index for single in SINGLES} == unique
