"""Money that prepaid customers sent by transfer before their top-up: what was told, what orders used of it, and what is left.

Owns table `credits_received` and its queries. One reference is kept once in a source. What an order uses is its row in `credits_order`
(`means`), written in the transaction that opens it: as one order of a customer is open at a time, no two use the same money.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from itertools import accumulate

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from workers.authoring import UtcDateTime, insert_of, row_id, table_of
from workflows.credits import lost, tables
from workflows.credits.amounts import ZERO
from workflows.credits.effects import TopUp
from workflows.credits.happenings import CreditsReceived

ASKED_FOR = ("no_mandate", "no_payment_token", "no_payment_means", "transfer_short")


class ReceivedRow(SQLModel, table=True):
    """One transfer that came in. `reference`: the bank's, or a person's word for it. `amount` is a decimal text."""

    __tablename__ = "credits_received"
    __table_args__ = (
        sa.UniqueConstraint("source", "reference", name="credits_received_reference"),
        sa.Index("credits_received_customer", "source", "customer_id"),
    )

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    reference: str = Field(max_length=128)
    customer_id: str = Field(max_length=128)
    amount: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    received_on: date
    kept_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


_RECEIVED = table_of(ReceivedRow)
AT_ONCE = 500  # customers in one statement


class Purse(BaseModel):
    """What of a customer's transfers is there: all that was received by a day, and what of it is `left`."""

    model_config = ConfigDict(frozen=True)

    received: Decimal = ZERO
    left: Decimal = ZERO


class Opened(BaseModel):
    """Whether an order was opened that uses received money: `paid_on`, when the last of it came in; else `reason`."""

    model_config = ConfigDict(frozen=True)

    paid_on: date | None = None
    reason: str | None = None


def keep(connection: Connection, told: CreditsReceived, now: datetime) -> str:
    """Keep a transfer: "kept", "known" where it was told before, "differs" where its reference was told with something else.

    A customer who was refused for want of means is looked at again at once.
    """
    said: dict[str, object] = {"customer_id": told.customer_id, "received_on": told.received_on}
    said |= {"amount": str(told.amount.amount), "currency": told.amount.currency}
    values = {"source": told.source, "reference": told.reference, **said, "kept_at": now}
    added = insert_of(connection, ReceivedRow).values(values).on_conflict_do_nothing().returning(_RECEIVED.c.id)
    if connection.execute(added).first() is None:
        return "known" if _is_same(connection, told, said) else "differs"
    row = tables.customer_of(connection, told.source, told.customer_id)
    if row is not None and (row["told"] or "").partition(":")[0] in ASKED_FOR:
        tables.put_customer(connection, told.source, told.customer_id, told=None, next_at=None)
    return "kept"


def _is_same(connection: Connection, told: CreditsReceived, said: dict[str, object]) -> bool:
    own = sa.and_(_RECEIVED.c.source == told.source, _RECEIVED.c.reference == told.reference)
    row = connection.execute(sa.select(_RECEIVED).where(own)).mappings().one()
    same = all(row[name] == value for name, value in said.items() if name != "amount")
    return same and Decimal(row["amount"]) == told.amount.amount


def purse_of(connection: Connection, source: str, customer_id: str, currency: str, today: date) -> Purse:
    """What is there of one customer's transfers in this currency that came in by `today`."""
    received = sum((Decimal(row["amount"]) for row in _receipts(connection, source, customer_id, currency, today)), ZERO)
    if received == ZERO:
        return Purse()
    return Purse(received=received, left=max(received - _used(connection, source, customer_id, currency), ZERO))


def open_order(connection: Connection, topup: TopUp, run_id: str, reason: str | None, now: datetime, today: date) -> Opened:
    """Open the order of a top-up that uses received money. What is left is reckoned after the order is in: then no other one is open."""
    said = {"run_id": run_id, "amount": str(topup.amount), "currency": topup.currency, "reason": reason, "opened_at": now}
    if not tables.add_order(connection, topup.source, topup.id, topup.uid, **said):
        return Opened(reason="order_open")
    used = _used(connection, topup.source, topup.id, topup.currency)
    receipts = _receipts(connection, topup.source, topup.id, topup.currency, today)
    reached = accumulate(Decimal(row["amount"]) for row in receipts)
    days = [row["received_on"] for row, sum in zip(receipts, reached, strict=True) if sum - Decimal(row["amount"]) < used + topup.amount]
    if sum((Decimal(row["amount"]) for row in receipts), ZERO) - used < topup.amount:
        tables.set_order(connection, topup.source, topup.uid, state=tables.CANCELLED, reason="received_used", ended_at=now)
        return Opened(reason="received_used")
    tables.set_order(connection, topup.source, topup.uid, means=tables.TRANSFER)
    return Opened(paid_on=max(days))


def _receipts(connection: Connection, source: str, customer_id: str, currency: str, today: date) -> list[sa.RowMapping]:
    """In the order in which they are used."""
    own = sa.and_(_RECEIVED.c.source == source, _RECEIVED.c.customer_id == customer_id, _RECEIVED.c.currency == currency)
    query = sa.select(_RECEIVED).where(own, _RECEIVED.c.received_on <= today).order_by(_RECEIVED.c.received_on, _RECEIVED.c.id)
    return list(connection.execute(query).mappings())


def _used(connection: Connection, source: str, customer_id: str, currency: str) -> Decimal:
    return _used_by(connection, source, [customer_id])[customer_id, currency]


def _used_by(connection: Connection, source: str, customer_ids: Collection[str]) -> defaultdict[tuple[str, str], Decimal]:
    """By customer and currency what orders used, and what top-ups may have used that the books lack: a restored backup's."""
    used: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    orders = tables.orders_among(connection, source, customer_ids)
    for one in orders:
        if one["means"] == tables.TRANSFER or one["reason"] == lost.NOT_IN_BOOKS:
            used[one["customer_id"], one["currency"]] += Decimal(one["amount"])
    for customer_id, unknown in lost.unknown_among(connection, source, customer_ids, {one["uid"] for one in orders}):
        used[customer_id, unknown.currency] += Decimal(unknown.total)
    return used


def purses(connection: Connection, source: str) -> dict[tuple[str, str], Purse]:
    """By (customer id, currency) what is there of everybody's transfers, AT_ONCE customers at a time."""
    own = sa.select(_RECEIVED.c.customer_id, _RECEIVED.c.currency, _RECEIVED.c.amount).where(_RECEIVED.c.source == source)
    received: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in connection.execute(own.order_by(_RECEIVED.c.customer_id, _RECEIVED.c.currency)):
        received[row.customer_id, row.currency] += Decimal(row.amount)
    customers, used = list(dict.fromkeys(id for id, _ in received)), dict[tuple[str, str], Decimal]()
    for first in range(0, len(customers), AT_ONCE):
        used |= _used_by(connection, source, customers[first : first + AT_ONCE])
    return {whose: Purse(received=total, left=max(total - used.get(whose, ZERO), ZERO)) for whose, total in received.items()}
