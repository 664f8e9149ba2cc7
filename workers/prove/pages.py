"""Reading a live database piece by piece: windows over a key, each in one short transaction with one view of everything.

On PostgreSQL the view is that of REPEATABLE READ; on SQLite every read transaction has one. What is under way in another transaction
is then either whole or not there, so a check needs no second look.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database

CACHE_KB = 65_536


@dataclass(frozen=True, slots=True)
class Window:
    """The keys above `after` up to `upto`; None is no bound."""

    after: Any
    upto: Any

    def of(self, column: Any) -> sa.ColumnElement[bool]:
        """Whether `column` lies in the window."""
        bounds = [column > self.after] if self.after is not None else []
        return sa.and_(sa.true(), *bounds, *([column <= self.upto] if self.upto is not None else []))


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """A read-only connection on which every statement sees the same instant; keep it under two seconds.

    On SQLite it has a cache of its own size: with the usual two megabytes every look beside the key order reads its page again.
    """
    with database.read() as connection:
        if database.dialect == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        else:
            connection.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KB}")
        yield connection


def windows(database: Database, column: Any, size: int) -> Iterator[Window]:
    """The whole key space in windows of `size` rows of `column`'s table; the first and the last have an open end."""
    after = None
    while True:
        beyond = sa.select(column).where(Window(after, None).of(column)).order_by(column).offset(size - 1).limit(1)
        with database.read() as connection:
            upto = connection.execute(beyond).scalar_one_or_none()
        yield Window(after, upto)
        if upto is None:
            return
        after = upto
