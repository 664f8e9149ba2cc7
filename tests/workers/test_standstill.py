"""What stands still: told with its cause and its command, wrong where money or mail does not go out."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database, table_of
from tests.workers.by_hand import mine, started
from tests.workers.test_breaker import open_breaker
from workers import control, desk, replays, standstill
from workers.finding import Finding
from workers.runs import RunRow
from workers.testing.flow import START

NOW = START + timedelta(seconds=90)


def found(database: Database) -> list[Finding]:
    with database.read() as connection:
        return list(standstill.standing(connection, now=NOW))


def arrive(connection: Connection, id: str, native_type: str = "invoice.created", *, seconds: int = 0) -> int:
    at = START + timedelta(seconds=seconds)
    arrival = inbox.Arrival(source="shop", origin="operator", native_type=native_type, native_id=id, body=b"{}", received_at=at)
    return inbox.append(connection, arrival).delivery_id


def set_run(database: Database, **values: object) -> None:
    database.write(lambda c: c.execute(sa.update(table_of(RunRow)).values(**values)))


def test_where_all_goes_on_nothing_is_told(database: Database) -> None:
    database.write(lambda c: arrive(c, "1", seconds=60))
    later = database.write(lambda c: arrive(c, "2"))
    database.write(lambda c: inbox.put_back(c, later, route_after=NOW))
    started(database)
    set_run(database, status="waiting", wake_at=NOW + timedelta(hours=1))

    assert found(database) == []


@pytest.mark.parametrize(
    ("do", "state", "text", "todo"),
    [
        (
            lambda c: open_breaker(c, 5, at=START),
            "wrong", "5 calls failed in a row, the next one tries 2026-11-20 09:02:00 UTC", "billhook breaker shop --probe",
        ),
        (
            lambda c: control.put(c, "pause:shop:*", {"reason": "stock take"}, at=START),
            "wrong", "shop/every workflow is paused: stock take", "billhook resume --source shop",
        ),
        (lambda c: arrive(c, "1"), "wrong", "1 not routed, the oldest of 2026-11-20 09:00 UTC: nobody routes", "billhook up"),
        (
            lambda c: [desk.task(c, run_id="r", name=str(n), source="shop", reason="no_email", at=START) for n in range(2)],
            "note", "open tasks: 2 no_email", "billhook tasks",
        ),
        (
            lambda c: desk.alert(c, source="shop", subject="shop", reason="spike_stop", at=START),
            "note", "open alerts: 1 spike_stop", "billhook alerts",
        ),
    ],
)  # fmt: skip
def test_what_stands_still_is_told_with_what_moves_it(
    database: Database, do: Callable[[Connection], object], state: str, text: str, todo: str
) -> None:
    database.write(do)

    (one, *_) = found(database)
    assert one.state == state and text in one.text and todo in one.todo


@pytest.mark.parametrize(("waits", "column"), [("ready", "ready_at"), ("waiting", "wake_at"), ("running", "lease_until")])
def test_runs_that_nobody_takes_for_a_minute_are_wrong(database: Database, waits: str, column: str) -> None:
    started(database)
    set_run(database, **{"status": waits, column: NOW - standstill.LATE})

    (one,) = found(database)
    assert (one.state, one.text) == ("wrong", "1 due for more than a minute: nobody takes them")


def test_a_backlog_that_is_worked_off_is_no_more_than_a_note(database: Database) -> None:
    started(database)
    mine(database, started(database, key="other"))
    table = table_of(RunRow)
    database.write(lambda c: c.execute(sa.update(table).where(table.c.status == "running").values(lease_until=NOW + timedelta(seconds=9))))
    late, routed = database.write(lambda c: (arrive(c, "1"), arrive(c, "2")))
    database.write(lambda c: inbox.mark_routed(c, {routed: ("nothing", "")}, at=NOW))

    assert late and [(one.area, one.state) for one in found(database)] == [("deliveries", "note"), ("runs", "note")]


def test_a_replay_under_way_is_told_with_what_calls_it_off(database: Database) -> None:
    ids = database.write(lambda c: [arrive(c, f"r7:{n}", "operator.replay") for n in range(3)])
    database.write(lambda c: [inbox.put_back(c, id, route_after=NOW) for id in ids])

    (one,) = found(database)
    assert (one.state, one.text, one.todo) == ("note", "r7 is under way: 3 events to go", "billhook replay --off r7 calls off the rest")
    database.write(lambda c: replays.call_off(c, "r7", actor="ada", at=START))
    assert found(database) == []
