"""What stands in line: counted up to a limit, with the oldest of it."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database
from receiver.inbox import Delivery
from tests.workers.lines import delivered, started
from workers import backlog as lines
from workers.backlog import Count, backlog, counted

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_each_status_is_counted_and_the_oldest_of_the_line_told(database: Database) -> None:
    delivered(database, "routed", NOW - 90 * MINUTE, routed_at=NOW)
    delivered(database, "waits", NOW - 5 * MINUTE)
    delivered(database, "put off", NOW - 50 * MINUTE, route_after=NOW + MINUTE)
    started(database, "a", NOW - 9 * MINUTE)
    started(database, "b", NOW, status="waiting", wake_at=NOW - 7 * MINUTE)
    started(database, "c", NOW, status="waiting", wake_at=NOW + MINUTE)
    started(database, "d", NOW, status="parked")

    with database.read() as connection:
        found = backlog(connection, now=NOW)

    told = (found.unrouted, found.ready, found.due, found.waiting, found.parked, found.running)
    assert [count.number for count in told] == [2, 1, 1, 2, 1, 0]
    assert (found.oldest_unrouted, found.oldest_run) == (NOW - 5 * MINUTE, NOW - 9 * MINUTE)
    assert found.oldest == NOW - 9 * MINUTE
    assert found.in_line == 4


def test_an_empty_house_has_no_line(sqlite_database: Database) -> None:
    with sqlite_database.read() as connection:
        found = backlog(connection, now=NOW)

    assert (found.in_line, found.oldest) == (0, None)


def test_a_long_line_is_counted_no_further_than_its_limit(sqlite_database: Database) -> None:
    for name in "abc":
        delivered(sqlite_database, name, NOW)

    with sqlite_database.read() as connection:
        found = counted(connection, sa.select(Delivery.__table__.c.id), most=2)  # type: ignore[attr-defined]

    assert found == Count(2, more=True)
    assert str(Count(10_000, more=True)) == "10 000+"


@pytest.mark.parametrize("query", [lines._UNROUTED, lines._of("waiting"), lines._OLDEST_UNROUTED, lines._OLDEST_DUE])
def test_no_question_reads_a_whole_table(sqlite_database: Database, query: sa.Select[object]) -> None:
    sql = query.compile(dialect=sa.dialects.sqlite.dialect(), compile_kwargs={"literal_binds": False})  # type: ignore[no-untyped-call]

    with sqlite_database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", tuple(str(NOW) for _ in sql.positiontup or ())).all()

    assert all("USING" in row[-1] for row in plan), plan
