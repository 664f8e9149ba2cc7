"""The course of a run: waits are as long as they were, effects have their call, and what is open reaches to now or to its instant."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.lines import called, planned, started
from workers import ledger, runs
from workers.console.read import course as read
from workers.console.read.course import Course, course
from workers.journal import JournalRow

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def journaled(database: Database, run: str, name: str, kind: str, at: datetime) -> None:
    database.write(lambda c: c.execute(sa.insert(table_of(JournalRow)).values(run_id=run, name=name, kind=kind, result=None, at=at)))


def look(database: Database, run: str, now: datetime) -> Course | None:
    with database.read() as connection:
        row = runs.load(connection, run)
        assert row is not None
        return course(connection, row, now=now)


def step_of(database: Database, effect: str) -> str:
    with database.read() as connection:
        row = ledger.load(connection, effect)
        assert row is not None
        return str(row["step"])


def test_a_wait_begins_with_the_step_before_and_an_effect_with_its_plan(database: Database) -> None:
    run = started(database, "a", AT, status="done", ended_at=AT + 4 * HOUR)
    effect = planned(database, AT + 3 * HOUR, run=run)
    called(database, effect, AT + 3 * HOUR, AT + 4 * HOUR)
    journaled(database, run, "invoice 0", "read", AT + HOUR)
    journaled(database, run, "sleep 0", "sleep", AT + 3 * HOUR)
    journaled(database, run, step_of(database, effect), "effect", AT + 4 * HOUR)

    found = look(database, run, AT + 99 * HOUR)

    assert found is not None
    told = [(bar.shape, (bar.begin - AT) / HOUR, (bar.end - AT) / HOUR, bar.open) for bar in found.bars]
    assert told == [("step", 1, 1, False), ("wait", 1, 3, False), ("effect", 3, 4, False)]
    assert found.bars[2].called_at == AT + 3 * HOUR
    assert (found.begin, found.end, found.now) == (AT, AT + 4 * HOUR, None)


def test_a_run_that_waits_reaches_to_its_instant_and_shows_where_now_is(sqlite_database: Database) -> None:
    run = started(sqlite_database, "a", AT, status="waiting", wake_at=AT + 9 * HOUR)

    found = look(sqlite_database, run, AT + HOUR)

    assert found is not None
    assert [(bar.end - AT) / HOUR for bar in found.bars] == [9]
    assert (found.bars[0].open, found.now) == (True, AT + HOUR)


def test_an_effect_nobody_said_yes_to_is_open_until_now(sqlite_database: Database) -> None:
    run = started(sqlite_database, "a", AT)
    planned(sqlite_database, AT, run=run, state="proposed")

    found = look(sqlite_database, run, AT + HOUR)

    assert found is not None
    assert [(bar.state, bar.open, bar.end) for bar in found.bars] == [("proposed", True, AT + HOUR)]


def test_a_run_that_has_done_nothing_has_no_course(sqlite_database: Database) -> None:
    assert look(sqlite_database, started(sqlite_database, "a", AT), AT) is None


def test_of_many_steps_the_last_are_shown(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "STEPS_MAX", 2)
    run = started(sqlite_database, "a", AT)
    for hour in range(3):
        journaled(sqlite_database, run, f"step {hour}", "step", AT + hour * HOUR)

    found = look(sqlite_database, run, AT + 3 * HOUR)

    assert found is not None
    assert ([bar.name for bar in found.bars], found.left_out) == (["step 1", "step 2"], 1)
