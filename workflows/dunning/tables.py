"""What dunning itself remembers of an invoice: where its ladder stands, what went out, what is claimed beside it, what was owed when.

Owns tables `dunning_ladder`, `dunning_notice`, `dunning_claim` and `dunning_seen` and their queries; what became of them is kept by
changes.py. Written only inside a run's step.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from workers.authoring import Json, Money, UtcDateTime, insert_of, row_id, table_of
from workflows.dunning import changes
from workflows.dunning.balance import Seen
from workflows.dunning.claims import Claim
from workflows.dunning.notice import Notice

OPEN, RESTING, STOPPED, FOREIGN, CLOSED = "open", "resting", "stopped", "foreign_dunning", "closed"
AT_ONCE = 500  # a list of thousands is a statement of its own length each time, and past 32,766 none for SQLite
DONE, CROSSED, UNDELIVERED, OBSERVED = "done", "crossed", "undelivered", "observed"


class LadderRow(SQLModel, table=True):
    """The ladder of one invoice. `reason`: why nothing is done now. `next_name` and `next_on`: what comes, and when at the earliest.

    `hold_until`: no further try before this day. `detail`: ids only, such as the foreign reminders that were seen.
    """

    __tablename__ = "dunning_ladder"
    __table_args__ = (
        sa.UniqueConstraint("source", "invoice_id", name="dunning_ladder_invoice"),
        sa.Index("dunning_ladder_customer", "source", "customer_id", "currency"),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    invoice_id: str = Field(max_length=128)
    customer_id: str = Field(max_length=128)
    currency: str = Field(max_length=3)
    state: str = Field(max_length=16)
    reason: str | None = Field(default=None, max_length=64)
    next_name: str | None = Field(default=None, max_length=16)
    next_on: date | None = None
    hold_until: date | None = None
    detail: Any = Field(default=None, sa_column=sa.Column(Json))
    changed_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


class NoticeRow(SQLModel, table=True):
    """One notice of one invoice that went out. `copy`: 0, or how many of this level came back before. `figures`: as decimal strings."""

    __tablename__ = "dunning_notice"
    __table_args__ = (
        sa.UniqueConstraint("source", "invoice_id", "level", "copy", "run_id", name="dunning_notice_level"),
        sa.Index("dunning_notice_customer", "source", "customer_id"),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    invoice_id: str = Field(max_length=128)
    customer_id: str = Field(max_length=128)
    level: int
    copy_: int = Field(default=0, sa_column=sa.Column("copy", sa.Integer(), nullable=False))
    name: str = Field(max_length=16)
    sent_on: date
    deadline_on: date
    way: str = Field(max_length=8)
    state: str = Field(max_length=16)
    run_id: str = Field(max_length=32)
    effect_id: str | None = Field(default=None, max_length=32)
    called_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    settled_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    address_hash: str | None = Field(default=None, max_length=64)
    figures: Any = Field(default=None, sa_column=sa.Column(Json))


class ClaimRow(SQLModel, table=True):
    """One claim beside the invoice: interest, flat sum or fee. `given_up`: waived only because the principal was paid."""

    __tablename__ = "dunning_claim"
    __table_args__ = (sa.UniqueConstraint("source", "invoice_id", "level", "kind", name="dunning_claim_kind"),)

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    invoice_id: str = Field(max_length=128)
    level: int
    kind: str = Field(max_length=8)
    amount: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    state: str = Field(max_length=8)
    given_up: bool = Field(default=False, sa_column=sa.Column(sa.Boolean, nullable=False))
    changed_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


class SeenRow(SQLModel, table=True):
    """From `first_on` to `last_on` every look at the invoice showed this outstanding amount."""

    __tablename__ = "dunning_seen"
    __table_args__ = (sa.UniqueConstraint("source", "invoice_id", "number", name="dunning_seen_order"),)

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    invoice_id: str = Field(max_length=128)
    number: int
    outstanding: str = Field(max_length=40)
    first_on: date
    last_on: date


_LADDER, _NOTICE, _CLAIM, _SEEN = table_of(LadderRow), table_of(NoticeRow), table_of(ClaimRow), table_of(SeenRow)
_SOURCE: Any = sa.bindparam("of_source")
_INVOICE: Any = sa.bindparam("of_invoice")
_INVOICES: Any = sa.bindparam("of_invoices", expanding=True)
_ROWS: Any = sa.bindparam("of_rows", expanding=True)
_LADDER_OF = sa.select(_LADDER).where(_LADDER.c.source == _SOURCE, _LADDER.c.invoice_id == _INVOICE)
_LADDERS_OF = (
    sa.select(_LADDER)
    .where(
        _LADDER.c.source == _SOURCE, _LADDER.c.customer_id == sa.bindparam("of_customer"), _LADDER.c.currency == sa.bindparam("in_currency")
    )
    .order_by(_LADDER.c.id)
)
_SENT = sa.select(_NOTICE).where(_NOTICE.c.source == _SOURCE, _NOTICE.c.invoice_id == _INVOICE).order_by(_NOTICE.c.id)
_REAL = _SENT.where(_NOTICE.c.state != OBSERVED)
_OBSERVED_TOO = _SENT.where(sa.or_(_NOTICE.c.state != OBSERVED, _NOTICE.c.run_id == sa.bindparam("of_run")))
_REMINDED = (
    sa.select(_NOTICE.c.id)
    .where(_NOTICE.c.source == _SOURCE, _NOTICE.c.customer_id == sa.bindparam("of_customer"), _NOTICE.c.state.in_((DONE, CROSSED)))
    .limit(1)
)
_CLAIMS_OF = sa.select(_CLAIM).where(_CLAIM.c.source == _SOURCE, _CLAIM.c.invoice_id == _INVOICE).order_by(_CLAIM.c.level, _CLAIM.c.kind)
_SEEN_OF = sa.select(_SEEN).where(_SEEN.c.source == _SOURCE, _SEEN.c.invoice_id == _INVOICE).order_by(_SEEN.c.number)
_ALL_SEEN = sa.select(_SEEN).where(_SEEN.c.source == _SOURCE, _SEEN.c.invoice_id.in_(_INVOICES)).order_by(_SEEN.c.number)
_VERIFIED = sa.update(_SEEN).where(_SEEN.c.id.in_(_ROWS)).values(last_on=sa.bindparam("to_day"))


def put_ladder(
    connection: Connection, source: str, invoice_id: str, *, at: datetime, noted: bool = True, before: sa.RowMapping | None = None,
    figures: Mapping[str, str] | None = None, **said: Any,
) -> None:  # fmt: skip
    """Write what is said of a ladder; a new one is open, and needs customer_id and currency. What is left out stays.

    `before`: the row as it stands, where the caller has just read it. What says nothing new is not written.

    `noted`: a change of state or reason is kept too, with its `figures`; not where the ledger tells it already, as an effect that ended.
    """
    before = ladder_of(connection, source, invoice_id) if before is None else before
    if before is not None and _says_nothing_new(before, said):
        return
    stood: Mapping[str, Any] = {"state": OPEN, "reason": None, "next_name": None} if before is None else dict(before)
    if before is None:
        values = {"source": source, "invoice_id": invoice_id, "state": OPEN, **said, "changed_at": at}
        connection.execute(sa.insert(_LADDER).values(values))
    else:
        changed = {**said, "changed_at": at}
        connection.execute(_change(tuple(changed)), {f"to_{name}": value for name, value in changed.items()} | {"of_row": before["id"]})
    now = (said.get("state", stood["state"]), said.get("reason", stood["reason"]))
    if noted and now != (stood["state"], stood["reason"]):
        named = said.get("next_name") or stood["next_name"]
        changes.keep(connection, source, invoice_id, name=named, state=now[0], reason=now[1], figures=figures, at=at)


def _says_nothing_new(before: sa.RowMapping, said: Mapping[str, Any]) -> bool:
    """Whether a ladder stands as it is said to; one that stopped anew did so at another instant, which counts for `look.again`."""
    going = said.get("state", before["state"]) in (OPEN, RESTING)
    return going and all(before[name] == value for name, value in said.items())


@cache
def _change(names: tuple[str, ...]) -> Any:
    """The UPDATE of one ladder that sets these columns."""
    values = {name: sa.bindparam(f"to_{name}", type_=_LADDER.c[name].type) for name in names}
    return sa.update(_LADDER).where(_LADDER.c.id == sa.bindparam("of_row")).values(values)


def forget(connection: Connection, source: str, invoice_id: str, name: str) -> None:
    """Take a name out of a ladder's detail."""
    row = ladder_of(connection, source, invoice_id)
    if row is not None and name in (row["detail"] or {}):
        left = {key: value for key, value in row["detail"].items() if key != name}
        connection.execute(sa.update(_LADDER).where(_LADDER.c.id == row["id"]).values(detail=left or None))


