"""The timeline: what a database tells of what happened, as rows.

Reads the ledger's log, the runs that ended without acting, what people were told, and events; workflows add lines of their own
(workers/simulate/plugs.py). An effect shows the figures of the journaled step that is called like its own with " figures" behind it;
where that step gave several Lines, each is a row.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.inbox import Delivery
from receiver.money import Money, parse_decimal
from workers.chain import EffectLog
from workers.desk import Alert, Parked, Task
from workers.events import EventRow
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.runs import RunRow
from workers.simulate.plugs import LINES, NO_ROWS, Line

SHOWN = {"proposed": "proposal", "approved": "proposal", **dict.fromkeys(("done", "rejected", "unknown", "cancelled", "expired"), "effect")}
ENDED = ("skipped", "cancelled", "superseded", "closed")
UNTOLD = ("clock.tick", "invoice.created", "customer.created", "invoice.changed", "invoice.part_cancelled")
FIGURES = " figures"
OBJECTS = ("customer:", "invoice:")
NAMES = ("run", "effect", "order", "invoice", "customer")  # what an alert's details say it is about; the others are its figures


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row. `at`: local ISO time, to the second. `figures`: decimal strings, ISO dates, texts."""

    at: str
    workflow: str
    key: str
    kind: str
    name: str
    state: str
    reason: str
    figures: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A row before it is put in order: `at` is an aware instant."""

    at: datetime
    workflow: str
    key: str
    kind: str
    name: str
    state: str = ""
    reason: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)


def rows(connection: Connection, source: str, zone: ZoneInfo, *, silent: Iterable[str] = (), noted: Iterable[Draft] = ()) -> list[Row]:
    """Everything that happened, in order. `silent`: actors whose decisions are no rows. `noted`: what no table tells."""
    found = [*noted, *_all(connection, source, set(silent))]
    order = sorted(range(len(found)), key=lambda n: (found[n].at.replace(microsecond=0), found[n].workflow, found[n].key, n))
    return [_shown(found[n], zone) for n in order]


def _all(connection: Connection, source: str, silent: set[str]) -> Iterator[Draft]:
    runs = {row["id"]: row for row in _read(connection, sa.select(table_of(RunRow)))}
    lines = [(workflow, line) for workflow, query in LINES.items() for line in query(connection, source)]
    yield from _events(connection)
    yield from _orders(connection)
    yield from _effects(connection, runs, lines, silent)
    yield from _unplanned(connection, runs)
    yield from _ended(connection, runs)
    yield from _told(connection, runs)
    yield from (_own(workflow, line, line.at) for workflow, line in lines if line.effect is None and line.at is not None)


def _events(connection: Connection) -> Iterator[Draft]:
    table = table_of(EventRow)
    told = sa.and_(~table.c.historical, ~table.c.echo, table.c.type.not_in(UNTOLD))
    for row in _read(connection, sa.select(table).where(told).order_by(table.c.id)):
        data = row["data"] or {}
        said = data.get("reason") or ", ".join(data.get("fields") or ())
        money = Money(parse_decimal(data["amount"]["amount"]), data["amount"]["currency"]) if data.get("amount") else None
        yield Draft(
            at=row["recorded_at"], workflow="", key=row["invoice_id"] or row["customer_id"] or "", kind="state", name=row["type"],
            reason=said, figures=_shown_money(str(money or "")),
        )  # fmt: skip


def _orders(connection: Connection) -> Iterator[Draft]:
    """What an operator wanted and was refused."""
    table = table_of(Delivery)
    refused = sa.and_(table.c.origin == "operator", table.c.outcome == "refused")
    for row in _read(connection, sa.select(table).where(refused).order_by(table.c.id)):
        yield Draft(
            at=row["routed_at"] or row["received_at"], workflow="", key="", kind="alert", name=row["native_type"], state="refused",
            reason=row["reason"] or "",
        )  # fmt: skip


def _effects(connection: Connection, runs: Mapping[str, Any], lines: list[tuple[str, Line]], silent: set[str]) -> Iterator[Draft]:
    log, effects = table_of(EffectLog), {row["id"]: row for row in _read(connection, sa.select(table_of(EffectRow)))}
    own: dict[str, list[tuple[str, Line]]] = {}
    for workflow, line in lines:
        own.setdefault(line.effect or "", []).append((workflow, line))
    figures = _figures(connection)
    for row in _read(connection, sa.select(log).where(log.c.after.in_(SHOWN)).order_by(log.c.seq)):
        effect = effects[row["effect_id"]]
        if row["after"] == "approved" and row["actor"] in silent:
            continue
        run = runs.get(effect["run_id"])
        reason = row["reason"] or ((run or {}).get("reissue") or {}).get("kind", "") if row["after"] == "done" else row["reason"]
        change = Draft(
            at=row["at"], workflow=effect["workflow"], key=_key(run), kind=SHOWN[row["after"]], name=effect["service"],
            state=row["after"], reason=reason, figures=_own_figures(effect),
        )  # fmt: skip
        journaled = figures.get((effect["run_id"], effect["step"]))
        yield from _told_by(change, own[effect["id"]]) if effect["id"] in own else _figured(change, journaled)


def _figured(change: Draft, journaled: Any) -> Iterator[Draft]:
    """A change with the figures a step gave for it: a row for each of its Lines."""
    if not isinstance(journaled, list):
        yield replace(change, figures=journaled or change.figures)
        return
    for line in journaled:
        yield replace(change, key=line["key"], name=line["name"], reason=change.reason or line["reason"], figures=line["figures"])


def _told_by(change: Draft, lines: Iterable[tuple[str, Line]]) -> Iterator[Draft]:
    """A change of an effect in its workflow's own words."""
    for workflow, line in lines:
        yield replace(
            change, workflow=workflow, key=line.key, name=line.name, reason=line.reason or change.reason,
            figures=line.figures or change.figures,
        )  # fmt: skip


