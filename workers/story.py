"""The story of one thing: everything billhook received, decided and did about it, in one order of time.

Used by `billhook explain`. A key is a run, an effect, an invoice, a customer or a delivery; from there the story follows every link
both ways: delivery → event → run → step → effect → the provider's reference, and every reason for not acting. Of a long story the
newest lines are told, and up to which instant the older ones are asked for; so much is read as is told. Reads only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from receiver.db import table_of
from receiver.inbox import Delivery
from workers import advice, outgoing
from workers.chain import EffectLog
from workers.control import Audit
from workers.desk import Alert, Block, Parked, Task
from workers.events import EventRow, sources_of
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.reach import Reach
from workers.runs import RunRow
from workers.views import row_number

MOST = 500


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that happened. `what` is its kind, `id` names it for `show`, `text` says it, `reason` why (or why not).

    `acts`: the commands that move it, where it waits for a person.
    """

    at: datetime
    what: str
    id: str
    text: str
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    acts: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Told:
    """Lines, oldest first. `older`: the instant up to which the story goes on, None where it begins with these lines."""

    lines: list[Line]
    older: datetime | None = None


def story(connection: Connection, key: str, source: str | None = None) -> list[Line]:
    """The newest lines about `key`, oldest first; empty where nothing is known of it. `delivery:12` and `event:12` name those by id."""
    return told(connection, [(key, source)]).lines


def told(connection: Connection, keys: Iterable[tuple[str, str | None]], *, until: datetime | None = None, most: int | None = None) -> Told:
    """The stories of several (key, source) in one, each line once, up to `until`: the newest `most` lines, else MOST."""
    most = most or MOST
    reach = Reach(connection, until=until, most=most)
    every = {(line.what, line.id, line.at, line.text, line.reason): line for key, source in keys for line in _lines(reach, key, source)}
    lines = sorted((line for line in every.values() if until is None or line.at <= until), key=lambda line: line.at)
    if len(lines) > most:
        reach.end(lines[-most - 1].at, lines[-1].at)
        lines = lines[-most:]
    return Told(lines=[line for line in lines if reach.after is None or line.at > reach.after], older=reach.after)


def _lines(reach: Reach, key: str, source: str | None) -> list[Line]:
    """Everything about a key that is in reach, by kind."""
    runs, events, effects, deliveries = _found(reach, key, [source] if source else sources_of(reach.connection))
    events |= reach.given(EventRow, "delivery_id", deliveries)
    runs |= reach.given(RunRow, "trigger_id", events) | reach.given(EffectRow, "id", effects, give="run_id")
    events |= reach.given(RunRow, "id", runs, give="trigger_id")
    effects |= reach.given(EffectRow, "run_id", runs)
    deliveries |= reach.given(EventRow, "id", events, give="delivery_id")
    rows = reach.rows(RunRow, "id", runs)
    lines = [*_deliveries(reach, deliveries), *_events(reach, events), *_runs(rows), *_steps(reach, rows)]
    return [*lines, *_effects(reach, effects), *_desk(reach, rows, effects, deliveries, key)]


Ids = set[Any]
Rows = Sequence[sa.RowMapping]
PREFIXES = ("run", "effect", "invoice", "customer", "delivery", "event")
_COLUMNS = {"invoice": ("invoice_id", "object_id"), "customer": ("customer_id",)}


def _found(reach: Reach, key: str, sources: Sequence[str]) -> tuple[Ids, Ids, Ids, Ids]:
    kind, id = split(key)
    number = row_number(id) or -1
    if kind in ("delivery", "event"):
        events = {number} if kind == "event" else set()
        return set(), events, set(), {number} if kind == "delivery" else set()
    runs = _matching(reach, RunRow, sources, {"id": id, "invoice_id": id, "customer_id": id, "key": key}, kind)
    effects = _matching(reach, EffectRow, sources, {"id": id, "object_id": id}, kind)
    events = _matching(reach, EventRow, sources, {"invoice_id": id, "customer_id": id}, kind)
    deliveries = set() if kind else _by_native_id(reach, sources, id)
    if not (runs or effects or events or deliveries) and not kind:
        deliveries = reach.given(Delivery, "id", {number})
    return runs, events, effects, deliveries


def _by_native_id(reach: Reach, sources: Sequence[str], id: str) -> Ids:
    """The deliveries a sender gave this id, asked by each of the types that events came of lately: the index is on source, type and id."""
    table = table_of(Delivery)
    types = _native_types(reach.connection)
    same = sa.and_(table.c.source.in_(sources), table.c.native_type.in_(types), table.c.native_id == id)
    return reach.matching(Delivery, same) if types else set()


