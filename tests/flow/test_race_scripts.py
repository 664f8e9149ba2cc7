"""Races told step by step, with two connections to PostgreSQL: one stands still inside its transaction while the other goes on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import SendStopped
from receiver.inbox import Arrival
from tests.flow.test_races import kept
from tests.workers.letters import act, effect_row, mail, times
from workers import control, holds, operator, restored, routing
from workers.runtime import Runtime
from workers.sweeper import Sweeper
from workers.testing.flow import START, Flow

SEND = "invoice.sendbyemail"
LIMIT_S = 60


@contextmanager
def second_connection(flow: Flow) -> Iterator[Runtime]:
    """Another process's runtime on the same database."""
    db = Database(flow.db.url)
    try:
        yield replace(flow.runtime, db=db, owner="second", point=lambda name: None)
    finally:
        db.close()


class Held:
    """A transaction in a thread of its own that has done everything and waits to commit."""

    def __init__(self, db: Database, do: Callable[[], Any]) -> None:
        self._reached, self._go_on = threading.Event(), threading.Event()
        assert db._writer is not None
        self._pool = ThreadPoolExecutor(1)
        sa.event.listen(db._writer, "commit", self._stand_still)
        self._done = self._pool.submit(do)
        assert self._reached.wait(LIMIT_S)

    def _stand_still(self, connection: sa.Connection) -> None:
        if not self._reached.is_set():
            self._reached.set()
            assert self._go_on.wait(LIMIT_S)

    def commit(self) -> Any:
        """Let it commit; what it came to."""
        self._go_on.set()
        try:
            return self._done.result(LIMIT_S)
        finally:
            self._pool.shutdown()


def waits_for_a_lock(flow: Flow, working: "Future[Any]") -> bool:
    """Whether the work stands at a lock somebody else holds; False where it ended instead."""
    engine = sa.create_engine(sa.engine.make_url(flow.db.url).set(drivername="postgresql+psycopg"))
    blocked = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            while not (found := bool(watching.execute(blocked).scalar_one())) and not working.done():
                wait([working], timeout=0.002)
            return found
    finally:
        engine.dispose()


@pytest.fixture
def flow(postgres_database: Database) -> Iterator[Flow]:
    with Flow(mail, database=postgres_database) as made:
        yield made


def stop_of(flow: Flow, ids: dict[str, str]) -> int:
    """The delivery of an operator's stop, not routed yet."""
    arrival = operator.signal_arrival(SendStopped(source="shop", at=flow.clock.now, **ids), actor="operator", at=flow.clock.now)
    return flow.db.write(lambda c: inbox.append(c, arrival)).delivery_id


def test_a_delivery_that_commits_after_a_later_one_is_routed_all_the_same(flow: Flow) -> None:
    flow.sandbox.trigger("invoice.completed")
    first, second, *_ = [notification.body for notification in flow.sandbox.drain()]
    with second_connection(flow) as other:
        arrival = Arrival(source="shop", origin="push", native_type="t", native_id="1", body=first, received_at=START)
        early = Held(other.db, lambda: other.db.write(lambda c: inbox.append(c, arrival)))
        late_id = kept(flow, second, 2)
        swept = Sweeper(runtime=flow.runtime, drives=True)
        swept.sweep()
        routed_before = flow.rows(sa.select(table_of(inbox.Delivery).c.id).where(table_of(inbox.Delivery).c.routed_at.is_not(None)))
        early_id = early.commit().delivery_id
        swept.sweep()

    assert early_id < late_id
    assert [row["id"] for row in routed_before] == [late_id]
    table = table_of(inbox.Delivery)
    assert {row["id"] for row in flow.rows(sa.select(table.c.id).where(table.c.routed_at.is_not(None)))} >= {early_id, late_id}


def stands_after_the_read(flow: Flow) -> tuple[threading.Event, threading.Event]:
    """(set once a worker has made its first read, lets it go on): the worker stands between the two."""
    read, go_on = threading.Event(), threading.Event()

    def point(passed: str) -> None:
        if passed == "read" and not read.is_set():
            read.set()
            assert go_on.wait(LIMIT_S)

    flow.runtime.point = point
    return read, go_on


def test_a_stop_that_is_about_to_commit_holds_the_call_back_and_wins(flow: Flow) -> None:
    ids = flow.trigger("invoice.completed")
    read, go_on = stands_after_the_read(flow)
    with second_connection(flow) as other, ThreadPoolExecutor(1) as pool:
        calling = pool.submit(flow.advance, minutes=6)
        assert read.wait(LIMIT_S)
        delivery = stop_of(flow, ids)
        stopping = Held(other.db, lambda: routing.route(other, delivery))
        go_on.set()
        waited = waits_for_a_lock(flow, calling)
        stopping.commit()
        calling.result(LIMIT_S)

    assert waited
    assert act(flow) == ("cancelled", "send.stopped")
    assert flow.runs[0][2:] == ("cancelled", "send.stopped")
    assert times(flow, SEND) == 0


