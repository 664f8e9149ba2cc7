"""Databases that can be put back to what they were: one in this process's memory, and copies of any other by its rows.

Used where one scenario is played thousands of times (workers/testing/crashes.py). What `put_back` brings back is what `copied` saw,
row ids included.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database
from workers import schema

T = TypeVar("T")
Rows = dict[str, list[dict[str, Any]]]


class MemoryDatabase(Database):
    """An SQLite database in memory, with billhook's tables: one connection, for one thread at a time, and nothing to wait for."""

    def __init__(self) -> None:
        self.url, self.dialect, self.path = "sqlite://", "sqlite", None
        self._engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False})
        # SQLAlchemy begins nothing here: `write` says BEGIN itself, so one connection serves both.
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        raw: Any = self._connection.connection.driver_connection
        self._raw: sqlite3.Connection = raw
        schema.METADATA.create_all(self._connection)

    def write(self, fn: Callable[[Connection], T], *, timeout_s: float | None = None) -> T:
        """What fn(connection) returned, after COMMIT."""
        self._raw.execute("BEGIN")
        try:
            result = fn(self._connection)
        except BaseException:
            self._raw.execute("ROLLBACK")
            raise
        self._raw.execute("COMMIT")
        return result

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees what was committed."""
        yield self._connection

    def copied(self) -> bytes:
        """Everything in it."""
        return self._raw.serialize()

    def put_back(self, content: bytes) -> None:
        """Hold what `copied` gave, and nothing else."""
        self._raw.deserialize(content)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self._engine.dispose()


_FREE: list[MemoryDatabase] = []


@contextmanager
def lent() -> Iterator[MemoryDatabase]:
    """An empty database in memory, whose compiled statements stay for the next one who asks. For as long as the block lasts."""
    database = _FREE.pop() if _FREE else MemoryDatabase()
    database.put_back(_empty(tuple(schema.METADATA.tables)))
    try:
        yield database
    finally:
        _FREE.append(database)


@cache
def _empty(tables: tuple[str, ...]) -> bytes:
    """A database that holds `tables`, which are all there are, and nothing else."""
    made = MemoryDatabase()
    try:
        return made.copied()
    finally:
        made.close()


def copied(database: Database) -> Rows:
    """Every row of billhook's tables."""
    with database.read() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()] for table in schema.METADATA.sorted_tables
        }


def put_back(database: Database, rows: Rows) -> None:
    """Hold these rows, and no others."""
    tables = schema.METADATA.sorted_tables

    def act(connection: Connection) -> None:
        for table in reversed(tables):
            connection.execute(sa.delete(table))
        for table in tables:
            if rows[table.name]:
                connection.execute(sa.insert(table), rows[table.name])
        if connection.dialect.name == "postgresql":
            _count_on(connection, tables)

    database.write(act)


def _count_on(connection: Connection, tables: list[sa.Table]) -> None:
    """Let PostgreSQL's row ids go on from the highest there is."""
    counted = [t for t in tables if t.autoincrement_column is not None and t.autoincrement_column.autoincrement is True]
    for table in counted:
        column = table.autoincrement_column
        assert column is not None
        last = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
        connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table.name, column.name), last, False)))