def ladders_of(connection: Connection, source: str, customer_id: str, currency: str) -> dict[str, sa.RowMapping]:
    """The ladders of one customer in one currency, by invoice."""
    own = {"of_source": source, "of_customer": customer_id, "in_currency": currency}
    return {row["invoice_id"]: row for row in connection.execute(_LADDERS_OF, own).mappings()}


def ladder_of(connection: Connection, source: str, invoice_id: str) -> sa.RowMapping | None:
    """The ladder of one invoice, or None."""
    return connection.execute(_LADDER_OF, {"of_source": source, "of_invoice": invoice_id}).mappings().first()


def all_ladders(
    connection: Connection, source: str, *, reason: str | None = None, most: int | None = None
) -> Sequence[sa.RowMapping]:  # fmt: skip
    """Every ladder that is not closed, or those that rest for one reason, by customer; at most so many."""
    chosen = _LADDER.c.state != CLOSED if reason is None else sa.and_(_LADDER.c.state != CLOSED, _LADDER.c.reason == reason)
    query = sa.select(_LADDER).where(_LADDER.c.source == source, chosen)
    return connection.execute(query.order_by(_LADDER.c.customer_id, _LADDER.c.id).limit(most)).mappings().all()


def add_notice(connection: Connection, source: str, invoice_id: str, **said: Any) -> None:
    """Keep a notice that went out, once per level, copy and run."""
    values = {"source": source, "invoice_id": invoice_id, **said}
    connection.execute(insert_of(connection, NoticeRow).on_conflict_do_nothing(), values)


