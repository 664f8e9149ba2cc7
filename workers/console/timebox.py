"""A limit on how long one statement of the console may take: a page that asks too much ends, and holds up nobody else.

On PostgreSQL the server ends it (statement_timeout), on SQLite a handler that is asked every STEPS steps of the statement.
"""

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

STATEMENT_S = 5.0
STEPS = 20_000


def box(engine: Engine, dialect: str, *, seconds: float = STATEMENT_S) -> None:
    """Limit every statement on connections the engine opens from now on. One that takes longer raises OperationalError."""
    if dialect == "postgresql":
        sa.event.listen(engine, "connect", lambda raw, _record: _limit_on_server(raw, seconds))
        return
    ends: dict[int, float] = {}
    sa.event.listen(engine, "connect", lambda raw, _record: _limit_here(raw, ends))
    sa.event.listen(engine, "before_cursor_execute", lambda connection, *_others: _begin(connection, ends, seconds))


def _limit_on_server(raw: Any, seconds: float) -> None:
    with raw.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {int(seconds * 1000)}")
    raw.commit()


def _limit_here(raw: Any, ends: dict[int, float]) -> None:
    raw.set_progress_handler(lambda: time.monotonic() > ends.get(id(raw), float("inf")), STEPS)


def _begin(connection: Any, ends: dict[int, float], seconds: float) -> None:
    ends[id(connection.connection.dbapi_connection)] = time.monotonic() + seconds


def took_too_long(error: BaseException) -> bool:
    """Whether a statement was ended because of its limit."""
    orig = getattr(error, "orig", None)
    return getattr(orig, "sqlstate", None) == "57014" or "interrupted" in str(orig)
