"""Acts of people: approve, reject, resolve, resend, retry, close and signal. Each enters through the inbox like everything else.

A command puts the order there and waits a moment for the router's answer; with nobody routing, the order waits and is not lost.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from receiver.event import Event
from workers import orders
from workers.cli.output import complain, show_rows
from workers.cli.session import Json, Reason, Source, actor, session
from workers.cli.trigger import pairs
from workers.currencies import currency_of
from workers.errors import NotSayable, StateConflict
from workers.loading import load_folders
from workers.operator import Order, order_arrival, signal_arrival
from workers.saying import event_said, unheard_of

COLUMNS = ("subject", "outcome", "reason")
Effect = Annotated[str, typer.Argument(help="The effect's id, as `billhook effects` and `billhook approvals` list it.")]
Alert = Annotated[str, typer.Argument(help="An alert's id, as `billhook alerts` lists them.")]
Id = Annotated[str, typer.Argument(help="A run's or a parked item's id, or delivery:ID, as `billhook parked` lists them.")]


class Did(StrEnum):
    """What a person found out about an unknown effect."""

    did = "did"
    did_not = "did-not"


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
        run_id, source = orders.to_retry(connection, id)
        return source, Order(act="retry", subject=run_id, reason=reason, actor=actor())

    _submit(context, order, json)


def close(
    context: typer.Context, id: Annotated[str, typer.Argument(help="A parked item's id, or alert:ID or task:ID.")], reason: Reason = "",
    json: Json = False,
) -> None:  # fmt: skip
    """Close a parked item, an alert or a task that needs nothing more."""

    sources = list(session(context).settings().sources)

    def order(connection: Connection) -> tuple[str, Order]:
        return orders.to_close(connection, id, sources), Order(act="close", subject=id, reason=reason, actor=actor())

    _submit(context, order, json)


def acknowledge(context: typer.Context, alert: Alert, reason: Reason = "", json: Json = False) -> None:
    """Say that you see to an alert: it is not told again while it lasts."""
    _alert_order(context, "acknowledge", alert, reason, json)


def ignore(context: typer.Context, alert: Alert, reason: Reason = "", json: Json = False) -> None:
    """Hear no more of an alert while it lasts; it is still counted."""
    _alert_order(context, "ignore", alert, reason, json)


def reopen(context: typer.Context, alert: Alert, reason: Reason = "", json: Json = False) -> None:
    """Let an alert that was acknowledged or ignored wait for somebody again."""
    _alert_order(context, "reopen", alert, reason, json)


def _alert_order(context: typer.Context, act: Any, alert: str, reason: str, json: bool) -> None:
    sources, subject = list(session(context).settings().sources), f"alert:{alert.removeprefix('alert:')}"

    def order(connection: Connection) -> tuple[str, Order]:
        return orders.to_close(connection, subject, sources), Order(act=act, subject=subject, reason=reason, actor=actor())

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
    chosen, fields = settings.source(source or next(iter(settings.sources))), pairs(set or [])
    with here.database() as database:
        with database.read() as connection:
            event = told(type, chosen.name, fields, currency_of(connection, chosen.name, fields, chosen.currencies))
            warning = unheard_of(connection, event)
        answer = orders.give(database, signal_arrival(event, actor=actor(), at=datetime.now(UTC)))
    if warning:
        complain(f"warning: {warning}")
    _report(type, answer, json, warning)


def told(type: str, source: str, fields: dict[str, str], currency: str | None) -> Event:
    """The event an operator gives; raises BadParameter naming what is possible instead."""
    try:
        return event_said(type, source, fields, currency=currency)
    except NotSayable as wrong:
        raise typer.BadParameter(str(wrong)) from None


def _effect_order(context: typer.Context, act: Any, effect: str, json: bool, **what: Any) -> None:
    def order(connection: Connection) -> tuple[str, Order]:
        return orders.source_of_effect(connection, effect), Order(act=act, subject=effect, actor=actor(), **what)

    _submit(context, order, json)


def _submit(context: typer.Context, order_of: Callable[[Connection], tuple[str, Order]], json: bool) -> None:
    with session(context).database() as database:
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