def _figures(connection: Connection) -> dict[tuple[str, str], Any]:
    """Figures, or Lines, by run and effect step: what the step "… figures" gave."""
    table = table_of(JournalRow)
    found = _read(connection, sa.select(table).where(table.c.name.like(f"%{FIGURES}"), table.c.kind == "step"))
    return {(row["run_id"], row["name"].removesuffix(FIGURES)): row["result"] for row in found if isinstance(row["result"], dict | list)}


def _own_figures(effect: Mapping[str, Any]) -> dict[str, str]:
    """An effect's own amount, such as "119.00 EUR", and to whom it goes."""
    recipient = (effect["request"] or {}).get("recipient")
    goes_to = {"to": recipient["to"]} if isinstance(recipient, dict) and "to" in recipient else {}
    return _shown_money(effect["amount"] or "") | goes_to


def _shown_money(text: str) -> dict[str, str]:
    """The figures of "119.00 EUR"; none of an empty text."""
    amount, _, currency = text.partition(" ")
    return {"amount": amount, "currency": currency} if currency else {}


def _unplanned(connection: Connection, runs: Mapping[str, Any]) -> Iterator[Draft]:
    """Effects the ledger does not have: what was only observed, forbidden, or held by another effect's slot."""
    table, effects = table_of(JournalRow), table_of(EffectRow)
    planned = {tuple(row) for row in connection.execute(sa.select(effects.c.run_id, effects.c.step))}
    figures = _figures(connection)
    for row in _read(connection, sa.select(table).where(table.c.kind == "effect").order_by(table.c.id)):
        if (row["run_id"], row["name"]) in planned:
            continue
        run, result = runs[row["run_id"]], row["result"]
        change = Draft(
            at=row["at"], workflow=run["workflow"], key=_key(run), kind="effect", name=result.get("service") or row["name"],
            state=result["state"], reason=result.get("reason") or "",
        )  # fmt: skip
        yield from _figured(change, figures.get((row["run_id"], row["name"])))


