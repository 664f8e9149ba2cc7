"""Catching up: events that were routed while a workflow file did not import start its workflows once it does.

Notes stand in `control` as `broken:<module>`, with the last event before the first one missed. The router writes them, the sweeper
works them off; a worker that still has the broken file writes them again.
"""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.log import get_logger
from workers import control, desk, engine, events, mirror
from workers.fold import still_true
from workers.registry import Workflow, concerns
from workers.runtime import Runtime

log = get_logger(__name__)
PREFIX, BROKEN = "broken:", "workflow_file_broken"
TOGETHER = 100


def note(connection: Connection, broken: Mapping[str, str], first_event: int, *, at: datetime) -> None:
    """Remember that workflows of these modules missed `first_event` and what follows, and tell people why."""
    for module, why in broken.items():
        if control.get(connection, PREFIX + module) is None:
            control.put(connection, PREFIX + module, {"after": first_event - 1}, at=at)
            desk.alert(connection, source="*", subject=f"workflow-file:{module}", reason=BROKEN, at=at, detail={"why": why})


def work_off(runtime: Runtime) -> int:
    """Start what was missed of every module that imports again; how many runs. One transaction for a hundred events."""
    with runtime.db.read() as connection:
        noted = control.named(connection, PREFIX)
    started = 0
    for name in noted:
        module = name.removeprefix(PREFIX)
        if module in runtime.registry.broken:
            continue
        missed = [w for w in runtime.registry.all() if _is_of(w.fn.__module__, module)]
        while (ids := runtime.db.write(lambda c, name=name, missed=missed: _some(c, runtime, name, missed))) is not None:  # type: ignore[misc]
            runtime.point("caught-up")
            started += len(ids)
            for run_id in ids:
                runtime.announcer.announce_run(run_id)
        runtime.point("caught-up")
        log.info("workflow file caught up", file=module, workflows=len(missed))
    return started


def _is_of(name: str, module: str) -> bool:
    """Whether `name` is the module, inside it, or in the folder it stands for."""
    return name == module or name.startswith((f"{module}.", f"{module}_"))


def _some(connection: Connection, runtime: Runtime, name: str, missed: list[Workflow]) -> list[str] | None:
    """The runs started for the next events of one module, or None where nothing is left and its note is gone."""
    value, now = control.get(connection, name), runtime.clock.business(connection)
    if value is None:
        return None
    table = table_of(events.EventRow)
    news = sa.and_(table.c.id > value["after"], sa.not_(table.c.historical), sa.not_(table.c.echo))
    rows = list(connection.execute(sa.select(table.c.id, table.c.outcome).where(news).order_by(table.c.id).limit(TOGETHER)))
    started = [run_id for row in rows for run_id in _start(connection, runtime, row.id, row.outcome, missed, now)]
    if rows:
        control.put(connection, name, {"after": rows[-1].id}, at=now)
        return started
    control.put(connection, name, None, at=now)
    desk.close_alert(connection, f"workflow-file:{name.removeprefix(PREFIX)}", BROKEN, at=now)
    return None


def _start(connection: Connection, runtime: Runtime, event_id: int, outcome: str, missed: list[Workflow], now: datetime) -> list[str]:
    """Begin each workflow that starts on the event and is not in its outcome yet; the ids of the runs."""
    recorded, said = events.load(connection, event_id), list[tuple[str, str | None, str]]()
    for workflow in missed:
        if workflow.starts_on(recorded.event) and f"{workflow.name}: " not in outcome and _is_true(connection, recorded):
            run_id, what = engine.begin(connection, runtime, workflow, recorded, at=now)
            said.append((workflow.name, run_id, what))
    if said:
        caught = "; ".join(f"{name}: {what} (caught up)" for name, _, what in said)
        events.note_outcomes(connection, [(event_id, f"{outcome}; {caught}" if outcome else caught)])
    return [run_id for _, run_id, _ in said if run_id]


def _is_true(connection: Connection, recorded: events.Recorded) -> bool:
    """Whether the event starts anything: one that came late only while it holds."""
    if not recorded.late:
        return True
    customer_id, invoice_id = concerns(recorded.event)
    kind, object_id = ("invoice", invoice_id) if invoice_id else ("customer", customer_id)
    held = mirror.load(connection, recorded.event.source, kind, str(object_id))
    return held is not None and still_true(recorded.event.type, held.state)
