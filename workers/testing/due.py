"""What is due at an instant, asked straight from the driver: an exploration asks it before each of a million steps.

Nothing here uses the engine's own queries: one that overlooks something is found out by what stays due. Used by stage.py.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection

_DUE = """SELECT id, workflow, key, 0, started_at FROM run WHERE status = 'ready'
    OR status = 'waiting' AND wake_at <= %s OR status = 'running' AND lease_until < %s
    UNION ALL SELECT '', '', '', id, received_at FROM delivery WHERE routed_at IS NULL AND (route_after IS NULL OR route_after <= %s)
    UNION ALL SELECT '', '', '', 0, due_at FROM reread WHERE due_at <= %s
    ORDER BY 4, 5, 1"""


@dataclass(frozen=True)
class Due:
    """`runs`: (workflow, key, id) of what may be advanced. `deliveries`: what may be routed. `rereads`: whether an object is to be read."""

    runs: list[tuple[str, str, str]]
    deliveries: list[int]
    rereads: bool

    def __bool__(self) -> bool:
        return bool(self.runs or self.deliveries or self.rereads)


def due(connection: Connection, now: datetime) -> Due:
    """What is due, the oldest first."""
    at = _literal(connection, now)
    rows = asked(connection, _DUE % (at, at, at, at))
    runs = [(workflow, key, id) for id, workflow, key, _, _ in rows if id]
    deliveries = [number for *_, number, _ in rows if number]
    return Due(runs, deliveries, len(rows) > len(runs) + len(deliveries))


def asked(connection: Connection, query: str) -> list[Any]:
    """The rows of a query, with nothing between us and the driver."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(query)
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _literal(connection: Connection, at: datetime) -> str:
    """An instant as the database keeps it."""
    zone = "+00:00" if connection.dialect.name == "postgresql" else ""
    return f"'{at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ', timespec='microseconds')}{zone}'"
