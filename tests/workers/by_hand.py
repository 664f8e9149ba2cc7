"""Runs without an engine: started, woken and claimed by hand, and looked at."""

from datetime import timedelta

import sqlalchemy as sa

from receiver.db import Database, table_of
from workers import claims, runs
from workers.claims import LEASE, Claim
from workers.runs import RunRow
from workers.testing.flow import START

LATER = START + LEASE + timedelta(seconds=1)


def started(
    database: Database, *, key: str = "k", invoice_id: str | None = "9", customer_id: str | None = "7", trigger_id: int = 1
) -> str | None:
    return database.write(
        lambda c: runs.start(
            c, source="shop", workflow="w", key=key, trigger_id=trigger_id, mode="auto", policy_id=None, customer_id=customer_id,
            invoice_id=invoice_id, at=START,
        )
    )  # fmt: skip


def claimed(database: Database, run_id: str | None, *, at: object = START, owner: str = "one") -> Claim | None:
    assert run_id is not None
    return database.write(lambda c: claims.claim(c, run_id, owner=owner, business=at, machine=at))  # type: ignore[arg-type]


def mine(database: Database, run_id: str | None) -> Claim:
    claim = claimed(database, run_id)
    assert claim is not None
    return claim


def row(database: Database, run_id: str | None) -> sa.RowMapping:
    with database.read() as connection:
        return connection.execute(sa.select(table_of(RunRow)).where(table_of(RunRow).c.id == run_id)).mappings().one()


def woken(database: Database, customer_id: str | None, invoice_id: str | None) -> list[str]:
    return database.write(lambda c: runs.wake_concerned(c, "shop", customer_id=customer_id, invoice_id=invoice_id, at=START))
