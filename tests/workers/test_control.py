"""What operators set beats billhook.toml, and is kept with who set it."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import mail, times
from workers import control
from workers.control import Audit
from workers.testing.flow import START, Flow


def put(database: Database, name: str, value: object) -> None:
    database.write(lambda c: control.put(c, name, value, at=START))


def baseline(database: Database, *, done: bool = True) -> None:
    put(database, "baseline:shop", {"at": START.isoformat(), "done": done})


def mode(database: Database, first: str = "observe") -> str:
    with database.read() as connection:
        return control.mode_of(connection, "shop", "w", first)


def since(database: Database, configured: datetime | None = None) -> datetime | None:
    with database.read() as connection:
        return control.since(connection, "shop", configured)


def switch(database: Database, to: str, *, was: str, include_existing: bool = False) -> datetime | None:
    database.write(lambda c: control.set_mode(c, "shop", "w", to, was=was, at=START, actor="ada", include_existing=include_existing))
    with database.read() as connection:
        return control.switched_at(connection, "shop", "w")


def test_a_setting_is_put_put_again_and_forgotten(database: Database) -> None:
    for value, seen in (({"a": 1}, {"a": 1}), ({"a": 2}, {"a": 2}), (None, None)):
        put(database, "x", value)
        with database.read() as connection:
            assert control.get(connection, "x") == seen


@pytest.mark.parametrize(
    ("first", "before", "after"),
    [("off", "off", "off"), ("observe", "observe", "observe"), ("propose", "observe", "propose"), ("auto", "observe", "auto")],
)
def test_no_workflow_acts_before_a_baseline_exists(database: Database, first: str, before: str, after: str) -> None:
    assert mode(database, first) == before
    baseline(database, done=False)
    assert mode(database, first) == before

    baseline(database)

    assert mode(database, first) == after


def test_an_operators_mode_beats_the_file(database: Database) -> None:
    baseline(database)
    switch(database, "off", was="auto")

    assert mode(database, "auto") == "off"


def test_leaving_observe_is_remembered_and_raising_further_is_not_leaving(database: Database) -> None:
    assert switch(database, "propose", was="observe") == START
    assert switch(database, "auto", was="propose") == START
    assert switch(database, "observe", was="auto") == START
    assert switch(database, "auto", was="observe", include_existing=True) is None


def test_a_change_of_mode_is_audited(database: Database) -> None:
    switch(database, "auto", was="observe")

    with database.read() as connection:
        (row,) = connection.execute(sa.select(table_of(Audit))).mappings()
    assert (row["actor"], row["act"], row["subject"], row["detail"]) == ("ada", "mode", "shop/w", {"was": "observe", "mode": "auto"})


def test_history_ends_where_an_operator_the_file_or_the_baseline_says(database: Database) -> None:
    assert since(database) is None
    baseline(database, done=False)
    assert since(database) == START
    assert since(database, START - timedelta(days=9)) == START - timedelta(days=9)
    put(database, "since:shop", (START - timedelta(days=30)).isoformat())
    assert since(database, START) == START - timedelta(days=30)


@pytest.mark.parametrize(
    ("name", "held"),
    [("pause:shop:*", True), ("pause:*:w", True), ("pause:shop:w", True), ("pause:other:*", False), ("pause:shop:v", False)],
)
def test_a_pause_reaches_its_source_or_workflow(database: Database, name: str, held: bool) -> None:
    put(database, name, {"reason": "x"})

    with database.read() as connection:
        assert control.paused(connection, "shop", "w") is held


def test_leaving_observe_ends_what_only_observed_and_later_invoices_are_acted_on() -> None:
    with Flow(mail, mode="observe") as flow:
        flow.trigger("invoice.completed")
        flow.set_mode("t-mail", "auto")
        assert flow.runs[0][2] == "superseded"

        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert times(flow, "invoice.sendbyemail") == 1