def _native_types(connection: Connection) -> list[str]:
    """Every native type there is, one look into the index for each source and type."""
    table = table_of(Delivery)
    found: list[str] = []
    source, type = "", ""
    columns = sa.select(table.c.source, table.c.native_type).order_by(table.c.source, table.c.native_type).limit(1)
    while True:
        same = connection.execute(columns.where(table.c.source == source, table.c.native_type > type)).first()
        row = same or connection.execute(columns.where(table.c.source > source)).first()
        if row is None:
            return sorted(set(found))
        source, type = row
        found.append(type)


def split(key: str) -> tuple[str, str]:
    """("invoice", "4711") of "invoice:4711"; ("", key) where no known word stands before the colon."""
    kind, _, id = key.partition(":")
    return (kind, id) if kind in PREFIXES and id else ("", key)


def _matching(reach: Reach, model: type[SQLModel], sources: Sequence[str], wanted: dict[str, str], kind: str) -> Ids:
    """Ids of the rows in which one of the wanted columns matches; `kind` narrows which. Each column is asked by its own index."""
    table = table_of(model)
    own = {RunRow: "run", EffectRow: "effect"}.get(model)
    columns: tuple[str, ...] = tuple(wanted) if not kind else ("id",) if kind == own else _COLUMNS.get(kind, ())
    found: Ids = set()
    for name, value in wanted.items():
        if name in columns or name == "key":
            found |= reach.matching(model, sa.and_(table.c[name] == value, table.c.source.in_(sources)))
    return found


def _deliveries(reach: Reach, ids: Ids) -> Iterable[Line]:
    for row in reach.rows(Delivery, "id", ids):
        text = f"{row['origin']} {row['native_type']} {row['native_id']} received from {row['source']}"
        by = f" by {row['actor']}" if row["actor"] else ""
        again = f", repeated {row['repeats']} times" if row["repeats"] else ""
        outcome = ": ".join(part for part in (row["outcome"], row["reason"]) if part) or "not routed yet"
        detail = {"body_hash": row["body_hash"], "routed_at": row["routed_at"]}
        yield Line(at=row["received_at"], what="delivery", id=str(row["id"]), text=text + by + again, reason=outcome, detail=detail)


def _events(reach: Reach, ids: Ids) -> Iterable[Line]:
    for row in reach.rows(EventRow, "id", ids):
        marks = [name for name in ("late", "historical", "echo") if row[name]]
        about = " ".join(f"{name} {row[f'{name}_id']}" for name in ("invoice", "customer") if row[f"{name}_id"])
        text = f"{row['type']} {about} ({', '.join([row['proof'], *marks])})"
        yield Line(at=row["recorded_at"], what="event", id=str(row["id"]), text=text, reason=row["outcome"], detail={"data": row["data"]})


def _runs(rows: Rows) -> Iterable[Line]:
    for row in rows:
        name = f"{row['workflow']} {row['key']}"
        waits = f"until {row['wake_at']:%Y-%m-%d %H:%M} UTC" if row["wake_at"] else ""
        why = f"({row['reason']})" if row["reason"] else ""
        still = "" if row["ended_at"] else " ".join(part for part in ("now", row["status"], waits, why) if part)
        yield Line(at=row["started_at"], what="run", id=row["id"], text=f"{name} started, mode {row['mode']}", reason=still)
        if row["ended_at"]:
            yield Line(at=row["ended_at"], what="run", id=row["id"], text=f"{name} ended: {row['outcome']}", reason=row["reason"] or "")


def _steps(reach: Reach, runs: Rows) -> Iterable[Line]:
    sources = {row["id"]: row["source"] for row in runs}
    for row in reach.rows(JournalRow, "run_id", sources):
        result = row["result"] if isinstance(row["result"], dict) else {}
        known = {name: result[name] for name in ("state", "reason", "reference", "until") if result.get(name)}
        said = ", ".join(f"{name} {value}" for name, value in known.items())
        text, detail = f"{row['kind']} “{row['name']}”", result if row["kind"] == "effect" else {}
        if result.get("state") == "observed":
            gist = outgoing.outgoing(reach.connection, sources[row["run_id"]], result["service"], result.get("request") or {})
            text, said = f"{text}: {_named(result['service'], result['object'], gist)}", "observed: this was only shown, nothing was called"
        yield Line(at=row["at"], what="step", id=row["run_id"], text=text, reason=said, detail=detail)