def notice_rows(connection: Connection, source: str, invoice_id: str, *, observed_by: str | None = None) -> Sequence[sa.RowMapping]:
    """The notices of one invoice in the order they went out; those a run only observed are for that run alone."""
    own = {"of_source": source, "of_invoice": invoice_id}
    if observed_by is None:
        return connection.execute(_REAL, own).mappings().all()
    return connection.execute(_OBSERVED_TOO, {**own, "of_run": observed_by}).mappings().all()


def last_names(connection: Connection, source: str) -> dict[str, str]:
    """By invoice whose ladder is not closed: the name of the last notice that went out."""
    live = sa.select(_LADDER.c.invoice_id).where(_LADDER.c.source == source, _LADDER.c.state != CLOSED)
    sent = sa.select(_NOTICE.c.invoice_id, _NOTICE.c.name).where(_NOTICE.c.source == source, _NOTICE.c.invoice_id.in_(live))
    return {row.invoice_id: row.name for row in connection.execute(sent.where(_NOTICE.c.state != OBSERVED).order_by(_NOTICE.c.id))}


def notices_of(connection: Connection, source: str, invoice_id: str, *, observed_by: str | None = None) -> tuple[Notice, ...]:
    """The same as values to plan with."""
    return tuple(notice_of(row) for row in notice_rows(connection, source, invoice_id, observed_by=observed_by))


def notice_of(row: sa.RowMapping) -> Notice:
    """One notice as a value to plan with."""
    return Notice(
        level=row["level"], sent_on=row["sent_on"], deadline_on=row["deadline_on"], way=row["way"], delivered=row["state"] != UNDELIVERED
    )


def notices_by_way(connection: Connection, source: str, way: str) -> Sequence[sa.RowMapping]:
    """The notices of a source that went out in one way."""
    own = sa.and_(_NOTICE.c.source == source, _NOTICE.c.way == way)
    return connection.execute(sa.select(_NOTICE).where(own).order_by(_NOTICE.c.id)).mappings().all()


def set_notice(connection: Connection, row: sa.RowMapping, state: str, *, at: datetime) -> None:
    """What became of a notice that went out."""
    connection.execute(sa.update(_NOTICE).where(_NOTICE.c.id == row["id"]).values(state=state))
    changes.keep(connection, row["source"], row["invoice_id"], name=row["name"], state=state, reason=None, at=at)


