"""A trigger at the very instant a run ends, or its worker is lost: taken in or followed, once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database
from tests.flow.test_races import at_once
from tests.flow.triggered import (
    SEEN,
    begin,
    quiet,
    rows,
    shop_run,
    single,
    told,
)
from tests.workers.prove.stories import found
from workers import claims, engine
from workers.testing.flow import START, Flow

pytestmark = pytest.mark.usefixtures("unseen")


@pytest.mark.parametrize("chosen", ["t-single", "t-follow"])
def test_a_trigger_at_the_very_instant_a_run_ends_starts_one_run(chosen: str, postgres_database: Database) -> None:
    """Both orders, scripted: the trigger waits for the row the ending transaction holds, and the other way round."""
    with Flow(chosen, database=postgres_database) as flow:
        flow.trigger("invoice.completed")
        trigger, first = told(flow, "invoice.completed"), shop_run(flow)["id"]
        flow.clock.pass_(timedelta(minutes=11))
        claim = flow.db.write(lambda c: claims.claim(c, first, owner="one", business=flow.clock.now, machine=flow.clock.now))
        assert claim is not None
        ended, said = threading.Event(), []

        def end(connection: sa.Connection) -> int | None:
            successor = claims.finish(connection, claim, outcome="done", reason=None, at=flow.clock.now)
            waiter.start()
            wait_until_blocked(postgres_database)
            ended.set()
            return successor

        waiter = threading.Thread(target=lambda: said.append(begin(flow, chosen, trigger)))
        assert flow.db.write(end) is None
        waiter.join(timeout=30)

        assert ended.is_set()
        assert [one.startswith("started ") for one in said] == [True]
        assert sorted(run[2] for run in flow.runs) == ["done", "ready"]


def wait_until_blocked(database: Database) -> None:
    """Another connection waits for a lock of ours."""
    blocked = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    for _ in range(100_000):
        with database.read() as connection:
            if connection.execute(blocked).scalar_one():
                return
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("chosen", ["t-single", "t-follow"])
def test_a_trigger_that_holds_the_run_when_it_ends_is_followed_once(chosen: str, postgres_database: Database) -> None:
    """The engine has looked for the last time and ends the run; a trigger in another connection is there first, and commits last."""
    with Flow(chosen, database=postgres_database) as flow:
        flow.trigger("invoice.completed")
        trigger, first = told(flow, "invoice.completed"), shop_run(flow)["id"]
        flow.clock.pass_(timedelta(minutes=11))
        found, holding, said = flow.runtime.registry.get(chosen), threading.Event(), list[tuple[str | None, str]]()
        assert found is not None

        def trigger_first(connection: sa.Connection) -> None:
            said.append(engine.begin(connection, flow.runtime, found, trigger, at=flow.clock.now))
            holding.set()
            wait_until_blocked(postgres_database)

        other = threading.Thread(target=lambda: flow.db.write(trigger_first))

        def point(name: str) -> None:
            if name == "finishing" and not said:
                other.start()
                assert holding.wait(timeout=30)

        flow.runtime.point = point
        engine.advance(flow.runtime, first)
        other.join(timeout=30)

        assert said == [(None, "joined a live run")]
        ended, follower = sorted(rows(flow), key=lambda row: row["id"] != first)
        assert (ended["status"], follower["status"], follower["trigger_id"]) == ("done", "ready", trigger.id)


def test_triggers_and_an_ending_run_let_go_together_lose_and_double_nothing(postgres_flow: Flow) -> None:
    """Whatever the order: the trigger is taken in by the run that was live, or exactly one run more begins."""
    flow, counted = postgres_flow, []
    for _ in range(5):
        ids = flow.trigger("invoice.completed")
        trigger = told(flow, "invoice.completed")
        (first,) = [r["id"] for r in rows(flow) if (r["workflow"], r["invoice_id"]) == ("t-single", ids["invoice_id"])]
        flow.clock.pass_(timedelta(minutes=11))
        at_once(lambda id=first: engine.advance(flow.runtime, id), lambda one=trigger: begin(flow, "t-single", one))  # type: ignore[misc]
        flow.settle()
        flow.advance(minutes=11)
        mine = [r for r in rows(flow) if (r["workflow"], r["invoice_id"]) == ("t-single", ids["invoice_id"])]
        counted.append([r["status"] for r in mine])
        taken_in = len(mine) == 1 and (mine[0]["successor_seq"], mine[0]["successor_trigger_id"]) == (mine[0]["pending_seq"], None)
        assert taken_in or [r["trigger_id"] for r in mine] == [trigger.id] * 2, mine

    assert {status for statuses in counted for status in statuses} == {"done"}


class Crash(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("chosen", [single, quiet])
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_worker_lost_at_any_point_loses_no_trigger_and_doubles_none(chosen: Any, every: int) -> None:
    number = 1 if chosen is single else 2
    while crashed_at(chosen, number):
        assert SEEN[-1][1] == 1, number
        number += every
    assert number > 8


def crashed_at(chosen: Any, number: int) -> bool:
    """An invoice is changed while its run is live, and the worker is lost at the `number`-th point; whether it came so far."""
    passed: list[str] = []

    def point(name: str) -> None:
        passed.append(name)
        if len(passed) == number:
            raise Crash

    def survive(act: Callable[[], object]) -> None:
        try:
            act()
        except Crash:
            flow.clock.pass_(timedelta(seconds=31))
            flow.settle()

    def notify() -> None:
        for notification in flow.sandbox.drain():
            survive(lambda body=notification.body: flow.deliver(body))  # type: ignore[misc]

    with Flow(chosen) as flow:
        flow.runtime.point = point
        ids = flow.sandbox.trigger("invoice.completed", {})
        notify()
        survive(lambda: flow.advance(until=START + timedelta(minutes=2)))
        flow.sandbox.trigger("invoice.changed", {"invoice_id": ids["invoice_id"], "total": "75.00"})
        notify()
        for minutes in (5, 15, 20, 40):
            survive(lambda end=minutes: flow.advance(until=START + timedelta(minutes=end)))  # type: ignore[misc]
        assert {run[2] for run in flow.runs} == {"done"}, number
        assert found(flow.db) == [], number
        assert len(flow.runs) == (2 if chosen is quiet else 1), number
    return len(passed) >= number
