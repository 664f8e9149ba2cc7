"""What credits itself remembers: every order from its plan to its proof, and of a customer why nothing is done now.

Owns tables `credits_order` and `credits_customer` and their queries. Written only inside a run's step. One order of a customer is open
at a time: a partial unique index says so, not the code.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field, SQLModel

from workers.authoring import UtcDateTime, insert_of, row_id, table_of

OPEN, INVOICED, CAPTURING, PAID, GRANTING = "open", "invoiced", "capturing", "paid", "granting"
GRANTED, FAILED, CANCELLED, NOT_GRANTED = "granted", "failed", "cancelled", "paid_not_granted"
TRANSFER, GIVEN_BACK = "transfer", "given_back"
ENDED = (GRANTED, FAILED, CANCELLED)
_IS_OPEN = f"state NOT IN {ENDED}"


class CreditsOrder(SQLModel, table=True):
    """One top-up. `uid`: INVOICE_EXT_UID of its invoice. Amounts are decimal texts; `told_at`: when people heard of a stuck one.

    `means`: "transfer" where it uses money that was received in advance, "given_back" where it was to and nothing was set paid; else None.
    """

    __tablename__ = "credits_order"
    __table_args__ = (
        sa.UniqueConstraint("source", "uid", name="credits_order_uid"),
        sa.Index(
            "credits_order_open", "source", "customer_id",
            unique=True, sqlite_where=sa.text(_IS_OPEN), postgresql_where=sa.text(_IS_OPEN),
        ),
    )  # fmt: skip

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    customer_id: str = Field(max_length=128)
    uid: str = Field(max_length=64)
    run_id: str = Field(max_length=32)
    state: str = Field(max_length=20)
    amount: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    means: str | None = Field(default=None, max_length=16)
    reason: str | None = Field(default=None, max_length=64)
    invoice_id: str | None = Field(default=None, max_length=128)
    balance_before: str | None = Field(default=None, max_length=40)
    balance_after: str | None = Field(default=None, max_length=40)
    proof: str | None = Field(default=None, max_length=24)
    opened_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    paid_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    ended_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    told_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))


class CreditsCustomer(SQLModel, table=True):
    """One customer. `suspended`: why no top-up is made until a person says so. `told`: what people were told last, and of which window.

    `next_at`: when to look again. `resumed_at`: when a person last said go on. `low_since`: since when the balance is low.
    `reckoned`: the balance of the last daily reconciliation.
    """

    __tablename__ = "credits_customer"
    __table_args__ = (sa.UniqueConstraint("source", "customer_id", name="credits_customer_id"),)

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    customer_id: str = Field(max_length=128)
    enrolled_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    suspended: str | None = Field(default=None, max_length=64)
    told: str | None = Field(default=None, max_length=96)
    next_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    resumed_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    low_since: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    reckoned_at: datetime | None = Field(default=None, sa_column=sa.Column(UtcDateTime))
    reckoned: str | None = Field(default=None, max_length=40)


_ORDER, _CUSTOMER = table_of(CreditsOrder), table_of(CreditsCustomer)


def open_order(connection: Connection, source: str, customer_id: str) -> sa.RowMapping | None:
    """The customer's order that has not ended, or None."""
    own = sa.and_(_ORDER.c.source == source, _ORDER.c.customer_id == customer_id, sa.text(_IS_OPEN))
    return connection.execute(sa.select(_ORDER).where(own)).mappings().first()


def order_of_invoice(connection: Connection, source: str, invoice_id: str) -> sa.RowMapping | None:
    """The order an invoice belongs to, or None."""
    own = sa.and_(_ORDER.c.source == source, _ORDER.c.invoice_id == invoice_id)
    return connection.execute(sa.select(_ORDER).where(own)).mappings().first()


def orders_of(connection: Connection, source: str, *, customer_id: str | None = None, state: str | None = None) -> list[sa.RowMapping]:
    """Orders of a source, of one customer or in one state, the oldest first."""
    chosen = [_ORDER.c.source == source]
    chosen += [_ORDER.c.customer_id == customer_id] if customer_id is not None else []
    chosen += [_ORDER.c.state == state] if state is not None else []
    return list(connection.execute(sa.select(_ORDER).where(*chosen).order_by(_ORDER.c.id)).mappings())


