"""What operators see of dunning: every ladder with its reason, the base rates, and what opening a gate would set free.

Reads only. `billhook panel dunning`, `rates` and `claims`, what waits at `billhook gates`, and the previews of `bank-checked`, `mark-sent`,
`rate confirm` and `claims`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.authoring import (
    BankChecked,
    ClaimsSettled,
    InvoiceSent,
    RateConfirmed,
    Waiting,
    events_of_source,
    frees,
    owed_on,
    panel,
    waits_at,
)
from workflows.dunning import tables
from workflows.dunning.claims import decided
from workflows.dunning.deciding import in_words
from workflows.dunning.outlook import STALE
from workflows.dunning.rates import shipped_rates

NOT_SENT = "not_sent"
SAID = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderLine:
    """One ladder that is not closed. `reached`: the last level that went out; `why`: why nothing is done now."""

    invoice: str
    customer: str
    owed: str
    state: str
    why: str
    reached: str
    next: str
    on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLine:
    """One shipped base rate. `key` is what `billhook rate confirm` takes."""

    key: str
    until: date
    usable: str
    read_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One open claim beside an invoice. `ladder`: whether the invoice is still asked for, or closed."""

    invoice: str
    claim: str
    level: int
    amount: str
    ladder: str


@panel("claims")
def claims(connection: Connection, source: str) -> list[ClaimLine]:
    """What is claimed beside invoices and open: `billhook claims paid` or `waived` settles it."""
    return [
        ClaimLine(
            invoice=row["invoice_id"], claim=row["kind"], level=row["level"], amount=f"{row['amount']} {row['currency']}",
            ladder=row["ladder"] or "",
        )
        for row in tables.open_claims(connection, source)
    ]  # fmt: skip


@panel("dunning")
def ladders(connection: Connection, source: str) -> list[LadderLine]:
    """Every invoice in dunning: what went out, what comes next and when, and why nothing is done now."""
    rows = tables.all_ladders(connection, source)
    owed, sent = _owed(connection, source, rows), tables.last_names(connection, source)
    return [
        LadderLine(
            invoice=row["invoice_id"], customer=row["customer_id"], owed=owed.get(row["invoice_id"], ""), state=row["state"],
            why=row["reason"] or "", reached=sent.get(row["invoice_id"], ""), next=row["next_name"] or "", on=row["next_on"],
        )
        for row in rows
    ]  # fmt: skip


@panel("rates")
def rates(connection: Connection, source: str) -> list[RateLine]:
    """The shipped base rates of interest; one that is not usable waits for `billhook rate confirm`."""
    confirmed = {one.key for one in events_of_source(connection, source, (RateConfirmed,))}
    return [
        RateLine(
            key=row.key, until=row.valid_until, usable="yes" if row.confirmed or row.key in confirmed else "not confirmed",
            read_in="; ".join(row.sources),
        )
        for row in shipped_rates().rows
    ]  # fmt: skip


@frees(BankChecked)
def freed_by_bank_check(connection: Connection, event: BankChecked) -> list[str]:
    """The notices that wait for fresh bank data."""
    return _waiting(connection, event.source, STALE)


@frees(InvoiceSent)
def freed_by_sent_mark(connection: Connection, event: InvoiceSent) -> list[str]:
    """The ladder that waits to know that its invoice reached the customer."""
    return _waiting(connection, event.source, NOT_SENT, invoice_id=event.invoice_id)


@frees(ClaimsSettled)
def freed_by_settling(connection: Connection, event: ClaimsSettled) -> list[str]:
    """The claims that would be settled. Raises ValueError where none of them is open."""
    claims = tables.claims_of(connection, event.source, event.invoice_id)
    settled = zip(claims, decided(claims, event.state, kind=event.kind), strict=True)
    said = [in_words(after) for before, after in settled if before.state == "open" and after.state == event.state]
    if not said:
        what = "claim" if event.kind is None else event.kind
        raise ValueError(f"no {what} of invoice {event.invoice_id} is open on {event.source}: `billhook claims list` shows those that are")
    return [f"invoice {event.invoice_id}: {one} becomes {event.state}" for one in said]


@frees(RateConfirmed)
def freed_by_rate(connection: Connection, event: RateConfirmed) -> list[str]:
    """What a confirmed rate changes. Raises ValueError where no unconfirmed row has this key."""
    waiting = {row.key for row in shipped_rates().unconfirmed()}
    if event.key not in waiting:
        raise ValueError(f'no rate waits under "{event.key}": {", ".join(sorted(waiting)) or "all are confirmed"}')
    count = len(tables.all_ladders(connection, event.source))
    return [f"notices of {event.source} state interest at {event.key} from now on; {count} invoices are in dunning"]


