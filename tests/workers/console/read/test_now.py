"""What happens now: the money at risk, how the line shrinks, what holds things back, and who may act."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from receiver.db import Database, insert_new
from tests.workers.lines import planned, started
from workers import control, desk, restraints
from workers.backlog import Count
from workers.console.read import now as read
from workers.console.read.now import moving, standing
from workers.loading import load_folders
from workers.pulse import Pulse

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def look(database: Database) -> read.Moving:
    with database.read() as connection:
        return moving(connection, now=NOW)


def pulse_of(database: Database, at: datetime, backlog: int) -> None:
    row = {"arrived": 0, "routed": 0, "answered": 0, "waiting_s": 0}
    database.write(lambda c: insert_new(c, Pulse, {"at": at, "backlog": backlog, **row}))


def test_money_at_risk_is_told_by_why_and_currency(database: Database) -> None:
    for state, amount in (("proposed", "119.00 EUR"), ("proposed", "1.00 CHF"), ("unknown", "7.00 EUR"), ("intended", "5.00 EUR")):
        planned(database, NOW, amount=amount, state=state)
    stopped = planned(database, NOW, amount="3.00 EUR", state="rejected")
    parked = {"source": "shop", "subject": stopped, "effect_id": stopped, "reason": "r"}
    database.write(lambda c: desk.park(c, kind="rejected", **parked, at=NOW))

    found = {one.why: (one.effects, one.totals) for one in look(database).risk}

    assert found == {
        "waits for a yes": (2, {"CHF": Decimal("1.00"), "EUR": Decimal("119.00")}),
        "may have happened": (1, {"EUR": Decimal("7.00")}),
        "stopped": (1, {"EUR": Decimal("3.00")}),
    }


def test_money_is_added_up_no_further_than_its_limit(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "RISK_OF", 1)
    for _ in range(2):
        planned(sqlite_database, NOW, amount="1.00 EUR", state="proposed")

    risk = look(sqlite_database).risk[0]

    assert (risk.effects, risk.totals, risk.more) == (1, {"EUR": Decimal("1.00")}, True)


def test_a_line_that_shrinks_says_when_it_is_empty(sqlite_database: Database) -> None:
    pulse_of(sqlite_database, NOW - 4 * MINUTE, backlog=9)
    started(sqlite_database, "a", NOW)

    drain = look(sqlite_database).drain

    assert (drain.in_line, drain.minutes, drain.grows) == (1, 0.5, False)


def test_a_line_that_grows_has_no_end(sqlite_database: Database) -> None:
    pulse_of(sqlite_database, NOW - 4 * MINUTE, backlog=0)
    started(sqlite_database, "a", NOW)

    drain = look(sqlite_database).drain

    assert (drain.minutes, drain.grows) == (None, True)


def test_a_drain_lasts_as_long_as_its_rate_says(sqlite_database: Database) -> None:
    for _ in range(3):
        planned(sqlite_database, NOW)
    sqlite_database.write(lambda c: control.put(c, "drain", {"since": NOW.isoformat(), "per_minute": 2}, at=NOW))

    drain = look(sqlite_database).drain

    assert (drain.held, drain.per_minute, drain.minutes) == (Count(3), 2, 1.5)


def test_the_freeze_and_every_pause_are_told_with_their_reasons(sqlite_database: Database) -> None:
    sqlite_database.write(lambda c: restraints.freeze(c, "audit day", at=NOW, actor="test"))
    sqlite_database.write(lambda c: restraints.pause(c, "pause:shop:*", "odd", at=NOW, actor="test"))

    found = look(sqlite_database)

    assert found.frozen == "audit day"
    assert [(one.words, one.reason, one.source, one.workflow) for one in found.pauses] == [("shop/every workflow", "odd", "shop", "")]


def test_modes_are_told_by_source_from_the_boldest_down(store: Database) -> None:
    store.write(lambda c: control.set_mode(c, "shop", "auto-send", "auto", was="observe", at=NOW, actor="test"))
    with store.read() as connection:
        found = standing(
            connection, now=NOW, sources={"shop": "monsum"}, registry=load_folders(()), policies={"dunning": {"mode": "propose"}}
        )

    assert list(found.modes["shop"])[:2] == ["auto", "propose"]
    assert found.modes["shop"]["auto"] == ["auto-send"]
    assert found.replays == []


def test_every_question_is_answered_by_an_index_or_a_limit(sqlite_database: Database) -> None:
    """Of the large tables; the others hold a handful of rows, or are read from the end."""
    asked: list[tuple[str, object]] = []
    with sqlite_database.read() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda _c, _cursor, sql, values, *_: asked.append((sql, values)))
        moving(connection, now=NOW)
        questions = [(sql, values) for sql, values in asked if sql.startswith("SELECT")]
        plans = {sql: [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)] for sql, values in questions}  # type: ignore[arg-type]

    scans = {
        sql: plan for sql, plan in plans.items() if any(line in ("SCAN run", "SCAN effect", "SCAN delivery", "SCAN task") for line in plan)
    }
    assert plans
    assert [sql for sql in scans if "ORDER BY delivery.id DESC" not in sql] == []