def test_a_call_that_is_about_to_be_committed_is_made_and_the_stop_ends_the_run_after_it(flow: Flow) -> None:
    ids = flow.trigger("invoice.completed")
    read, go_on = stands_after_the_read(flow)
    with second_connection(flow) as other, ThreadPoolExecutor(1) as pool:
        advancing = pool.submit(flow.advance, minutes=6)
        assert read.wait(LIMIT_S)
        delivery = stop_of(flow, ids)
        calling = Held(flow.db, go_on.set)
        with ThreadPoolExecutor(1) as router:
            stopped = router.submit(routing.route, other, delivery)
            waited = waits_for_a_lock(flow, stopped)
            calling.commit()
            stopped.result(LIMIT_S)
        advancing.result(LIMIT_S)
    flow.advance(minutes=1)

    assert waited
    assert act(flow) == ("done", None)
    assert times(flow, SEND) == 1


BEFORE_THE_CALL = ("cancelled", "send.stopped")


@pytest.mark.parametrize(
    ("point", "fault", "effect", "sent"),
    [
        ("intended", None, BEFORE_THE_CALL, 0),
        ("read", None, BEFORE_THE_CALL, 0),
        ("calling", None, ("done", None), 1),
        ("called", None, ("done", None), 1),
        ("settled", None, ("done", None), 1),
        ("called", "drop", ("unknown", "ConnectError"), 1),
    ],
)
def test_a_stop_committed_by_another_process_while_the_effect_is_at_a_point_is_kept_and_no_call_is_made_after_it(
    flow: Flow, point: str, fault: str | None, effect: tuple[str, str | None], sent: int
) -> None:
    ids = flow.trigger("invoice.completed")
    if fault:
        flow.sandbox.faults.add(fault, SEND)
    with second_connection(flow) as other:
        left = [lambda: routing.route(other, stop_of(flow, ids))]
        flow.runtime.point = lambda passed: left.pop()() if passed == point and left else None  # type: ignore[assignment,return-value]
        flow.advance(minutes=8)

    assert not left
    assert act(flow)[0] == effect[0]
    assert effect[0] == "unknown" or act(flow) == effect
    assert times(flow, SEND) == sent


@pytest.mark.parametrize("state", ["proposed", "approved"])
def test_a_stop_ends_what_waits_for_a_person_or_was_just_approved(postgres_database: Database, state: str) -> None:
    with Flow(mail, database=postgres_database, mode="propose") as flow, second_connection(flow) as other:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        if state == "approved":
            flow.db.write(lambda c: control.put(c, "freeze", {"reason": "operator"}, at=flow.clock.now))
            flow.order("approve", effect_row(flow)["id"])
        assert act(flow)[0] == state

        routing.route(other, stop_of(flow, ids))
        flow.db.write(lambda c: control.put(c, "freeze", None, at=flow.clock.now))
        flow.advance(minutes=10)

        assert act(flow) == BEFORE_THE_CALL
        assert times(flow, SEND) == 0


def test_a_run_that_is_about_to_begin_when_a_restored_backup_is_released_is_doubted(flow: Flow) -> None:
    flow.db.write(lambda c: restored.freeze(c, "lacks row 2", at=flow.clock.now))
    flow.sandbox.trigger("invoice.completed")
    ids = [kept(flow, notification.body, place) for place, notification in enumerate(flow.sandbox.drain())]
    with second_connection(flow) as other, ThreadPoolExecutor(1) as pool:
        beginning = Held(flow.db, lambda: routing.route_all(flow.runtime, ids))
        flow.clock.pass_(timedelta(seconds=1))
        releasing = pool.submit(other.db.write, lambda c: released(c, flow))
        waited = waits_for_a_lock(flow, releasing)
        beginning.commit()
        releasing.result(LIMIT_S)
    flow.advance(minutes=10)

    assert waited
    assert act(flow) == ("proposed", "restored")
    assert times(flow, SEND) == 0


def test_a_run_that_begins_while_a_restored_backup_is_being_released_is_doubted(flow: Flow) -> None:
    flow.db.write(lambda c: restored.freeze(c, "lacks row 2", at=flow.clock.now))
    flow.sandbox.trigger("invoice.completed")
    ids = [kept(flow, notification.body, place) for place, notification in enumerate(flow.sandbox.drain())]
    with second_connection(flow) as other, ThreadPoolExecutor(1) as pool:
        flow.clock.pass_(timedelta(seconds=1))
        releasing = Held(other.db, lambda: other.db.write(lambda c: released(c, flow)))
        beginning = pool.submit(routing.route_all, flow.runtime, ids)
        waited = waits_for_a_lock(flow, beginning)
        releasing.commit()
        beginning.result(LIMIT_S)
    flow.advance(minutes=10)

    assert waited
    assert act(flow) == ("proposed", "restored")


def released(connection: sa.Connection, flow: Flow) -> None:
    """As `billhook unfreeze --yes`."""
    restored.release(connection, at=flow.clock.now, actor="operator")
    holds.end_freeze(connection, at=flow.clock.now, actor="operator")
