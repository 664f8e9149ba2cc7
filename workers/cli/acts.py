"""Acts of people: approve, reject, resolve, resend, retry, close and signal. Each enters through the inbox like everything else.

A command puts the order there and waits a moment for the router's answer; with nobody routing, the order waits and is not lost.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from receiver.event import Event
from workers import orders, saying
from workers.cli import there
from workers.cli.output import complain, show_rows
from workers.cli.session import Json, Reason, Session, Source, Yes, actor, session
from workers.cli.trigger import pairs
from workers.currencies import currency_of
from workers.errors import NotSayable, StateConflict
from workers.loading import load_folders
from workers.operator import Order, order_arrival, signal_arrival
from workers.saying import event_said, unheard_of

COLUMNS = ("subject", "outcome", "reason")
SAYABLE = ("type", "kind", "fields", "about")
Effect = Annotated[str, typer.Argument(help="The effect's id, as `billhook effects` and `billhook approvals` list it.")]
Alert = Annotated[str, typer.Argument(help="An alert's id, as `billhook alerts` lists them.")]
Id = Annotated[str, typer.Argument(help="A run's or a parked item's id, or delivery:ID, as `billhook parked` lists them.")]


class Did(StrEnum):
    """What a person found out about an unknown effect."""

    did = "did"
    did_not = "did-not"


def approve(context: typer.Context, effect: Effect, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Let a proposed effect happen."""
    _effect_order(context, "approve", "approve", effect, yes, json, reason=reason)