def orders_among(connection: Connection, source: str, customer_ids: Collection[str]) -> list[sa.RowMapping]:
    """What orders of these customers were for, by what means and why, the oldest first: no times."""
    columns = (_ORDER.c[name] for name in ("customer_id", "uid", "amount", "currency", "means", "reason"))
    own = sa.and_(_ORDER.c.source == source, _ORDER.c.customer_id.in_(customer_ids))
    return list(connection.execute(sa.select(*columns).where(own).order_by(_ORDER.c.id)).mappings())


def last_orders(connection: Connection, source: str, count: int) -> list[sa.RowMapping]:
    """The last orders of a source, the newest first."""
    query = sa.select(_ORDER).where(_ORDER.c.source == source).order_by(_ORDER.c.id.desc()).limit(count)
    return list(connection.execute(query).mappings())


def stuck_orders(connection: Connection, source: str, *, paid_before: datetime) -> list[sa.RowMapping]:
    """Orders that were paid before an instant and are not granted, of which nobody was told."""
    stuck = sa.and_(_ORDER.c.source == source, _ORDER.c.paid_at <= paid_before, _ORDER.c.told_at.is_(None), sa.text(_IS_OPEN))
    return list(connection.execute(sa.select(_ORDER).where(stuck).order_by(_ORDER.c.id)).mappings())


def add_order(connection: Connection, source: str, customer_id: str, uid: str, **said: Any) -> bool:
    """Open an order; false where another one of the customer is open."""
    values = {"source": source, "customer_id": customer_id, "uid": uid, "state": OPEN, **said}
    added = insert_of(connection, CreditsOrder).values(values).on_conflict_do_nothing().returning(_ORDER.c.id)
    return connection.execute(added).first() is not None


def set_order(connection: Connection, source: str, uid: str, **said: Any) -> None:
    """Write what is said of an order."""
    connection.execute(sa.update(_ORDER).where(_ORDER.c.source == source, _ORDER.c.uid == uid).values(**said))


def give_back(connection: Connection, source: str, uid: str) -> None:
    """Let an order that ends without an invoice set paid use no received money any more."""
    own = sa.and_(_ORDER.c.source == source, _ORDER.c.uid == uid, _ORDER.c.means == TRANSFER, _ORDER.c.state.in_((OPEN, INVOICED)))
    connection.execute(sa.update(_ORDER).where(own).values(means=GIVEN_BACK))


def customer_of(connection: Connection, source: str, customer_id: str) -> sa.RowMapping | None:
    """What is remembered of a customer, or None."""
    own = sa.and_(_CUSTOMER.c.source == source, _CUSTOMER.c.customer_id == customer_id)
    return connection.execute(sa.select(_CUSTOMER).where(own)).mappings().first()


def customers_of(connection: Connection, source: str) -> dict[str, sa.RowMapping]:
    """What is remembered of all customers of a source, by id."""
    query = sa.select(_CUSTOMER).where(_CUSTOMER.c.source == source)
    return {row["customer_id"]: row for row in connection.execute(query).mappings()}


def busy_customers(connection: Connection, source: str) -> set[str]:
    """Customers with an order that has not ended."""
    return set(connection.execute(sa.select(_ORDER.c.customer_id).where(_ORDER.c.source == source, sa.text(_IS_OPEN))).scalars())


def put_customer(connection: Connection, source: str, customer_id: str, **said: Any) -> None:
    """Write what is said of a customer; what is left out stays."""
    added = insert_of(connection, CreditsCustomer).values(source=source, customer_id=customer_id, **said)
    connection.execute(added.on_conflict_do_update(index_elements=["source", "customer_id"], set_=said))


def suspended_customers(connection: Connection, source: str) -> list[sa.RowMapping]:
    """Customers a person must set free, by id."""
    own = sa.and_(_CUSTOMER.c.source == source, _CUSTOMER.c.suspended.is_not(None))
    return list(connection.execute(sa.select(_CUSTOMER).where(own).order_by(_CUSTOMER.c.customer_id)).mappings())
