"""Runs: whoever is not finished has a next cause, whoever is finished owns nothing, and nobody slept over what woke him."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from workers.control import Audit, Control, mode_name
from workers.desk import Parked
from workers.events import EventRow
from workers.ledger import EffectRow
from workers.prove.effects import asked_about
from workers.prove.pages import Window, snapshot, windows
from workers.prove.report import Report
from workers.runs import AWAITS, UNFINISHED, RunRow

WINDOW = 5_000
TOGETHER = timedelta(seconds=30)  # an event routed beside the start of a run is read by it, and need not have woken it
FOLLOWED = ("done", "skipped", "cancelled", "closed")
STATUSES = (*UNFINISHED, *FOLLOWED, "superseded")
_RUN, _EVENT, _EFFECT, _PARKED = table_of(RunRow), table_of(EventRow), table_of(EffectRow), table_of(Parked)
_OWNED = ("lease_until", "owner", "wake_at")
_LIVE = _RUN.c.status.in_(UNFINISHED)


def check(database: Database, report: Report) -> None:
    """Look at every run."""
    for window in windows(database, _RUN.c.id, WINDOW):
        with snapshot(database) as connection:
            report.counted("runs", connection.execute(sa.select(sa.func.count(_RUN.c.id)).where(window.of(_RUN.c.id))).scalar_one())
            for id, trigger_id in connection.execute(_causeless(window)):
                report.add(3, f"run:{id}", f"event:{trigger_id} started it, but there is no such event")
            rows = connection.execute(_suspects(window)).mappings().all()
            for row in rows:
                for invariant, what in judge(row):
                    report.add(invariant, f"run:{row['id']}", what)
            _judge_waiting(connection, report, [row for row in rows if row["status"] == "waiting"])
            _judge_parked(connection, report, [row["id"] for row in rows if row["status"] == "parked"])
            _judge_followed(connection, report, [row["id"] for row in rows if row["successor_trigger_id"] is not None])


def _suspects(window: Window) -> sa.Select[Any]:
    """Every run that is not finished, and every finished one that still owns something, that another had to follow, or of two endings."""
    owning = (_RUN.c[name].isnot(None) for name in _OWNED)
    unlike = (_RUN.c.outcome.is_(None), _RUN.c.outcome != _RUN.c.status, (_RUN.c.status == "done") == _RUN.c.reason.isnot(None))
    finished = sa.or_(_LIVE, *owning, *unlike, _RUN.c.ended_at.is_(None), _RUN.c.successor_trigger_id.isnot(None))
    return sa.select(_RUN).where(window.of(_RUN.c.id), finished)


def _causeless(window: Window) -> sa.Select[Any]:
    """(run, its trigger) where there is no such event."""
    joined = sa.select(_RUN.c.id, _RUN.c.trigger_id).join(_EVENT, _EVENT.c.id == _RUN.c.trigger_id, isouter=True)
    return joined.where(window.of(_RUN.c.id), _EVENT.c.id.is_(None))


def judge(row: sa.RowMapping) -> Iterator[tuple[int, str]]:
    """(invariant, what is wrong) of each fault that the run's own row shows."""
    status = row["status"]
    if status not in STATUSES:
        yield 11, f"its status is {status}, which nothing ever takes up"
    elif status not in UNFINISHED:
        yield from ((10, f"it is {status}, but still has {name}") for name in _OWNED if row[name] is not None)
        if row["ended_at"] is None:
            yield 10, f"it is {status}, but has no end"
        if row["outcome"] != status:
            yield 4, f"it is {status}, but came to {row['outcome'] or 'nothing'}"
        elif status == "done" and row["reason"] is not None:
            yield 4, "it is done, but keeps a reason why it was not"
        elif status != "done" and row["reason"] is None:
            yield 4, f"it is {status}, but nothing says why"
    elif status == "running" and row["lease_until"] is None:
        yield 11, "it is running without a lease: nobody would take it over"
    elif status == "waiting" and row["seen_seq"] < row["pending_seq"] and not _waits_on(row):
        yield 6, f"it waits, but has seen {row['seen_seq']} of the {row['pending_seq']} times it was woken"


def _waits_on(row: sa.RowMapping) -> bool:
    """Whether it rightly waits for its instant whatever comes: it failed, or has not begun and waits for quiet."""
    return row["wake_at"] is not None and bool(row["failures"] or (row["quiet_until"] and not row["fence"]))


def _judge_waiting(connection: Connection, report: Report, rows: Sequence[sa.RowMapping]) -> None:
    """A run without a timer names what it waits for, or an effect of its own waits for a person; and every event about it woke it."""
    timeless = [row["id"] for row in rows if row["wake_at"] is None and not (row["reason"] or "").startswith(AWAITS)]
    caused = _with_a_person(connection, timeless)
    for id in timeless:
        if id not in caused:
            report.add(11, f"run:{id}", "it waits for no instant, no event and no person: nothing will ever wake it")
    _judge_woken(connection, report, rows)


