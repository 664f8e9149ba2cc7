"""What waits for a person, counted: the number beside "Needs you" on every page."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers.desk import Alert, Parked, Task
from workers.ledger import EffectRow

MOST = 1_000  # beyond this a number tells nothing more, and counting costs


def needed(connection: Connection) -> int:
    """How many things wait for a person, counted up to MOST of each kind."""
    return sum(counts(connection).values())


def counts(connection: Connection) -> dict[str, int]:
    """How many approvals, parked items, tasks and alerts are open, each counted up to MOST."""
    effect = table_of(EffectRow)
    found = {"approvals": sa.select(effect.c.id).where(effect.c.state == "proposed")}
    for name, model in (("parked", Parked), ("tasks", Task), ("alerts", Alert)):
        table = table_of(model)
        found[name] = sa.select(table.c.id).where(table.c.closed_at.is_(None), *([table.c.state == "open"] if name == "alerts" else []))
    return {name: _count(connection, query) for name, query in found.items()}


def _count(connection: Connection, query: sa.Select[tuple[object]]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(query.limit(MOST).subquery())).scalar_one())
