"""The audit: every mode, pause and freeze that a person put in force stands in it. Orders are looked for by workers/prove/deliveries.py."""

import sqlalchemy as sa

from receiver.db import Database, table_of
from workers.control import Audit, Control
from workers.prove.pages import snapshot
from workers.prove.report import LEDGER, Report

MACHINE = "billhook"
_CONTROL, _AUDIT = table_of(Control), table_of(Audit)
_BY_HAND = sa.or_(_CONTROL.c.name.startswith("mode:"), _CONTROL.c.name.startswith("pause:"), _CONTROL.c.name == "freeze")
_SAID = sa.exists().where(_AUDIT.c.at == _CONTROL.c.set_at, _AUDIT.c.actor == _CONTROL.c.actor)
_UNSAID = sa.select(_CONTROL.c.name, _CONTROL.c.actor).where(_BY_HAND, _CONTROL.c.actor != MACHINE, sa.not_(_SAID))


def check(database: Database, report: Report) -> None:
    """Look at every setting that is in force by a person's hand."""
    with snapshot(database) as connection:
        report.counted("acts", connection.execute(sa.select(sa.func.count()).select_from(_AUDIT)).scalar_one())
        for name, actor in connection.execute(_UNSAID):
            report.add(LEDGER, f"control:{name}", f"{actor} set it, but the audit does not have it")
