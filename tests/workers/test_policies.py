"""Policies: a version per content; a run keeps the one it began under."""

from receiver.db import Database
from tests.workers.letters import mail, times
from workers import policies
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
