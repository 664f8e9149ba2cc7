"""The journal: every entry belongs to a run that was claimed, and none was written long after its run ended."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from receiver.db import Database, table_of
from workers.claims import LEASE
from workers.journal import JournalRow
from workers.prove.pages import Window, snapshot, windows
from workers.prove.report import Report
from workers.runs import RunRow

WINDOW = 20_000
_JOURNAL, _RUN = table_of(JournalRow), table_of(RunRow)


def check(database: Database, report: Report) -> None:
    """Look at every entry, a run's together as far as they stand together."""
    for window in windows(database, _JOURNAL.c.id, WINDOW):
        with snapshot(database) as connection:
            report.counted(
                "journal entries", connection.execute(sa.select(sa.func.count(_JOURNAL.c.id)).where(window.of(_JOURNAL.c.id))).scalar_one()
            )
            for row in connection.execute(_suspects(window)).mappings():
                for what in judge(row):
                    report.add(4, f"run:{row['run_id']}", what)


def _suspects(window: Window) -> sa.Select[Any]:
    """Runs with entries in the window that do not exist, were never claimed, or ended before the last of them."""
    last = (
        sa.select(
            _JOURNAL.c.run_id, sa.func.count().label("entries"), sa.func.max(_JOURNAL.c.at, type_=_JOURNAL.c.at.type).label("last_at")
        )
        .where(window.of(_JOURNAL.c.id))
        .group_by(_JOURNAL.c.run_id)
        .subquery()
    )
    wrong = sa.or_(_RUN.c.id.is_(None), _RUN.c.fence == 0, last.c.last_at > _RUN.c.ended_at)
    return sa.select(last, _RUN.c.id, _RUN.c.fence, _RUN.c.ended_at).join(_RUN, _RUN.c.id == last.c.run_id, isouter=True).where(wrong)


def judge(row: sa.RowMapping) -> Iterator[str]:
    """What is wrong with the entries of one run. Clocks of two machines may differ by less than a lease."""
    if row["id"] is None:
        yield f"{row['entries']} journal entries belong to it, but there is no such run"
    elif row["fence"] == 0:
        yield f"it has {row['entries']} journal entries, but was never claimed"
    elif row["last_at"] > row["ended_at"] + LEASE:
        yield f"its journal was written at {row['last_at'].isoformat()}, after its end at {row['ended_at'].isoformat()}"
