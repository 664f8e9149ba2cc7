"""Gates: what waits behind them, and bank-checked, mark-sent, rate and claims, which show first what they would do, and give their event
only with --yes.

The event enters through the inbox like every act of a person; said twice, it means the same as said once.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.event import Event, from_data
from workers.cli.output import show_rows
from workers.cli.panel import panel
from workers.cli.session import Json, Reason, Source, actor, session
from workers.errors import NotHere
from workers.gates import BankChecked, ClaimsSettled, InvoiceSent, RateConfirmed, set_free, waiting
from workers.loading import load_folders
from workers.operator import signal_arrival
from workers.overview import open_invoices

Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this, only show what it would set free.")]
COLUMNS = ("source", "sets_free")
WAITING = ("source", "gate", "title", "amount", "known", "command")
MOST = 200


class RateAct(StrEnum):
    """What to do with base rates."""

    list = "list"
    confirm = "confirm"


class ClaimsAct(StrEnum):
    """What to do with claims beside invoices."""

    list = "list"
    paid = "paid"
    waived = "waived"


class Kind(StrEnum):
    """What is claimed beside an invoice."""

    interest = "interest"
    flat_sum = "flat_sum"
    fee = "fee"
    plan_fee = "plan_fee"


def gates(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """What waits until a person states something: the bank looked at, an invoice sent, a rate compared, claims settled."""
    names, here = _sources(context, source), session(context)
    load_folders(here.settings().workflows)
    with here.database() as database, database.read() as connection:
        found = [asdict(one) for name in names for one in waiting(connection, name, MOST)]
    show_rows(found, WAITING, as_json=json, nothing="nothing waits behind a gate")


def bank_checked(
    context: typer.Context,
    through: Annotated[str, typer.Option("--through", metavar="DATE", help="Every payment up to and including this day is entered.")],
    source: Source = None, yes: Yes = False, json: Json = False,
) -> None:  # fmt: skip
    """Say that the bank account was compared with the open invoices: dunning goes on for some working days."""
    day, now = _day(through, "--through"), datetime.now(UTC)
    if day > now.date():
        raise typer.BadParameter(f"--through {day} lies ahead: nobody has checked that day yet")
    events = [BankChecked(source=name, at=now, through=day) for name in _sources(context, source)]
    _give(context, events, yes, json)


def mark_sent(
    context: typer.Context,
    invoices: Annotated[list[str] | None, typer.Argument(metavar="[INVOICE]...", help="Ids of invoices; or choose them.")] = None,
    on: Annotated[str, typer.Option("--on", metavar="DATE", help="The day they reached the customer.")] = "",
    source: Source = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Every open invoice of this customer.")] = None,
    dated_before: Annotated[str | None, typer.Option("--dated-before", metavar="DATE", help="Every open invoice dated before.")] = None,
    yes: Yes = False, json: Json = False,
) -> None:  # fmt: skip
    """Say that invoices reached their customers by a way billhook knows nothing of: only then are they dunned."""
    if not (invoices or customer or dated_before):
        raise typer.BadParameter("say which: ids of invoices, --customer or --dated-before")
    day, now = _day(on, "--on"), datetime.now(UTC)
    if day > now.date():
        raise typer.BadParameter(f"--on {day} lies ahead: nothing has reached anybody on that day yet")
    before = _day(dated_before, "--dated-before") if dated_before else None
    names = _sources(context, source)

    def chosen(connection: Connection) -> list[Event]:
        found: list[Event] = []
        for name in names:
            for doc in open_invoices(connection, name, customer_id=customer):
                dated = before is None or (doc.invoice_date is not None and doc.invoice_date < before)
                if (not invoices or doc.id in invoices) and dated:
                    found.append(InvoiceSent(source=name, at=now, invoice_id=doc.id, customer_id=doc.customer_id, sent_on=day))
        return found

    with session(context).database() as database, database.read() as connection:
        events = chosen(connection)
    if not events:
        raise NotHere("no open invoice fits: `billhook panel dunning` lists those that wait")
    _give(context, events, yes, json)


def rate(
    context: typer.Context, act: Annotated[RateAct, typer.Argument(help="list, or confirm one of them.")],
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help='Such as "DE 2026-07-01 1.52".')] = None,
    source: Source = None, yes: Yes = False, json: Json = False,
) -> None:  # fmt: skip
    """The base rates of interest: list them, or confirm one after you compared it with its source."""
    if act is RateAct.list:
        panel(context, "rates", source, json)
        return
    if not key:
        raise typer.BadParameter("say which: `billhook rate list` shows the keys")
    now = datetime.now(UTC)
    events = [RateConfirmed(source=name, at=now, key=key) for name in _sources(context, source)]
    _give(context, events, yes, json)


def claims(
    context: typer.Context, act: Annotated[ClaimsAct, typer.Argument(help="list those that are open, or say what became of them.")],
    invoice: Annotated[str | None, typer.Argument(metavar="[INVOICE]", help="The id of the invoice.")] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only these; else all that are open.")] = None,
    source: Source = None, reason: Reason = "", yes: Yes = False, json: Json = False,
) -> None:  # fmt: skip
    """Interest, flat sum and fees beside invoices: list what is open, or say that it was paid or is waived."""
    if act is ClaimsAct.list:
        panel(context, "claims", source, json)
        return
    if not invoice:
        raise typer.BadParameter("say of which invoice: `billhook claims list` shows them")
    names = _sources(context, source)
    if len(names) != 1:
        raise typer.BadParameter(f"name the source: --source {'|'.join(names)}")
    said = {"source": names[0], "at": datetime.now(UTC), "invoice_id": invoice, "state": act, "kind": kind, "reason": reason}
    _give(context, [from_data(ClaimsSettled.type, said)], yes, json)


def _give(context: typer.Context, events: Sequence[Event], yes: bool, json: bool) -> None:
    """Show what the events would set free; with `yes`, put them into the inbox."""
    here = session(context)
    load_folders(here.settings().workflows)
    with here.database() as database:
        with database.read() as connection:
            try:
                rows = [{"source": event.source, "sets_free": line} for event in events for line in set_free(connection, event)]
            except ValueError as wrong:
                raise typer.BadParameter(str(wrong)) from None
        if yes:
            who, now = actor(), datetime.now(UTC)
            arrivals = [signal_arrival(event, actor=who, at=now) for event in events]
            database.write(lambda c: [inbox.append(c, arrival) for arrival in arrivals])
    show_rows(rows, COLUMNS, as_json=json, nothing="it sets nothing free that waits now")
    if not json:
        print(f"{len(events)} said" if yes else f"{len(events)} to be said; add --yes to do it")


def _sources(context: typer.Context, source: str | None) -> list[str]:
    """The source named, or every one that has a provider to be asked."""
    settings = session(context).settings()
    return [settings.source(source).name] if source is not None else sorted(settings.sources)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} takes a date such as 2026-11-21") from None
