"""Gates: what waits behind them, and bank-checked, mark-sent, rate and claims, which show first what they would do, and give their event
only with --yes.

The event enters through the inbox like every act of a person; said twice, it means the same as said once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.event import Event, from_data, to_data
from workers.cli.output import show_rows
from workers.cli.panel import panel
from workers.cli.remote import Remote
from workers.cli.session import Json, Reason, Source, actor, session
from workers.errors import NotHere
from workers.gates import BankChecked, ClaimsSettled, InvoiceSent, RateConfirmed, set_free, waiting
from workers.loading import load_folders
from workers.operator import signal_arrival
from workers.overview import open_invoices
from workers.saying import OWN

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
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        found = elsewhere.rows_of("gates", {"source": source})
    else:
        names = _sources(context, source)
        load_folders(here.settings().workflows)
        with here.database() as database, database.read() as connection:
            found = waiting_rows(connection, names)
    show_rows(found, WAITING, as_json=json, nothing="nothing waits behind a gate")


def waiting_rows(connection: Connection, sources: Sequence[str]) -> list[dict[str, Any]]:
    """What waits behind the gates of these sources."""
    return [asdict(one) for name in sources for one in waiting(connection, name, MOST)]


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
    here = session(context)
    if (elsewhere := here.elsewhere()) is not None:
        wanted = {"source": source, "customer": customer, "dated_before": dated_before, "invoice": invoices}
        rows = elsewhere.rows_of("open-invoices", wanted)
    else:
        names = _sources(context, source)
        with here.database() as database, database.read() as connection:
            rows = open_rows(connection, names, customer=customer, before=before, invoices=invoices)
    if not rows:
        raise NotHere("no open invoice fits: `billhook panel dunning` lists those that wait")
    _give(context, [InvoiceSent(**row, at=now, sent_on=day) for row in rows], yes, json)


def open_rows(
    connection: Connection, sources: Sequence[str], *, customer: str | None, before: date | None, invoices: Sequence[str] | None
) -> list[dict[str, Any]]:
    """The open invoices of which a person may say that they were sent, as {"source", "invoice_id", "customer_id"}."""
    return [
        {"source": name, "invoice_id": doc.id, "customer_id": doc.customer_id}
        for name in sources
        for doc in open_invoices(connection, name, customer_id=customer)
        if (not invoices or doc.id in invoices) and (before is None or (doc.invoice_date is not None and doc.invoice_date < before))
    ]


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
    if (elsewhere := here.elsewhere()) is not None:
        _report(_given_there(elsewhere, events, yes), len(events), yes, json)
        return
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
    _report(rows, len(events), yes, json)


def _given_there(elsewhere: Remote, events: Sequence[Event], yes: bool) -> list[dict[str, Any]]:
    """What the events would set free at a console elsewhere, in rows; with `yes` each is said as it was shown."""
    rows: list[dict[str, Any]] = []
    for event in events:
        fields = {name: value for name, value in to_data(event).items() if name not in OWN and value not in (None, "")}
        said = {"type": event.type, "source": event.source, "set": fields}
        shown = elsewhere.act("say", said)
        rows += shown["would"]
        if yes:
            elsewhere.act("say", said, shown["confirm"])
    return rows


def _report(rows: Sequence[Mapping[str, Any]], count: int, yes: bool, json: bool) -> None:
    show_rows(rows, COLUMNS, as_json=json, nothing="it sets nothing free that waits now")
    if not json:
        print(f"{count} said" if yes else f"{count} to be said; add --yes to do it")


def _sources(context: typer.Context, source: str | None) -> list[str]:
    """The source named, or every one that has a provider to be asked."""
    if (elsewhere := session(context).elsewhere()) is not None:
        return [source] if source is not None else sorted(row["source"] for row in elsewhere.rows_of("sources", {}) if row["kind"])
    settings = session(context).settings()
    return [settings.source(source).name] if source is not None else sorted(settings.sources)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} takes a date such as 2026-11-21") from None
