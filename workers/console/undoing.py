"""What takes an act on alerts back: the page that gives each the state it had.

Called by pages/acts.py before the order is given; reads only. Acts on effects, runs and parked items cannot be undone, and say so.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers.desk import Alert
from workers.views import row_number

BACK_TO = {"open": "reopen", "acknowledged": "acknowledge", "ignored": "ignore"}


def of_alerts(connection: Connection, act: str, subjects: Sequence[str]) -> str:
    """The path that undoes `act` on these, such as alert:7; "" where nothing does, or each was in a state of its own."""
    if act not in BACK_TO.values():
        return ""
    table, numbers = table_of(Alert), [row_number(subject.removeprefix("alert:")) for subject in subjects]
    query = sa.select(table.c.state).distinct().where(table.c.id.in_([number for number in numbers if number is not None]))
    states = connection.execute(query.where(table.c.closed_at.is_(None))).scalars().all()
    back = BACK_TO.get(states[0], "") if len(states) == 1 else ""
    return f"/act/{back}?{urlencode([('subject', subject) for subject in subjects])}" if back and back != act else ""