def _ended(connection: Connection, runs: Mapping[str, Any]) -> Iterator[Draft]:
    """Runs that ended without (further) acting; a look that found nothing is no row, be it a schedule's or a helper's."""
    table = table_of(EventRow)
    ticks = {row["id"] for row in _read(connection, sa.select(table.c.id).where(table.c.type == "clock.tick"))}
    for run in runs.values():
        nothing = run["trigger_id"] in ticks or (run["status"] == "skipped" and run["reason"] in NO_ROWS.get(run["workflow"], ()))
        if run["status"] in ENDED and run["ended_at"] is not None and not nothing:
            yield Draft(
                at=run["ended_at"], workflow=run["workflow"], key=_key(run), kind="skip", name="run", state=run["status"],
                reason=run["reason"] or "",
            )  # fmt: skip


def _told(connection: Connection, runs: Mapping[str, Any]) -> Iterator[Draft]:
    """What waits for a person, and when it no longer does; by the effect's object, the invoice or the customer, where one is told of."""
    effects = table_of(EffectRow)
    objects = {row.id: row.object_id for row in connection.execute(sa.select(effects.c.id, effects.c.object_id))}
    for model, kind, name in ((Alert, "alert", "alert"), (Task, "alert", "task"), (Parked, "parked", "")):
        table = table_of(model)
        for row in _read(connection, sa.select(table).order_by(table.c.id)):
            detail = row["detail"] if isinstance(row["detail"], dict) else {}
            run = runs.get(row.get("run_id") or detail.get("run") or "")
            about = objects.get(row.get("effect_id")) or detail.get("invoice") or _of_look(run, detail)
            subject = str(row.get("subject") or "")
            key = about or _key(run) if about or run else _bare(subject.partition("/")[2] or subject)
            figures = {name: value for name, value in detail.items() if name not in NAMES}
            said = Draft(
                at=row["opened_at"], workflow=run["workflow"] if run else "", key=key, kind=kind, name=name or row["kind"], state="open",
                reason=row["reason"], figures=figures,
            )  # fmt: skip
            yield said
            if row["closed_at"] is not None:
                yield Draft(
                    at=row["closed_at"], workflow=said.workflow, key=key, kind=kind, name=said.name, state="closed",
                    reason=row.get("resolution") or row["reason"],
                )  # fmt: skip


def _of_look(run: Mapping[str, Any] | None, detail: Mapping[str, Any]) -> str | None:
    """The customer that is named by a run about none of its own, such as a schedule's look at all of them."""
    return detail.get("customer") if run is not None and not (run["invoice_id"] or run["customer_id"]) else None


def _own(workflow: str, line: Line, at: datetime) -> Draft:
    return Draft(
        at=at, workflow=workflow, key=line.key, kind=line.kind, name=line.name, state=line.state, reason=line.reason, figures=line.figures
    )


def _key(run: Mapping[str, Any] | None) -> str:
    """What the author calls the run, its object by the id alone; a run that does something again goes by the first one's name."""
    return _bare(str(run["key"]).partition("#resend-")[0]) if run else ""


def _bare(name: str) -> str:
    """ "501" of "customer:501", "A" of "invoice:A"; any other name as it is."""
    return next((name.removeprefix(prefix) for prefix in OBJECTS if name.startswith(prefix)), name)


def _shown(draft: Draft, zone: ZoneInfo) -> Row:
    local = draft.at.astimezone(zone).replace(tzinfo=None, microsecond=0)
    figures = {name: _text(value) for name, value in draft.figures.items() if value is not None}
    return Row(
        at=local.isoformat(), workflow=draft.workflow, key=draft.key, kind=draft.kind, name=draft.name, state=draft.state,
        reason=draft.reason, figures=figures,
    )  # fmt: skip


def _text(value: Any) -> str:
    """A figure: amounts as they are written, dates as ISO, several texts with commas."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _read(connection: Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    """Rows as dictionaries; instants aware, UTC."""
    return [
        {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value for name, value in row.items()}
        for row in connection.execute(query).mappings()
    ]
