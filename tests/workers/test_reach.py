"""A long story is read and told in parts: each bounded, and together the whole."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted
from tests.workers.asked import listening
from tests.workers.test_story import record
from workers import events, runs
from workers.journal import JournalRow
from workers.runs import RunRow
from workers.story import Line, Told, told

AT = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
MANY = 60
KEY = "customer:501"


@pytest.fixture
def busy(sqlite_url: str) -> Iterator[Database]:
    """Customer 501 has an invoice each hour; the first one's run goes on to the end, with a step each hour."""
    database = Database(sqlite_url)
    database.write(lambda c: [invoice(c, number, AT + timedelta(hours=number)) for number in range(MANY)])
    database.write(lambda c: [lasting(c, number) for number in range(MANY)])
    yield database
    database.close()


def invoice(connection: Connection, number: int, at: datetime) -> None:
    arrival = inbox.Arrival(
        source="shop", origin="push", native_type="invoice.created", native_id=str(number), body=b"%d" % number, received_at=at
    )
    delivery = inbox.append(connection, arrival).delivery_id
    event = InvoiceCompleted(source="shop", at=at, invoice_id=str(number), customer_id="501")
    kept = events.record(connection, event, f"invoice.completed:{number}", delivery_id=delivery, at=at)
    assert kept is not None
    run = runs.start(
        connection, source="shop", workflow="auto-send", key=str(number), trigger_id=kept.id, mode="auto", policy_id=None,
        customer_id="501", invoice_id=str(number), at=at,
    )  # fmt: skip
    if number:
        table = table_of(RunRow)
        connection.execute(sa.update(table).where(table.c.id == run).values(status="done", outcome="done", ended_at=at))


def lasting(connection: Connection, number: int) -> None:
    run = connection.execute(sa.select(table_of(RunRow).c.id).where(table_of(RunRow).c.key == "0")).scalar_one()
    at, entry = AT + timedelta(hours=number, minutes=30), {"run_id": run, "name": f"step {number}", "kind": "step", "result": 1}
    connection.execute(sa.insert(table_of(JournalRow)).values(**entry, at=at))


def part(database: Database, *, until: datetime | None = None, most: int) -> Told:
    with database.read() as connection:
        return told(connection, [(KEY, None)], until=until, most=most)


def parts(database: Database, *, most: int) -> list[Told]:
    """Every part, the newest first."""
    found = [part(database, most=most)]
    while (older := found[-1].older) is not None:
        found.append(part(database, until=older, most=most))
    return found


def test_the_parts_of_a_long_story_are_the_whole_without_a_line_twice(busy: Database) -> None:
    whole = part(busy, most=10_000)

    several = parts(busy, most=25)

    assert whole.older is None and len(whole.lines) == 5 * MANY - 1 and len(several) > 5
    assert all(len(one.lines) <= 25 for one in several)
    assert [line for one in reversed(several) for line in one.lines] == whole.lines


def test_so_much_is_read_as_is_told_however_long_the_story_is(busy: Database) -> None:
    with busy.read() as connection:
        asked = record(connection)
        told(connection, [(KEY, None)], most=10)
        read = [len(connection.exec_driver_sql(statement, values).all()) for statement, values in list(asked) if "SELECT" in statement]

    assert len(read) < 40 and max(read) <= 11


def test_nothing_large_is_read_that_no_line_tells(busy: Database) -> None:
    with busy.read() as connection, listening(connection) as asked:
        told(connection, [(KEY, None)])

    large = ("delivery.body,", "delivery.headers,", "effect.reply,", "effect.before,")
    assert any("delivery.body_hash" in sql for sql, _ in asked)
    assert [name for sql, _ in asked for name in large if name in sql] == []


def test_a_run_that_began_long_ago_and_goes_on_is_told_of_in_the_newest_part(busy: Database) -> None:
    newest = part(busy, most=10)

    assert "step 59" in newest.lines[-1].text


def test_where_all_is_of_one_instant_the_rest_is_still_reached(busy: Database) -> None:
    busy.write(lambda c: [invoice(c, 100 + number, AT + timedelta(days=9)) for number in range(30)])

    several = parts(busy, most=10)

    assert several[-1].lines[0].at == AT
    assert all(isinstance(line, Line) for one in several for line in one.lines)
