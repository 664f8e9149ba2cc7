"""What waits for a person, counted: the number beside "Needs you" on every page."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers.backlog import counted
from workers.desk import Alert, Parked, Task
from workers.ledger import EffectRow

MOST = 1_000  # beyond this a number tells nothing more, and counting costs


def needed(connection: Connection) -> int:
    """How many things wait for a person, counted up to MOST of each kind."""
    return sum(counts(connection).values())


def counts(connection: Connection) -> dict[str, int]:
    """How many approvals, unknown effects, other parked items, tasks and alerts are open, each counted up to MOST."""
    effect, parked, task, alert = (table_of(model) for model in (EffectRow, Parked, Task, Alert))
    found = {
        "approvals": sa.select(effect.c.id).where(effect.c.state == "proposed"),
        "unknown": sa.select(parked.c.id).where(parked.c.closed_at.is_(None), parked.c.kind == "unknown"),
        "parked": sa.select(parked.c.id).where(parked.c.closed_at.is_(None), parked.c.kind != "unknown"),
        "tasks": sa.select(task.c.id).where(task.c.closed_at.is_(None)),
        "alerts": sa.select(alert.c.id).where(alert.c.closed_at.is_(None), alert.c.state == "open"),
    }
    return {name: counted(connection, query, most=MOST).number for name, query in found.items()}