@waits_at(BankChecked)
def behind_the_bank(connection: Connection, source: str, most: int) -> list[Waiting]:
    """The notices that wait for fresh bank data, as one: one look at the bank is for all."""
    rows = tables.all_ladders(connection, source, reason=STALE, most=most + 1)
    if not rows:
        return []
    first = ", ".join(f"invoice {row['invoice_id']} ({row['next_name'] or 'its ladder'})" for row in rows[:SAID])
    more = "and more" if len(rows) > most else f"and {len(rows) - SAID} more" if len(rows) > SAID else ""
    many = "notice waits" if len(rows) == 1 else "notices wait"
    count = f"more than {most}" if len(rows) > most else str(len(rows))
    return [
        Waiting(
            source=source, title=f"{count} {many} for the bank", known=f"{first} {more}".strip(),
            command=f"billhook bank-checked --through DATE --source {source}",
        )
    ]  # fmt: skip


@waits_at(InvoiceSent)
def behind_the_sent_mark(connection: Connection, source: str, most: int) -> list[Waiting]:
    """The invoices of which nobody knows whether they reached their customers."""
    rows = tables.all_ladders(connection, source, reason=NOT_SENT, most=most)
    owed = _owed(connection, source, rows)
    return [
        Waiting(
            source=source, title=f"Invoice {row['invoice_id']}: did it reach the customer?",
            known="Nothing billhook knows of sent it, so it is not dunned.", amount=owed.get(row["invoice_id"], ""),
            fields={"invoice_id": row["invoice_id"], "customer_id": row["customer_id"]}, customer_id=row["customer_id"],
            invoice_id=row["invoice_id"], command=f"billhook mark-sent {row['invoice_id']} --on DATE --source {source}",
        )
        for row in rows
    ]  # fmt: skip


@waits_at(RateConfirmed)
def behind_a_rate(connection: Connection, source: str, _most: int) -> list[Waiting]:
    """The first base rate nobody compared with its source, where anything is dunned at all; the others come one after the other."""
    confirmed = frozenset(one.key for one in events_of_source(connection, source, (RateConfirmed,)) if isinstance(one, RateConfirmed))
    rows = shipped_rates().unconfirmed(confirmed)
    if not rows or not tables.all_ladders(connection, source, most=1):
        return []
    after = f" {len(rows) - 1} more wait after it: `billhook rate list`." if len(rows) > 1 else ""
    return [
        Waiting(
            source=source, title=f"Is the base rate {rows[0].key} right?",
            known=f"No notice states it until somebody compared it. It was read in: {'; '.join(rows[0].sources)}.{after}",
            fields={"key": rows[0].key}, command=f'billhook rate confirm "{rows[0].key}" --source {source}',
        )
    ]  # fmt: skip


@waits_at(ClaimsSettled)
def behind_a_settling(connection: Connection, source: str, most: int) -> list[Waiting]:
    """Claims that are open beside invoices that are asked for no more."""
    left = [line for line in claims(connection, source) if line.ladder in ("", tables.CLOSED)]
    found = {line.invoice: [one for one in left if one.invoice == line.invoice] for line in left[:most]}
    return [
        Waiting(
            source=source, title=f"Invoice {invoice}: is what was claimed beside it paid or waived?",
            known=", ".join(f"{line.claim} {line.amount}" for line in lines), fields={"invoice_id": invoice}, invoice_id=invoice,
            command=f"billhook claims paid {invoice} --source {source}",
        )
        for invoice, lines in found.items()
    ]  # fmt: skip


def _waiting(connection: Connection, source: str, reason: str, *, invoice_id: str | None = None) -> list[str]:
    rows = [row for row in tables.all_ladders(connection, source, reason=reason) if invoice_id in (None, row["invoice_id"])]
    owed = _owed(connection, source, rows)
    return [
        f"invoice {row['invoice_id']} of customer {row['customer_id']}: {row['next_name'] or 'its ladder'}, {owed.get(row['invoice_id'])}"
        for row in rows
    ]


def _owed(connection: Connection, source: str, ladders: Sequence[sa.RowMapping]) -> dict[str, str]:
    """What is owed on the invoices of these ladders, by invoice."""
    said = owed_on(connection, source, [row["invoice_id"] for row in ladders])
    return {id: f"{money.rounded().amount} {money.currency}" for id, money in said.items()}
