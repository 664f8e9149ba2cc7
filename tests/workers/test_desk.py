"""The desk: one open item per matter, repeats counted, blocks that hold on their days."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from workers import desk
from workers.desk import Alert, Parked, Task
from workers.testing.flow import START

TODAY = date(2026, 11, 20)


def park(database: Database, subject: str = "run:1", kind: str = "failed") -> None:
    database.write(lambda c: desk.park(c, kind=kind, source="shop", subject=subject, reason="why", at=START, run_id="1"))


def rows(database: Database, model: type) -> list[sa.RowMapping]:
    with database.read() as connection:
        return list(connection.execute(sa.select(table_of(model)).order_by(table_of(model).c.id)).mappings())


def block(database: Database, *, scope: str = "customer", object_id: str = "7", kind: str = "pause", until: date | None = None) -> None:
    database.write(
        lambda c: desk.open_block(
            c, source="shop", scope=scope, object_id=object_id, kind=kind, reason="x", until=until, data=None, actor=None, at=START
        )
    )


def blocks(database: Database, customer_id: str | None, invoice_id: str | None, on: date = TODAY) -> list[str]:
    with database.read() as connection:
        return desk.blocks(connection, source="shop", customer_id=customer_id, invoice_id=invoice_id, on=on)


def test_one_matter_is_one_open_item_and_may_come_back_after_it_was_closed(database: Database) -> None:
    park(database)
    park(database)
    park(database, kind="diverged")
    assert len(rows(database, Parked)) == 2

    open_ids = [row["id"] for row in rows(database, Parked)]
    closed = [
        database.write(lambda c, id=id: desk.close_parked(c, parked_id=id, resolution="retried", actor="ada", at=START)) for id in open_ids
    ]
    park(database)

    assert closed == [1, 1]
    assert [row["closed_at"] is None for row in rows(database, Parked)] == [False, False, True]


def test_an_item_that_is_closed_is_not_open(database: Database) -> None:
    park(database)
    id = rows(database, Parked)[0]["id"]
    with database.read() as connection:
        assert desk.open_item(connection, id) is not None

    database.write(lambda c: desk.close_parked(c, parked_id=id, resolution="x", actor="ada", at=START))

    with database.read() as connection:
        assert desk.open_item(connection, id) is None


def test_an_alert_that_comes_again_is_counted_and_tells_the_latest(database: Database) -> None:
    for minutes in range(3):
        at = START + timedelta(minutes=minutes)
        left = {"left": 10 - minutes}
        database.write(lambda c, at=at, left=left: desk.alert(c, source="shop", subject="s", reason="low", at=at, detail=left))  # type: ignore[misc]

    (row,) = rows(database, Alert)
    assert (row["count"], row["opened_at"], row["last_at"]) == (3, START, START + timedelta(minutes=2))
    assert row["detail"] == {"left": 8}


def test_a_task_is_opened_once_per_run_and_step(database: Database) -> None:
    for run_id in ("1", "1", "2"):
        database.write(lambda c, run_id=run_id: desk.task(c, run_id=run_id, name="call", source="shop", reason="x", at=START))  # type: ignore[misc]

    assert len(rows(database, Task)) == 2


@pytest.mark.parametrize(
    ("customer_id", "invoice_id", "found"),
    [("7", None, ["pause"]), ("7", "9", ["dispute", "pause"]), (None, "9", ["dispute"]), ("8", "8", []), (None, None, [])],
)
def test_a_block_reaches_its_customer_or_its_invoice(
    database: Database, customer_id: str | None, invoice_id: str | None, found: list[str]
) -> None:
    block(database)
    block(database, scope="invoice", object_id="9", kind="dispute")

    assert blocks(database, customer_id, invoice_id) == found


def test_a_block_holds_through_its_last_day(database: Database) -> None:
    block(database, until=TODAY)

    assert blocks(database, "7", None) == ["pause"]
    assert blocks(database, "7", None, TODAY + timedelta(days=1)) == []


def test_a_block_set_twice_is_released_once(database: Database) -> None:
    block(database)
    block(database)

    assert database.write(lambda c: desk.close_block(c, source="shop", scope="customer", object_id="7", kind="pause", at=START)) == 1
    assert blocks(database, "7", None) == []
