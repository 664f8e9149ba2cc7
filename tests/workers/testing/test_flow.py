"""Flow: what authors test with behaves as billhook does."""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.db import Database
from tests.workers.letters import mail, times
from workers.testing import memory
from workers.testing.flow import START, Flow
from workers.testing.memory import MemoryDatabase


@pytest.mark.parametrize("kind", ["monsum", "fastbill"])
def test_it_serves_both_kinds(kind: str) -> None:
    with Flow(mail, kind=kind) as flow:  # type: ignore[arg-type]
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        assert [effect[2] for effect in flow.effects] == ["done"]


def test_it_runs_on_either_database(database: Database) -> None:
    with Flow(mail, database=database) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        assert times(flow, "invoice.sendbyemail") == 1


@pytest.mark.parametrize("scans, known", [(True, 2), (False, 1)])
def test_what_no_notification_told_is_found_only_where_the_gap_finder_walks(scans: bool, known: int) -> None:
    with Flow(mail, scans=scans) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.trigger("invoice.completed")
        flow.sandbox.drain()
        flow.advance(hours=1)

        assert len(flow.runs) == known


def test_advancing_stops_at_every_instant_something_comes_due() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(until=START + timedelta(days=1))

        assert flow.calls == [("invoice.sendbyemail", START + timedelta(minutes=5))]
        assert flow.clock.now == START + timedelta(days=1)


def test_advancing_with_nothing_due_ends() -> None:
    with Flow(mail, connect=False) as flow:
        flow.advance(days=1)

        assert flow.clock.now == START + timedelta(days=1)


def test_an_order_names_an_effect_by_the_id_its_state_lists() -> None:
    with Flow(mail, mode="propose") as flow:
        for _ in range(2):
            flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        first, second = flow.ids("proposed")

        answers = flow.order("approve", first), flow.order("reject", second)

        assert answers == ("events: approved", "events: rejected by an operator")
        assert (flow.ids("done"), flow.ids("cancelled"), flow.ids("proposed")) == ([first], [second], [])


def test_what_people_are_told_is_listed_until_it_is_closed() -> None:
    with Flow(mail, policy={"per_day": 1}) as flow:
        flow.trigger("invoice.completed")
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        before = flow.told

        flow.order("close", "alert:1")

        assert before == [("alert", "daily_cap")]
        assert flow.told == []


def test_a_workflow_nobody_registered_is_refused() -> None:
    with pytest.raises(ValueError, match="not a registered workflow"):
        Flow("no-such-workflow")


def test_one_that_cannot_begin_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lent: list[MemoryDatabase] = []
    with memory.lent() as first, memory.lent() as second:
        lent += [first, second]

    with pytest.raises(ValueError, match="not a time zone"):
        Flow(mail, zone="Nowhere/None")

    assert list(tmp_path.iterdir()) == []
    with memory.lent() as third, memory.lent() as fourth:
        assert {id(third), id(fourth)} == set(map(id, lent))
