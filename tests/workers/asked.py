"""Counting and explaining what is asked of a database, for tests that hold a plan or a number of statements."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection


@contextmanager
def listening(connection: Connection) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """Every statement asked on the connection inside the block, with its values."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def keep(_connection: object, _cursor: object, statement: str, values: tuple[object, ...], *_others: object) -> None:
        asked.append((statement, values))

    sa.event.listen(connection, "before_cursor_execute", keep)
    yield asked
    sa.event.remove(connection, "before_cursor_execute", keep)


def scans(connection: Connection, asked: list[tuple[str, tuple[object, ...]]]) -> list[str]:
    """The steps of SQLite's plans that go through a table without an index."""
    plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all() for sql, values in asked]
    return [step[-1] for plan in plans for step in plan if step[-1].startswith("SCAN") and "USING" not in step[-1]]