def was_reminded(connection: Connection, source: str, customer_id: str) -> bool:
    """Whether any notice ever went to this customer."""
    return connection.execute(_REMINDED, {"of_source": source, "of_customer": customer_id}).first() is not None


def claim_rows(connection: Connection, source: str) -> Sequence[sa.RowMapping]:
    """Every claim of a source with the instant at which it took its state."""
    return connection.execute(sa.select(_CLAIM).where(_CLAIM.c.source == source).order_by(_CLAIM.c.id)).mappings().all()


def open_claims(connection: Connection, source: str) -> Sequence[sa.RowMapping]:
    """Every open claim of a source, with the `ladder` of its invoice: its state, or None."""
    ladder = sa.and_(_LADDER.c.source == _CLAIM.c.source, _LADDER.c.invoice_id == _CLAIM.c.invoice_id)
    both = sa.select(_CLAIM, _LADDER.c.state.label("ladder")).outerjoin_from(_CLAIM, _LADDER, ladder)
    return connection.execute(both.where(_CLAIM.c.source == source, _CLAIM.c.state == "open").order_by(_CLAIM.c.id)).mappings().all()


def claims_of(connection: Connection, source: str, invoice_id: str) -> tuple[Claim, ...]:
    """The claims of one invoice, by level."""
    rows = connection.execute(_CLAIMS_OF, {"of_source": source, "of_invoice": invoice_id}).mappings()
    return tuple(
        Claim(level=row["level"], kind=row["kind"], amount=Money(Decimal(row["amount"]), row["currency"]), state=row["state"],
              given_up=row["given_up"])
        for row in rows
    )  # fmt: skip


def put_claims(connection: Connection, source: str, invoice_id: str, claims: Iterable[Claim], *, at: datetime) -> None:
    """Keep claims, one per level and kind; one that is there takes the new amount and state. `changed_at`: when it took its state."""
    for claim in claims:
        named = {"source": source, "invoice_id": invoice_id, "level": claim.level, "kind": claim.kind}
        said: dict[str, Any] = {
            "amount": str(claim.amount.amount),
            "currency": claim.amount.currency,
            "state": claim.state,
            "given_up": claim.given_up,
        }
        said["changed_at"] = at
        added = insert_of(connection, ClaimRow).values({**named, **said})
        differs = sa.or_(_CLAIM.c.state != claim.state, _CLAIM.c.amount != said["amount"])
        connection.execute(added.on_conflict_do_update(index_elements=["source", "invoice_id", "level", "kind"], set_=said, where=differs))


def see(connection: Connection, source: str, owed: Mapping[str, Decimal], *, on: date, same_on: date) -> None:
    """Keep what is owed: invoice -> outstanding. Another amount than before was seen on `on`, the same was last verified on `same_on`."""
    ids = list(owed)
    for first in range(0, len(ids), AT_ONCE):
        _see(connection, source, {id: owed[id] for id in ids[first : first + AT_ONCE]}, on=on, same_on=same_on)


def seen_of(connection: Connection, source: str, invoice_id: str) -> list[Seen]:
    """What was owed when, as looks showed it: the first and the last day of each amount."""
    rows = connection.execute(_SEEN_OF, {"of_source": source, "of_invoice": invoice_id}).mappings()
    return [Seen(day, Decimal(row["outstanding"])) for row in rows for day in dict.fromkeys((row["first_on"], row["last_on"]))]


def _see(connection: Connection, source: str, owed: Mapping[str, Decimal], *, on: date, same_on: date) -> None:
    found = connection.execute(_ALL_SEEN, {"of_source": source, "of_invoices": list(owed)}).mappings()
    known = {row["invoice_id"]: row for row in found}
    same = {id for id, row in known.items() if Decimal(row["outstanding"]) == owed[id]}
    verified = [row["id"] for id, row in known.items() if id in same and row["last_on"] < same_on]
    new = [
        {
            "source": source, "invoice_id": id, "number": known[id]["number"] + 1 if id in known else 0, "outstanding": str(outstanding),
            "first_on": on, "last_on": on,
        }
        for id, outstanding in owed.items() if id not in same
    ]  # fmt: skip
    if verified:
        connection.execute(_VERIFIED, {"of_rows": verified, "to_day": same_on})
    if new:
        connection.execute(sa.insert(_SEEN), new)