def _effects(reach: Reach, ids: Ids) -> Iterable[Line]:
    effects = {row["id"]: row for row in reach.rows(EffectRow, "id", ids)}
    for row in reach.rows(EffectLog, "effect_id", effects):
        effect = effects[row["effect_id"]]
        text = f"{effect['service']} {effect['object_kind']} {effect['object_id']}: {row['after']}"
        detail = {"seq": row["seq"], "hash": row["hash"], "request_hash": row["request_hash"]}
        if not row["before"]:
            gist = outgoing.outgoing(reach.connection, effect["source"], effect["service"], effect["request"])
            text, detail = ", ".join(part for part in (text, outgoing.in_words(gist)) if part), {**detail, "request": effect["request"]}
        if row["after"] == "done" and effect["reference"]:
            text += f", the provider's reference is {effect['reference']}"
        by = f" by {row['actor']}" if row["actor"] else ""
        waits = row["after"] == effect["state"] == "proposed"
        acts = advice.of_effect(reach.connection, dict(effect))["acts"] if waits else []
        yield Line(at=row["at"], what="effect", id=row["effect_id"], text=text + by, reason=row["reason"], detail=detail, acts=acts)


def _named(service: str, object_id: str, gist: outgoing.Gist) -> str:
    return " ".join(part for part in (service, object_id, outgoing.in_words(gist)) if part)


def _desk(reach: Reach, rows: Rows, effects: Ids, deliveries: Ids, key: str) -> Iterable[Line]:
    """What waits for a person, and what people did."""
    runs = {row["id"] for row in rows}
    yield from _parked(reach, {"run_id": runs, "effect_id": effects, "delivery_id": deliveries})
    for row in reach.rows(Task, "run_id", runs):
        yield _open(row, "task", row["name"], advice.of_task(reach.connection, dict(row)))
    named = split(key)[1]
    subjects = {key, named, *runs, *effects, f"invoice:{named}", f"customer:{named}", *(f"run:{id}" for id in runs)}
    subjects |= {f"effect:{id}" for id in effects}
    for row in rows:
        subjects.add(f"{row['source']}/{row['invoice_id'] or row['customer_id'] or row['key']}")
    for row in reach.rows(Alert, "subject", subjects):
        yield _open(row, "alert", row["subject"], advice.of_alert(reach.connection, dict(row)))
    for row in reach.rows(Block, "object_id", {named}):
        text = f"{row['kind']} on {row['scope']} {row['object_id']} by {row['actor']}"
        yield Line(at=row["opened_at"], what="block", id=str(row["id"]), text=text, reason=row["reason"])
    yield from _acts(reach, subjects)


def _acts(reach: Reach, subjects: Ids) -> Iterable[Line]:
    """What people did, and what came of it: a refused order looks like none that was carried out."""
    audits = reach.rows(Audit, "subject", subjects)
    orders = {row["id"]: row for row in reach.rows(Delivery, "id", {(row["detail"] or {}).get("delivery") for row in audits})}
    for row in audits:
        order = orders.get((row["detail"] or {}).get("delivery"))
        came = f"{'refused' if order['outcome'] == 'refused' else 'done'}: {order['reason']}" if order else ""
        given = f"reason given: {row['reason']}" if row["reason"] and order else row["reason"]
        said = "; ".join(part for part in (came, given) if part)
        yield Line(
            at=row["at"], what="act", id=str(row["id"]), text=f"{row['act']} by {row['actor']}", reason=said, detail=row["detail"] or {}
        )


def _parked(reach: Reach, links: dict[str, Ids]) -> Iterable[Line]:
    found = {row["id"]: row for column, ids in links.items() for row in reach.rows(Parked, column, ids)}
    for id, row in found.items():
        yield _open(row, "parked", f"{row['kind']} {row['subject']}: a person decides", advice.of_parked(reach.connection, dict(row)))
        if row["closed_at"]:
            closed = f"closed by {row['actor']}"
            yield Line(at=row["closed_at"], what="parked", id=str(id), text=closed, reason=row["resolution"] or "")


def _open(row: sa.RowMapping, what: str, text: str, told: advice.Advice) -> Line:
    """Something put before people: what is known of it, and while it is open what moves it."""
    known = f" ({told['known']})" if told["known"] else ""
    acts = told["acts"] if row["closed_at"] is None else []
    return Line(at=row["opened_at"], what=what, id=str(row["id"]), text=text + known, reason=row["reason"], acts=acts)
