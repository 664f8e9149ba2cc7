"""Acts of people: approve, reject, resolve, resend, retry, close and signal. Each enters through the inbox like everything else.

A command puts the order there and waits a moment for the router's answer; with nobody routing, the order waits and is not lost.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
import typer
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import Event, Fact, event_class, event_types, from_data, kind_of
from receiver.inbox import Arrival, Delivery
from workers import ledger, mirror
from workers.cli.output import complain, show_rows
from workers.cli.session import Json, Reason, Source, actor, session
from workers.cli.trigger import pairs
from workers.desk import Parked
from workers.errors import NotHere, StateConflict
from workers.events import EventRow
from workers.loading import load_folders
from workers.operator import Order, order_arrival, signal_arrival
from workers.runs import RunRow
from workers.views import row_number

ANSWER_S = 10.0
COLUMNS = ("subject", "outcome", "reason")
Effect = Annotated[str, typer.Argument(help="The effect's id, as `billhook effects` and `billhook approvals` list it.")]
Id = Annotated[str, typer.Argument(help="A run's or a parked item's id, or delivery:ID, as `billhook parked` lists them.")]


class Did(StrEnum):
    """What a person found out about an unknown effect."""

    did = "did"
    did_not = "did-not"


@dataclass(frozen=True)
class Answer:
    """What the router said to an order; `outcome` is None while nobody has routed it."""

    outcome: str | None
    reason: str


def approve(context: typer.Context, effect: Effect, reason: Reason = "", json: Json = False) -> None:
    """Let a proposed effect happen."""
    _effect_order(context, "approve", effect, json, reason=reason)


def reject(context: typer.Context, effect: Effect, reason: Reason = "", json: Json = False) -> None:
    """Do not let a proposed effect happen; its slot becomes free."""
    _effect_order(context, "reject", effect, json, reason=reason)


def resolve(
    context: typer.Context, effect: Effect, did: Did, on: Annotated[str | None, typer.Option("--on", help="The date it happened.")] = None,
    reason: Reason = "", json: Json = False,
) -> None:  # fmt: skip
    """Say of an unknown effect whether it happened."""
    if on is not None:
        try:
            on = datetime.strptime(on, "%Y-%m-%d").replace(tzinfo=UTC).isoformat()
        except ValueError:
            raise typer.BadParameter("--on takes a date such as 2026-11-21") from None
    _effect_order(context, "resolve", effect, json, reason=reason, did=did is Did.did, on=on)


def resend(context: typer.Context, effect: Effect, reason: Reason = "", json: Json = False) -> None:
    """Do again, on purpose, what is already done; needs a reason."""
    if not reason:
        raise typer.BadParameter("say why it is to be done again: --reason")
    _effect_order(context, "resend", effect, json, reason=reason)


def retry(context: typer.Context, id: Id, reason: Reason = "", json: Json = False) -> None:
    """Let a parked run or delivery try again; a waiting run tries at once what it was put off with."""

    def order(connection: Connection) -> tuple[str, Order]:
        run_id, source = _run_of(connection, id)
        return source, Order(act="retry", subject=run_id, reason=reason, actor=actor())

    _submit(context, order, json)


def close(
    context: typer.Context, id: Annotated[str, typer.Argument(help="A parked item's id, or alert:ID or task:ID.")], reason: Reason = "",
    json: Json = False,
) -> None:  # fmt: skip
    """Close a parked item, an alert or a task that needs nothing more."""
    first = next(iter(session(context).settings().sources), "")

    def order(connection: Connection) -> tuple[str, Order]:
        source = first if id.startswith(("alert:", "task:")) else _parked(connection, id)["source"]
        return source, Order(act="close", subject=id, reason=reason, actor=actor())

    _submit(context, order, json)


def signal(
    context: typer.Context,
    type: Annotated[str, typer.Argument(help="An event type, such as send.stopped or block.dispute.")],
    source: Source = None,
    set: Annotated[list[str] | None, typer.Option("--set", help="A field of the event, as invoice_id=4711; may be repeated.")] = None,
    json: Json = False,
) -> None:
    """Tell billhook what no provider says: a Signal, or a State such as a dispute."""
    here = session(context)
    settings = here.settings()
    load_folders(settings.workflows)
    if source is None and len(settings.sources) != 1:
        raise typer.BadParameter(f"name the source: --source {'|'.join(settings.sources)}")
    event = told(type, settings.source(source or next(iter(settings.sources))).name, pairs(set or []))
    with here.database() as database:
        with database.read() as connection:
            warning = _unheard_of(connection, event)
        answer = _sent(database, signal_arrival(event, actor=actor(), at=datetime.now(UTC)))
    if warning:
        complain(f"warning: {warning}")
    _report(type, answer, json, warning)


def _unheard_of(connection: Connection, event: Event) -> str:
    """The warning for an invoice or customer that no delivery and no read ever told of; it may be told of later, so the event counts."""
    named = {kind: getattr(event, f"{kind}_id", None) for kind in ("invoice", "customer")}
    unknown = [f"{kind} {id}" for kind, id in named.items() if id and not _is_known(connection, event.source, kind, id)]
    return f"nothing is known of {' and '.join(unknown)} on {event.source}: is that the id? It was taken all the same" if unknown else ""


def _is_known(connection: Connection, source: str, kind: str, id: str) -> bool:
    if mirror.load(connection, source, kind, id) is not None:
        return True
    table = table_of(EventRow)
    told = sa.select(table.c.id).where(table.c.source == source, table.c[f"{kind}_id"] == id, table.c.type.like(f"{kind}.%"))
    return connection.execute(told.limit(1)).first() is not None


def told(type: str, source: str, fields: dict[str, str]) -> Event:
    """The event an operator gives; raises BadParameter naming what is possible instead."""
    cls = event_class(type)
    if cls is None or issubclass(cls, Fact):
        known = sorted(name for name, other in event_types().items() if kind_of(other) != "fact" and name != "clock.tick")
        raise typer.BadParameter(f"{type} is nothing a person can say; possible are {', '.join(known)}")
    names = [one.name for one in dataclasses.fields(cls) if one.name != "source"]
    stray = sorted(fields.keys() - set(names))
    if stray:
        raise typer.BadParameter(f"{type} has no field {', '.join(stray)}: its fields are {', '.join(names)}")
    data: dict[str, Any] = {**fields, "source": source, "at": fields.get("at") or datetime.now(UTC).isoformat()}
    if "amount" in fields:
        amount, _, currency = fields["amount"].partition(" ")
        data["amount"] = {"amount": amount, "currency": currency or "EUR"}
    try:
        return from_data(type, data)
    except ValidationError as error:
        wrong = ", ".join(f"{'.'.join(str(part) for part in one['loc'])} ({one['msg']})" for one in error.errors(include_input=False))
        raise typer.BadParameter(f"{type} cannot be made of this: {wrong}") from None


def _effect_order(context: typer.Context, act: Any, effect: str, json: bool, **what: Any) -> None:
    def order(connection: Connection) -> tuple[str, Order]:
        row = ledger.load(connection, effect)
        if row is None:
            raise NotHere(f"there is no effect {effect}: `billhook effects` lists them")
        return row["source"], Order(act=act, subject=effect, actor=actor(), **what)

    _submit(context, order, json)


def _submit(context: typer.Context, order_of: Callable[[Connection], tuple[str, Order]], json: bool) -> None:
    with session(context).database() as database:
        with database.read() as connection:
            source, order = order_of(connection)
        answer = _sent(database, order_arrival(order, source=source, at=datetime.now(UTC)))
    _report(order.subject, answer, json)


def _sent(database: Database, arrival: Arrival) -> Answer:
    """Put the arrival into the inbox and wait a moment for what the router makes of it."""
    id = database.write(lambda c: inbox.append(c, arrival)).delivery_id
    table, until = table_of(Delivery), time.monotonic() + ANSWER_S
    while True:
        with database.read() as connection:
            row = connection.execute(sa.select(table.c.routed_at, table.c.outcome, table.c.reason).where(table.c.id == id)).one()
        if row.routed_at is not None:
            return Answer(row.outcome, row.reason or "")
        if time.monotonic() > until:
            return Answer(None, f"kept as delivery {id}; nobody routes it now: is `billhook up` or a worker running?")
        time.sleep(0.05)


def _report(subject: str, answer: Answer, json: bool, warning: str = "") -> None:
    if answer.outcome == "refused":
        raise StateConflict(answer.reason)
    row = {"subject": subject, "outcome": answer.outcome or "waiting", "reason": answer.reason}
    show_rows([{**row, "warning": warning} if warning else row], COLUMNS, as_json=json, nothing="")
    if answer.outcome is None:
        raise typer.Exit(1)


def _run_of(connection: Connection, id: str) -> tuple[str, str]:
    """(subject, source) to retry, from a run's own id, a parked item's (its run, else its delivery), or "delivery:7"."""
    if id.startswith("delivery:"):
        return id, _source_of(connection, id.removeprefix("delivery:"))
    table = table_of(RunRow)
    run = connection.execute(sa.select(table.c.id, table.c.source).where(table.c.id == id)).first()
    if run is not None:
        return run.id, run.source
    parked = _parked(connection, id)
    if parked["run_id"] is None and parked["delivery_id"] is not None:
        return f"delivery:{parked['delivery_id']}", parked["source"]
    if parked["run_id"] is None:
        raise StateConflict(f"parked item {id} has no run to retry: `billhook parked` names what moves it")
    return parked["run_id"], parked["source"]


def _source_of(connection: Connection, delivery_id: str) -> str:
    table = table_of(Delivery)
    source = connection.execute(sa.select(table.c.source).where(table.c.id == row_number(delivery_id))).scalar_one_or_none()
    if source is None:
        raise NotHere(f"there is no delivery {delivery_id}: `billhook deliveries` lists them")
    return str(source)


def _parked(connection: Connection, id: str) -> sa.RowMapping:
    table = table_of(Parked)
    row = connection.execute(sa.select(table).where(table.c.id == row_number(id))).mappings().first()
    if row is None:
        raise NotHere(f"nothing parked has the id {id}: `billhook parked` lists what is")
    return row
