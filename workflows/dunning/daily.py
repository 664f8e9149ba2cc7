"""The daily duty of dunning: finds overdue invoices, keeps what they owe, and starts or wakes the run of their customer.

Also runs at once when a person opens a gate. It sends nothing; `dunning` decides.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from workers.authoring import (
    BankChecked,
    Daily,
    InvoiceDoc,
    InvoiceOverdue,
    RateConfirmed,
    Run,
    Tick,
    give_event,
    live_keys,
    local_day,
    mail,
    monsum,
    open_invoices,
    synced_at,
    unknown_effects,
    workflow,
)
from workflows.dunning import tables
from workflows.dunning.outlook import STALE
from workflows.dunning.policy import NAME

LEFT_ALONE = timedelta(hours=1)


@workflow("dunning-daily", on=(Daily("09:00"), BankChecked, RateConfirmed))
def daily(run: Run, event: Tick | BankChecked | RateConfirmed) -> None:
    """One look at every open invoice of the source."""
    told = run.step("tell", tell_overdue, run.source, run.id, run.now(), run.zone)
    lost = run.step("lost", lost_letters, run.source, run.now())
    for effect, invoice in lost:
        run.alert(f"lost {effect}", "notice_unknown", about=f"{run.source}/effect:{effect}", effect=effect, invoice=invoice)
    if not told and not lost:
        run.skip("nothing_new")


def lost_letters(connection: Connection, source: str, now: datetime) -> list[tuple[str, str]]:
    """(effect, invoice) of messages of which nobody knows whether they went out: nothing more goes to their customers until then."""
    services, before = (monsum.send_by_email.name, mail.send.name), now - LEFT_ALONE
    unknown = [one for service in services for one in unknown_effects(connection, source, NAME, service, called_before=before)]
    return [(one.id, one.object_id) for one in unknown]


def tell_overdue(connection: Connection, source: str, run_id: str, now: datetime, zone: ZoneInfo) -> list[str]:
    """Give `invoice.overdue` once per customer and currency whose run does not know an overdue invoice, or waits for a gate."""
    today = local_day(now, zone)
    overdue = [doc for doc in open_invoices(connection, source) if doc.customer_id and _is_overdue(doc, today)]
    _see(connection, source, overdue, today, zone)
    live = live_keys(connection, source, NAME)
    ladders = {row["invoice_id"]: row for row in tables.all_ladders(connection, source)}
    told: dict[str, InvoiceDoc] = {}
    for doc in sorted(overdue, key=lambda doc: doc.due_date or date.max):  # the run is about all of them: it is told of the oldest
        key, row = f"{doc.customer_id}/{doc.currency}", ladders.get(doc.id)
        if key not in live or row is None or row["reason"] == STALE:
            told.setdefault(key, doc)
    for doc in told.values():
        event = InvoiceOverdue(
            source=source, at=now, invoice_id=doc.id, customer_id=doc.customer_id, currency=doc.currency, due_on=doc.due_date
        )
        give_event(connection, event, actor="dunning-daily", at=now, id=f"{run_id}:{doc.id}")
    return sorted(told)


def _is_overdue(doc: InvoiceDoc, today: date) -> bool:
    return doc.due_date is None or doc.due_date < today


def _see(connection: Connection, source: str, overdue: list[InvoiceDoc], today: date, zone: ZoneInfo) -> None:
    """Keep what each owes, as verified by the last whole read of the provider's open invoices."""
    read_at = synced_at(connection, source)
    owed = {doc.id: doc.outstanding.amount for doc in overdue if doc.outstanding is not None}
    tables.see(connection, source, owed, on=today, same_on=today if read_at is None else local_day(read_at, zone))
