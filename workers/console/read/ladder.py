"""What runs did and will do about one invoice, as rows for a calendar: notices with their figures, proposals, what was learned meanwhile.

The rows are those of `billhook simulate` (workers/simulate/timeline.py), read here for one invoice by its indexes; used by the story of an
invoice. Only runs that last, such as a dunning ladder, are worth a calendar.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from workers.cli.output import plain
from workers.events import EventRow
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.runs import RunRow
from workers.simulate.timeline import FIGURES, UNTOLD, Row

LASTS = timedelta(days=2)
RUNS_MAX, ROWS_MAX, DAYS_MAX = 20, 60, 400
PROPOSED = ("proposed", "approved")
UNDER_WAY = ("intended", "calling")

_RUN, _EFFECT, _EVENT, _JOURNAL = (table_of(model) for model in (RunRow, EffectRow, EventRow, JournalRow))


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The rows of the calendar from `start` to `until`; `next_at`: when the first of the runs goes on by itself."""

    rows: list[Row]
    start: date
    until: date
    next_at: datetime | None


def ladder(connection: Connection, source: str, invoice_id: str, *, now: datetime, zone: ZoneInfo) -> Ladder | None:
    """The calendar of an invoice, or None where no run about it lasts longer than LASTS."""
    runs = _runs(connection, source, invoice_id)
    lasting = [run for run in reversed(runs) if (run["ended_at"] or run["wake_at"] or now) - run["started_at"] > LASTS]
    rows = sorted((row for run in lasting for row in _of_run(connection, run, invoice_id, zone)), key=lambda row: row.at)
    if not rows:
        return None
    begin = min(run["started_at"] for run in lasting)
    rows = sorted([*_learned(connection, source, invoice_id, begin, zone), *rows], key=lambda row: row.at)[-ROWS_MAX:]
    next_at = min((run["wake_at"] for run in lasting if run["status"] == "waiting" and run["wake_at"] is not None), default=None)
    days = [date.fromisoformat(row.at[:10]) for row in rows]
    ends = [date.fromisoformat(row.figures["deadline"]) for row in rows if "deadline" in row.figures]
    ends += [next_at.astimezone(zone).date()] if next_at else []
    until = max(*days, *ends, min(days) + timedelta(days=14))
    return Ladder(rows=rows, start=min(days), until=min(until, min(days) + timedelta(days=DAYS_MAX)), next_at=next_at)


def _runs(connection: Connection, source: str, invoice_id: str) -> Sequence[sa.RowMapping]:
    """The newest runs about the invoice: its own, and a customer's that did something about it."""
    about = sa.and_(_EFFECT.c.source == source, _EFFECT.c.object_id == invoice_id)
    acted = connection.execute(sa.select(_EFFECT.c.run_id).where(about).order_by(_EFFECT.c.id.desc()).limit(ROWS_MAX)).scalars().all()
    own = sa.select(_RUN.c.id).where(_RUN.c.source == source, _RUN.c.invoice_id == invoice_id)
    ids = {*acted, *connection.execute(own.order_by(_RUN.c.id.desc()).limit(RUNS_MAX)).scalars()}
    return connection.execute(sa.select(_RUN).where(_RUN.c.id.in_(ids)).order_by(_RUN.c.id.desc()).limit(RUNS_MAX)).mappings().all()


def _of_run(connection: Connection, run: sa.RowMapping, invoice_id: str, zone: ZoneInfo) -> Iterator[Row]:
    """What a run did or means to do; what it only would have done, in mode observe, stands in its journal alone."""
    entries = connection.execute(sa.select(_JOURNAL).where(_JOURNAL.c.run_id == run["id"]).order_by(_JOURNAL.c.id)).mappings().all()
    figures = {row["name"].removesuffix(FIGURES): row["result"] for row in entries if row["name"].endswith(FIGURES)}
    effects = connection.execute(sa.select(_EFFECT).where(_EFFECT.c.run_id == run["id"]).order_by(_EFFECT.c.id)).mappings().all()
    for effect in (one for one in effects if one["object_id"] == invoice_id):
        kind = "proposal" if effect["state"] in PROPOSED else "state" if effect["state"] in UNDER_WAY else "effect"
        at = effect["settled_at"] or effect["calling_at"] or effect["intended_at"]
        told = figures.get(effect["step"], {"amount": effect["amount"]} if effect["amount"] else {})
        yield from _rows(run, told, at=at, zone=zone, kind=kind, name=effect["step"], state=effect["state"], reason=effect["reason"] or "")
    known = {effect["step"] for effect in effects}
    for entry in entries:
        if entry["kind"] == "effect" and entry["name"] not in known and run["invoice_id"] == invoice_id:
            result = entry["result"]
            told, why = figures.get(entry["name"], {}), result.get("reason") or ""
            yield from _rows(run, told, at=entry["at"], zone=zone, kind="skip", name=entry["name"], state=result["state"], reason=why)
    if run["ended_at"] is not None and run["status"] != "done":
        yield _row(run, {}, at=run["ended_at"], zone=zone, kind="skip", name="run", state=run["status"], reason=run["reason"] or "")


def _rows(run: sa.RowMapping, figures: Any, **said: Any) -> Iterator[Row]:
    """A row, or one for each Line that the figures are."""
    if not isinstance(figures, list):
        yield _row(run, figures if isinstance(figures, dict) else {}, **said)
        return
    for one in figures:
        yield _row(run, one["figures"], **{**said, "name": one["name"]})


def _row(
    run: sa.RowMapping, figures: Mapping[str, Any], *, at: datetime, zone: ZoneInfo, kind: str, name: str, state: str, reason: str
) -> Row:
    told = {plain(key): plain(str(value)) for key, value in figures.items() if value is not None}
    return Row(
        at=_local(at, zone),
        workflow=run["workflow"],
        key=run["workflow"],
        kind=kind,
        name=plain(name),
        state=plain(state),
        reason=plain(reason),
        figures=told,
    )


def _learned(connection: Connection, source: str, invoice_id: str, begin: datetime, zone: ZoneInfo) -> Sequence[Row]:
    """What was learned of the invoice since its first run."""
    of_invoice = sa.select(_EVENT).where(_EVENT.c.source == source, _EVENT.c.invoice_id == invoice_id, ~_EVENT.c.historical, ~_EVENT.c.echo)
    rows = connection.execute(of_invoice.order_by(_EVENT.c.id.desc()).limit(ROWS_MAX)).mappings().all()
    fresh = (row for row in reversed(rows) if row["recorded_at"] >= begin and row["type"] not in UNTOLD)
    return [
        Row(at=_local(row["recorded_at"], zone), workflow="", key="learned", kind="state", name=plain(row["type"]), state="", reason="")
        for row in fresh
    ]


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()