def _with_a_person(connection: Connection, run_ids: Sequence[str]) -> set[str]:
    """Those of these runs whose effect waits for an approval, or for a person's word on whether it happened."""
    if not run_ids:
        return set()
    open_ones = sa.and_(_EFFECT.c.run_id.in_(run_ids), sa.not_(_EFFECT.c.retired), _EFFECT.c.state.in_(("proposed", "unknown")))
    of_run: dict[str, dict[str, str]] = defaultdict(dict)
    for run_id, id, state in connection.execute(sa.select(_EFFECT.c.run_id, _EFFECT.c.id, _EFFECT.c.state).where(open_ones)):
        of_run[run_id][id] = state
    asked = asked_about(connection, [id for effects in of_run.values() for id, state in effects.items() if state == "unknown"])
    return {run_id for run_id, effects in of_run.items() if any(state == "proposed" or id in asked for id, state in effects.items())}


def _judge_woken(connection: Connection, report: Report, rows: Sequence[sa.RowMapping]) -> None:
    """The router wakes by key, whatever the status: no run was woken more rarely than events came about its objects.

    They are those of its trigger; a run that was put off for quiet has the last one's.
    """
    told: Counter[str] = Counter()
    for id, started_at, triggered_at, recorded_at in connection.execute(_told([row["id"] for row in rows])) if rows else ():
        told[id] += recorded_at > max(started_at, triggered_at) + TOGETHER
    for row in rows:
        if told[row["id"]] > row["pending_seq"]:
            what = f"{told[row['id']]} events came about its objects since it began, and woke it {row['pending_seq']} times"
            report.add(6, f"run:{row['id']}", what)


def _told(run_ids: Sequence[str]) -> sa.Select[Any]:
    """(run, its start, when its trigger was recorded, when an event was) for every event about a run's objects.

    Matched as runs.wake_concerned does.
    """
    about_invoice = sa.and_(_EVENT.c.invoice_id.isnot(None), _EVENT.c.invoice_id == _RUN.c.invoice_id)
    about_customer = sa.and_(_EVENT.c.customer_id == _RUN.c.customer_id, sa.or_(_EVENT.c.invoice_id.is_(None), _RUN.c.invoice_id.is_(None)))
    of_run = sa.and_(_EVENT.c.source == _RUN.c.source, sa.or_(about_invoice, about_customer), sa.not_(_EVENT.c.echo))
    trigger = _EVENT.alias("trigger")
    named = sa.select(_RUN.c.id, _RUN.c.started_at, trigger.c.recorded_at, _EVENT.c.recorded_at).join(_EVENT, of_run)
    return named.join(trigger, trigger.c.id == _RUN.c.trigger_id).where(_RUN.c.id.in_(run_ids))


def _judge_parked(connection: Connection, report: Report, run_ids: Sequence[str]) -> None:
    subjects = {f"run:{id}" for id in run_ids}
    open_ones = sa.select(_PARKED.c.subject).where(_PARKED.c.subject.in_(subjects), _PARKED.c.closed_at.is_(None))
    for subject in subjects - set(connection.execute(open_ones).scalars()) if subjects else ():
        report.add(11, subject, "it is parked, but no open item puts it before a person")


def _judge_followed(connection: Connection, report: Report, run_ids: Sequence[str]) -> None:
    """A trigger that came during a run started the next one when it ended, unless its workflow was off.

    A next run that waits for quiet has the last of its triggers.
    """
    if not run_ids:
        return
    next_run = _RUN.alias("next")
    same = sa.or_(next_run.c.invoice_id == _EVENT.c.invoice_id, next_run.c.customer_id == _EVENT.c.customer_id)
    started = sa.exists().where(
        next_run.c.source == _RUN.c.source, same, next_run.c.workflow == _RUN.c.workflow,
        sa.or_(next_run.c.trigger_id == _EVENT.c.id, sa.and_(next_run.c.quiet_until.isnot(None), next_run.c.trigger_id > _EVENT.c.id)),
    )  # fmt: skip
    about = sa.or_(_EVENT.c.invoice_id.isnot(None), _EVENT.c.customer_id.isnot(None))
    query = (
        sa.select(_RUN.c.id, _RUN.c.source, _RUN.c.workflow, _RUN.c.successor_trigger_id)
        .join(_EVENT, _EVENT.c.id == _RUN.c.successor_trigger_id)
        .where(_RUN.c.id.in_(run_ids), _RUN.c.status.in_(FOLLOWED), about, sa.not_(started))
    )
    for id, source, workflow, event_id in connection.execute(query):
        if not _was_off(connection, source, workflow):
            report.add(
                6, f"run:{id}", f"event:{event_id} came while it ran, and no run followed; right only where billhook.toml had it off"
            )


def _was_off(connection: Connection, source: str, workflow: str) -> bool:
    """Whether a person ever switched the workflow off here: then a trigger may rightly have started nothing."""
    control, audit = table_of(Control), table_of(Audit)
    values = connection.execute(sa.select(control.c.value).where(control.c.name == mode_name(source, workflow))).scalars()
    acts = connection.execute(sa.select(audit.c.detail).where(audit.c.act == "mode", audit.c.subject == f"{source}/{workflow}")).scalars()
    return any((value or {}).get("mode") == "off" for value in (*values, *acts))
