"""Policies: a version per content; a run keeps the one it began under."""

from datetime import timedelta

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from receiver.db import Database, table_of
from tests.workers.letters import mail, times
from workers import policies, recordings
from workers.authoring import InvoiceCompleted, Run, workflow
from workers.journal import JournalRow
from workers.replay import check
from workers.testing.flow import START, Flow


def version(database: Database, body: dict[str, object], workflow: str = "w") -> int:
    return database.write(lambda c: policies.version(c, workflow, body, at=START))


def test_the_same_content_is_the_same_version_and_other_content_another(database: Database) -> None:
    first = version(database, {"a": 1, "b": 2})

    assert version(database, {"b": 2, "a": 1}) == first
    assert version(database, {"a": 1, "b": 3}) != first
    assert version(database, {"a": 1, "b": 2}, "v") != first
    with database.read() as connection:
        assert policies.body_of(connection, first) == {"a": 1, "b": 2}


def test_a_run_keeps_the_policy_it_began_under() -> None:
    with Flow(mail, policy={"per_day": 1}) as flow:
        flow.trigger("invoice.completed")
        flow.runtime.policies = {"t-mail": {"mode": "auto", "per_day": 0}}
        flow.advance(minutes=10)
        assert times(flow, "invoice.sendbyemail") == 1

        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert times(flow, "invoice.sendbyemail") == 1


class Turn(BaseModel):
    """Which way to go."""

    left: bool = True


@workflow("t-turn", on=InvoiceCompleted, policy=Turn)
def turn(run: Run, event: InvoiceCompleted) -> None:
    way = "left" if run.policy().left else "right"
    run.step(f"{way} before", str, way)
    run.sleep_until(event.at + timedelta(days=1))
    run.step(f"{way} after", str, way)


def test_a_policy_changed_under_live_runs_diverges_nothing_and_later_runs_follow_it() -> None:
    with Flow(turn, policy={"left": True}) as flow:
        flow.trigger("invoice.completed")
        flow.runtime.policies = {"t-turn": {"mode": "auto", "left": False}}
        open_runs = [check(recording, flow.runtime.registry) for recording in recordings.from_database(flow.db, {})]
        flow.trigger("invoice.completed")
        flow.advance(days=2)

        assert [found.verdict for found in open_runs] == ["fits"]
        assert [status for _, _, status, _ in flow.runs] == ["done", "done"]
        steps = flow.rows(
            sa.select(table_of(JournalRow).c.name).where(table_of(JournalRow).c.kind == "step").order_by(table_of(JournalRow).c.id)
        )
        assert [row["name"] for row in steps] == ["left before", "right before", "left after", "right after"]


class Fixed(BaseModel):
    """A policy nobody can change."""

    model_config = ConfigDict(frozen=True)

    left: bool = True


def test_a_frozen_policy_is_made_once_for_all_runs_of_one_content_and_any_other_for_each() -> None:
    assert policies.model_of(Fixed, {"left": False}) is policies.model_of(Fixed, {"left": False})
    assert policies.model_of(Fixed, {"left": True}) == Fixed(left=True)
    assert policies.model_of(Turn, {"left": False}) is not policies.model_of(Turn, {"left": False})