def reject(context: typer.Context, effect: Effect, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Do not let a proposed effect happen; its slot becomes free."""
    _effect_order(context, "reject", "reject", effect, yes, json, reason=reason)


def resolve(
    context: typer.Context, effect: Effect, did: Did,
    on: Annotated[str | None, typer.Option("--on", help="The day it happened, in the account's zone.")] = None,
    reason: Reason = "", yes: Yes = False, json: Json = False,
) -> None:  # fmt: skip
    """Say of an unknown effect whether it happened."""
    at = None
    if on is not None:
        try:
            at = date.fromisoformat(on).isoformat()
        except ValueError:
            raise typer.BadParameter("--on takes a date such as 2026-11-21") from None
    if did is Did.did_not:
        _effect_order(context, "did-not", "resolve", effect, yes, json, reason=reason, did=False, on=at)
    else:
        _effect_order(context, "did", "resolve", effect, yes, json, said={"on": on}, reason=reason, did=True, on=at)


def resend(context: typer.Context, effect: Effect, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Do again, on purpose, what is already done; needs a reason."""
    if not reason:
        raise typer.BadParameter("say why it is to be done again: --reason")
    _effect_order(context, "resend", "resend", effect, yes, json, reason=reason)


def retry(context: typer.Context, id: Id, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Let a parked run or delivery try again; a waiting run tries at once what it was put off with."""

    def order(connection: Connection) -> tuple[str, Order]:
        run_id, source = orders.to_retry(connection, id)
        return source, Order(act="retry", subject=run_id, reason=reason, actor=actor())

    _submit(context, "retry", {"subject": id, "reason": reason}, order, yes, json)


def close(
    context: typer.Context, id: Annotated[str, typer.Argument(help="A parked item's id, or alert:ID or task:ID.")], reason: Reason = "",
    yes: Yes = False, json: Json = False,
) -> None:  # fmt: skip
    """Close a parked item, an alert or a task that needs nothing more."""

    def order(connection: Connection) -> tuple[str, Order]:
        sources = list(session(context).settings().sources)
        return orders.to_close(connection, id, sources), Order(act="close", subject=id, reason=reason, actor=actor())

    _submit(context, "close", {"subject": id, "reason": reason}, order, yes, json)


def acknowledge(context: typer.Context, alert: Alert, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Say that you see to an alert: it is not told again while it lasts."""
    _alert_order(context, "acknowledge", alert, reason, yes, json)


def ignore(context: typer.Context, alert: Alert, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Hear no more of an alert while it lasts; it is still counted."""
    _alert_order(context, "ignore", alert, reason, yes, json)


def reopen(context: typer.Context, alert: Alert, reason: Reason = "", yes: Yes = False, json: Json = False) -> None:
    """Let an alert that was acknowledged or ignored wait for somebody again."""
    _alert_order(context, "reopen", alert, reason, yes, json)


def _alert_order(context: typer.Context, act: Any, alert: str, reason: str, yes: bool, json: bool) -> None:
    subject = f"alert:{alert.removeprefix('alert:')}"

    def order(connection: Connection) -> tuple[str, Order]:
        sources = list(session(context).settings().sources)
        return orders.to_close(connection, subject, sources), Order(act=act, subject=subject, reason=reason, actor=actor())

    _submit(context, act, {"subject": subject, "reason": reason}, order, yes, json)


def signal(
    context: typer.Context,
    type: Annotated[str | None, typer.Argument(help="An event type, such as send.stopped; without it, all are listed.")] = None,
    source: Source = None,
    set: Annotated[list[str] | None, typer.Option("--set", help="A field of the event, as invoice_id=4711; may be repeated.")] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Tell billhook what no provider says: a Signal, or a State such as a dispute. Without TYPE, list what can be said."""
    here = session(context)
    if type is None:
        _list_sayable(here, json)
        return
    fields = pairs(set or [])
    if (elsewhere := here.elsewhere()) is not None:
        there.done(elsewhere, "say", {"type": type, "source": source, "set": fields}, COLUMNS, yes=yes, json=json)
        return
    settings = here.settings()
    load_folders(settings.workflows)
    if source is None and len(settings.sources) != 1:
        raise typer.BadParameter(f"name the source: --source {'|'.join(settings.sources)}")
    chosen = settings.source(source or next(iter(settings.sources)))
    with here.database() as database:
        with database.read() as connection:
            event = told(type, chosen.name, fields, currency_of(connection, chosen.name, fields, chosen.currencies))
            warning = unheard_of(connection, event)
        answer = orders.give(database, signal_arrival(event, actor=actor(), at=datetime.now(UTC)))
    if warning:
        complain(f"warning: {warning}")
    _report(type, answer, json, warning)


def _list_sayable(here: Session, json: bool) -> None:
    if (elsewhere := here.elsewhere()) is not None:
        rows = elsewhere.rows_of("sayable", {})
    else:
        load_folders(here.settings().workflows)
        rows = saying.rows()
    show_rows(rows, SAYABLE, as_json=json, nothing="nothing can be said")


def told(type: str, source: str, fields: dict[str, str], currency: str | None) -> Event:
    """The event an operator gives; raises BadParameter naming what is possible instead."""
    try:
        return event_said(type, source, fields, currency=currency)
    except NotSayable as wrong:
        raise typer.BadParameter(str(wrong)) from None


def _effect_order(
    context: typer.Context, act: str, order_act: Any, effect: str, yes: bool, json: bool, *, said: Mapping[str, Any] | None = None,
    reason: str = "", **what: Any,
) -> None:  # fmt: skip
    def order(connection: Connection) -> tuple[str, Order]:
        whose = orders.source_of_effect(connection, effect)
        return whose, Order(act=order_act, subject=effect, reason=reason, actor=actor(), **what)

    _submit(context, act, {"subject": effect, "reason": reason, **(said or {})}, order, yes, json)


def _submit(
    context: typer.Context, act: str, said: Mapping[str, Any], order_of: Callable[[Connection], tuple[str, Order]], yes: bool, json: bool
) -> None:
    """Give the order here, or the act to the console elsewhere."""
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        there.done(elsewhere, act, said, COLUMNS, yes=yes, json=json)
        return
    with here.database() as database:
        with database.read() as connection:
            source, order = order_of(connection)
        answer = orders.give(database, order_arrival(order, source=source, at=datetime.now(UTC)))
    _report(order.subject, answer, json)


def _report(subject: str, answer: orders.Answer, json: bool, warning: str = "") -> None:
    if answer.outcome == "refused":
        raise StateConflict(answer.reason)
    row = {"subject": subject, "outcome": answer.outcome or "waiting", "reason": answer.reason}
    show_rows([{**row, "warning": warning} if warning else row], COLUMNS, as_json=json, nothing="")
    if answer.outcome is None:
        raise typer.Exit(1)
