"""The lists for operators: newest first, answered by indexes or from the newest rows, with as many questions for many rows as for one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted
from tests.workers.asked import listening, scans
from tests.workers.lines import delivered, planned, started
from workers import desk, events, views
from workers.views import VIEWS

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def listed(database: Database, name: str, wanted: dict[str, Any] | None = None, limit: int = 50, above: Any = None) -> list[views.Row]:
    with database.read() as connection:
        return VIEWS[name].rows(connection, wanted or {}, limit, above=above)


def task(connection: sa.Connection, run_id: str) -> None:
    said = {"run_id": run_id, "name": "letter", "source": "shop", "reason": "no_email", "opened_at": AT}
    connection.execute(sa.insert(table_of(desk.Task)).values(said))


def told(database: Database) -> None:
    event = InvoiceCompleted(source="shop", at=AT, invoice_id="7")
    database.write(lambda c: events.record(c, event, "7", delivery_id=1, at=AT))


def test_waiting_runs_are_told_of_with_as_many_questions_for_many_as_for_one(database: Database) -> None:
    def asked(keys: str) -> int:
        for key in keys:
            run = started(database, key, AT, status="waiting")
            database.write(lambda c, run=run: task(c, run))  # type: ignore[misc]
        with database.read() as connection, listening(connection) as statements:
            rows = VIEWS["runs"].rows(connection, {"state": "waiting"}, 50)
        assert [row["told"] for row in rows] == ["task no_email"] * len(rows)
        return len(statements)

    assert asked("a") == asked("bcdef")


def test_a_waiting_run_says_what_a_person_is_asked_about_it_and_another_does_not(database: Database) -> None:
    lost, asks, rests, ended = (started(database, key, AT, status="waiting") for key in "abcd")
    planned(database, AT, state="proposed", run=lost)
    id = planned(database, AT, state="proposed", run=asks)
    planned(database, AT, state="proposed", run=rests, retired=True)
    said: dict[str, Any] = {"kind": "unknown", "source": "shop", "reason": "no answer", "at": AT, "run_id": lost, "effect_id": "e1"}
    database.write(lambda c: desk.park(c, subject="effect:e1", **said))
    database.write(lambda c: desk.alert(c, source="shop", subject="shop/c", reason="no_email", at=AT))

    said_of = {row["id"]: (row["reason"], row["told"]) for row in listed(database, "runs")}

    assert said_of[lost] == ("nobody knows whether it happened: `billhook resolve e1 did` or `did-not`", "")
    assert said_of[asks] == (f"waits for approval: `billhook approve {id}` or `billhook reject {id}`", "")
    assert said_of[rests] == (None, "alert no_email") and said_of[ended] == (None, "")


def test_the_newest_runs_come_first_and_no_list_of_the_newest_sorts_a_table(sqlite_database: Database) -> None:
    ids = [started(sqlite_database, key, AT + timedelta(minutes=place)) for place, key in enumerate("abc")]

    assert [row["id"] for row in listed(sqlite_database, "runs", limit=2)] == [ids[2], ids[1]]
    for name in ("runs", "effects", "deliveries", "events"):
        with sqlite_database.read() as connection, listening(connection) as statements:
            VIEWS[name].rows(connection, {}, 50)
        with sqlite_database.read() as connection:
            plan = [row[-1] for sql, values in statements for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert not [step for step in plan if "TEMP B-TREE" in step], name


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("runs", {"customer": "7"}), ("effects", {"invoice": "7"}), ("events", {"customer": "7"}), ("runs", {"since": AT})],
)
def test_an_object_of_any_source_and_a_time_are_found_by_an_index(sqlite_database: Database, name: str, wanted: dict[str, Any]) -> None:
    started(sqlite_database, "a", AT)
    planned(sqlite_database, AT)
    told(sqlite_database)

    with sqlite_database.read() as connection, listening(connection) as statements:
        VIEWS[name].rows(connection, wanted, 50)

    with sqlite_database.read() as connection:
        assert statements and scans(connection, statements) == []


def test_runs_since_an_instant_are_exactly_those(database: Database) -> None:
    for minutes in (0, 30, 90, 200):
        started(database, str(minutes), AT + timedelta(minutes=minutes))

    found = listed(database, "runs", {"since": AT + timedelta(minutes=90)})

    assert [row["key"] for row in found] == ["200", "90"]


def test_what_no_index_finds_is_looked_for_among_the_newest_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "AMONG", 2)
    for number, outcome in enumerate(("parked", "events", "events")):
        delivered(database, str(number), AT, outcome=outcome)
    view, wanted = VIEWS["deliveries"], {"state": "parked"}

    with database.read() as connection:
        end = view.horizon(connection, wanted)

        assert view.rows(connection, wanted, 50, above=end) == []
        assert [row["native_id"] for row in view.rows(connection, wanted, 50)] == ["0"]
        assert view.horizon(connection, {}) is None


@pytest.mark.parametrize(
    ("name", "wanted", "bounded"),
    [
        ("runs", {"state": "parked"}, False), ("runs", {"state": "done"}, True), ("runs", {"customer": "7", "type": "x"}, False),
        ("runs", {"since": AT}, False), ("runs", {"since": AT, "workflow": "x"}, True), ("effects", {"state": "done"}, False),
        ("events", {"source": "shop"}, True), ("audit", {"type": "pause"}, False), ("approvals", {"source": "shop"}, False),
    ],
)  # fmt: skip
def test_what_an_index_finds_has_no_end(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, name: str, wanted: dict[str, Any], *, bounded: bool
) -> None:
    monkeypatch.setattr(views, "AMONG", 0)
    started(sqlite_database, "a", AT)
    told(sqlite_database)

    with sqlite_database.read() as connection:
        assert (VIEWS[name].horizon(connection, wanted) is not None) is bounded
