"""The story tells what people ordered and what came of it."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from tests.workers.letters import act, effect_row, mail
from workers import reach
from workers.keys import fits
from workers.runs import RunRow
from workers.story import Line, story, told
from workers.testing.flow import Flow


def lines(flow: Flow, key: str, what: str) -> list[Line]:
    with flow.db.read() as connection:
        return [line for line in story(connection, key) if line.what == what]


def unknown(flow: Flow) -> str:
    """An e-mail whose answer was lost; the effect's id."""
    flow.trigger("invoice.completed")
    flow.sandbox.faults.add("drop", "invoice.sendbyemail")
    flow.advance(minutes=6)
    return str(effect_row(flow)["id"])


def test_a_refused_act_is_told_as_refused_with_why_and_a_done_one_as_done() -> None:
    with Flow(mail) as flow:
        id = unknown(flow)
        flow.order("resolve", id, did=True, actor="ada", reason="customer has it")
        flow.order("resolve", id, did=False, actor="bob")

        first, second = lines(flow, id, "act")

        assert (first.text, first.reason) == ("resolve by ada", "done: operator_did; reason given: customer has it")
        assert second.text == "resolve by bob"
        assert second.reason.startswith("refused: It is already done")


def test_a_refused_act_about_something_unknown_is_told_too() -> None:
    with Flow(mail) as flow:
        flow.order("retry", "nothing", actor="ada")

        (line,) = lines(flow, "nothing", "act")

        assert line.reason.startswith("refused: There is no parked run nothing")


def test_a_story_longer_than_a_statement_takes_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    with Flow(mail) as flow:
        unknown(flow)
        with flow.db.read() as connection:
            whole = story(connection, "invoice:" + str(effect_row(flow)["object_id"]))
            monkeypatch.setattr(reach, "_AT_ONCE", 1)

            assert story(connection, "invoice:" + str(effect_row(flow)["object_id"])) == whole


def test_several_stories_are_one_in_which_no_line_is_compared_with_every_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with Flow(mail) as flow:
        id = unknown(flow)
        with flow.db.read() as connection:
            one = [line.text for line in story(connection, id)]
            monkeypatch.setattr(Line, "__eq__", None)

            both = told(connection, [(id, None), (f"effect:{id}", None)]).lines

    assert [line.text for line in both] == one


@pytest.mark.parametrize("order", ["retry", "close"])
def test_an_unknown_effect_is_not_retried_or_closed_but_asked_about(order: str) -> None:
    with Flow(mail) as flow:
        id = unknown(flow)
        said = flow.order(order, str(effect_row(flow)["run_id"]) if order == "retry" else "1")

        assert said.startswith("refused: ") and f"`billhook resolve {id} did` or `did-not`" in said
        assert act(flow)[0] == "unknown"


def test_no_story_reads_a_whole_table(tmp_path: Path) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        scans: dict[str, set[str]] = {}
        with flow.db.read() as connection:
            row = connection.execute(sa.select(table_of(RunRow))).mappings().first()
            assert row is not None
            asked = record(connection)
            for key in (row["id"], row["invoice_id"], f"customer:{row['customer_id']}", row["key"], "2026-0017", "delivery:1"):
                story(connection, key)
                fits(connection, key)
            for statement, values in asked:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
                scans |= {step[3]: {statement} for step in plan if whole(step[3])}

    assert asked
    assert scans == {}


LARGE = ("delivery", "event", "run", "journal", "effect", "effect_log", "mirror")


def whole(step: str) -> bool:
    """Whether a step of a plan goes through all of a large table: SCAN without an index that ends it."""
    words = step.split()
    return words[0] == "SCAN" and words[1] in LARGE and "USING COVERING INDEX" not in step


def record(connection: Connection) -> list[tuple[str, tuple[object, ...]]]:
    """Every statement that is asked on the connection from now on, with its values."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    @sa.event.listens_for(connection, "before_cursor_execute")
    def keep(_connection: object, _cursor: object, statement: str, values: tuple[object, ...], *_others: object) -> None:
        if not statement.startswith("EXPLAIN"):
            asked.append((statement, values))

    return asked
