"""When what was granted runs out, where the policy says so. A report only: the API books no expiry, and nothing is taken away.

Owns table `credits_grant`, its queries and the panel `credits-expiry`. What is left of a grant is reckoned, the oldest being used first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping
from sqlmodel import Field, SQLModel

from workers.authoring import UtcDateTime, insert_of, panel, row_id, table_of
from workflows.credits import tables
from workflows.credits.amounts import ZERO
from workflows.credits.effects import TopUp


class CreditsGrant(SQLModel, table=True):
    """One grant of a top-up and when it runs out. `uid`: its order's."""

    __tablename__ = "credits_grant"
    __table_args__ = (sa.UniqueConstraint("source", "uid", name="credits_grant_uid"),)

    id: int | None = Field(default=None, sa_column=row_id())
    source: str = Field(max_length=64)
    customer_id: str = Field(max_length=128)
    uid: str = Field(max_length=64)
    amount: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    granted_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))


_GRANT = table_of(CreditsGrant)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryRow:
    """One grant of which something may be left. `left`: of `granted`, by the balance of the last daily reconciliation; "" before one."""

    customer: str
    granted: str
    left: str
    granted_at: datetime
    expires_at: datetime


def keep_grant(connection: Connection, topup: TopUp, granted_at: datetime, expires_at: datetime) -> str:
    """Note a grant, once; when it runs out."""
    said = {"amount": str(topup.amount), "currency": topup.currency, "granted_at": granted_at, "expires_at": expires_at}
    values = {"source": topup.source, "customer_id": topup.id, "uid": topup.uid, **said}
    connection.execute(insert_of(connection, CreditsGrant).values(values).on_conflict_do_nothing())
    return expires_at.isoformat()


@panel("credits-expiry")
def expiring(connection: Connection, source: str) -> list[ExpiryRow]:
    """Grants with credits left, those that run out first before the others; nothing is taken away by billhook."""
    rows = connection.execute(sa.select(_GRANT).where(_GRANT.c.source == source).order_by(_GRANT.c.id)).mappings().all()
    known, own = tables.customers_of(connection, source), dict[str, list[RowMapping]]()
    for row in rows:
        own.setdefault(row["customer_id"], []).append(row)
    found = [one for customer_id, grants in own.items() for one in _of_customer(customer_id, known.get(customer_id), grants)]
    return sorted(found, key=lambda one: (one.expires_at, one.customer))


def left_of(amounts: Iterable[Decimal], balance: Decimal) -> list[Decimal]:
    """What is left of each grant, the oldest first, where so much is left of all: the newest are the last to be used."""
    found: list[Decimal] = []
    for amount in reversed(list(amounts)):
        found.append(min(amount, max(balance, ZERO)))
        balance -= amount
    return found[::-1]


def _of_customer(customer_id: str, known: RowMapping | None, own: list[RowMapping]) -> list[ExpiryRow]:
    balance = None if known is None or known["reckoned"] is None else Decimal(known["reckoned"])
    left = [None] * len(own) if balance is None else left_of((Decimal(row["amount"]) for row in own), balance)
    return [
        ExpiryRow(
            customer=customer_id, granted=f"{row['amount']} {row['currency']}", left="" if rest is None else f"{rest} {row['currency']}",
            granted_at=row["granted_at"], expires_at=row["expires_at"],
        )
        for row, rest in zip(own, left, strict=True)
        if rest != ZERO
    ]  # fmt: skip
