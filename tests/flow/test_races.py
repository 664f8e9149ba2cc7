"""Two workers at once on PostgreSQL: what is derived under a lock is derived once."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import Paused
from receiver.inbox import Arrival
from tests.flow.story import tell
from tests.workers.letters import act, mail, times
from tests.workers.routed import noting
from tests.workers.test_effects import mail_again
from workers import claims, engine, events, routing, runs, telling
from workers.events import EventRow
from workers.mirror import Mirror
from workers.runs import RunRow
from workers.testing.flow import START, Flow


@pytest.fixture
def flow(postgres_database: Database) -> Any:
    with Flow(noting, mail_again, database=postgres_database) as made:
        yield made


def kept(flow: Flow, body: bytes, number: int) -> int:
    arrival = Arrival(source="shop", origin="push", native_type="invoice.changed", native_id=str(number), body=body, received_at=START)
    return flow.db.write(lambda c: inbox.append(c, arrival)).delivery_id


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Every act in a thread of its own, let go together."""
    gate = threading.Barrier(len(acts))

    def begin(act: Callable[[], Any]) -> Any:
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(begin, acts))


def test_draft_and_outgoing_routed_at_the_same_instant_make_one_completed(flow: Flow) -> None:
    for _ in range(10):
        told = tell(flow, [("invoice.created", {}), ("invoice.completed", {})])[1:]
        flow.sandbox.account.invoices.clear()
        ids = [kept(flow, body, flow.clock.now.minute * 100 + n) for n, body in enumerate(told)]
        at_once(*(lambda id=id: routing.route(flow.runtime, id) for id in ids))  # type: ignore[misc]

    told_once = sa.select(table_of(EventRow).c.invoice_id).where(table_of(EventRow).c.type == "invoice.completed")
    assert len(flow.rows(told_once)) == 10
    completed = sa.select(table_of(Mirror).c.object_id).where(table_of(Mirror).c.completed)
    assert len(flow.rows(completed)) == 10


def test_a_trigger_is_not_lost_where_the_live_run_ends_between_its_two_statements(flow: Flow) -> None:
    def start(connection: sa.Connection) -> str | None:
        return runs.start(
            connection, source="shop", workflow="w", key="k", trigger_id=1, mode="auto", policy_id=None,
            customer_id=None, invoice_id=None, at=START,
        )  # fmt: skip

    first = flow.db.write(start)
    assert first is not None
    claim = flow.db.write(lambda c: claims.claim(c, first, owner="one", business=START, machine=START))
    assert claim is not None
    ended: list[int | None] = []

    def after_insert(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith("INSERT INTO run") and not ended:
            ended.append(1)
            other.write(lambda c: claims.finish(c, claim, outcome="done", reason=None, at=START))

    other = Database(flow.db.url)
    assert flow.db._writer is not None
    sa.event.listen(flow.db._writer, "after_cursor_execute", after_insert)
    second = flow.db.write(start)
    sa.event.remove(flow.db._writer, "after_cursor_execute", after_insert)
    other.close()

    assert ended
    assert second not in (None, first)


def test_one_run_is_advanced_by_one_worker(flow: Flow) -> None:
    flow.sandbox.trigger("invoice.completed")
    for notification in flow.sandbox.drain():
        flow.deliver(notification.body)

    ids = [row["id"] for row in flow.rows(sa.select(table_of(RunRow).c.id))]
    at_once(*(lambda id=id: engine.advance(flow.runtime, id) for id in ids * 3))  # type: ignore[misc]

    assert times(flow, "invoice.sendbyemail") == 1


def test_what_commits_while_a_run_goes_to_sleep_wakes_it(flow: Flow) -> None:
    run_id = flow.db.write(
        lambda c: runs.start(
            c, source="shop", workflow="w", key="k", trigger_id=1, mode="auto", policy_id=None, customer_id=None, invoice_id="9", at=START,
        )
    )  # fmt: skip
    assert run_id is not None
    claim = flow.db.write(lambda c: claims.claim(c, run_id, owner="one", business=START, machine=START))
    assert claim is not None
    flow.db.write(lambda c: runs.wake_concerned(c, "shop", customer_id=None, invoice_id="9", at=START))

    slept = flow.db.write(lambda c: claims.suspend(c, claim, wake_at=None))

    assert not slept
    again = flow.db.write(lambda c: claims.claim(c, run_id, owner="two", business=START, machine=START))
    assert again is not None
    assert again.seen == 1


def test_a_whole_flow_runs_on_postgresql(flow: Flow) -> None:
    ids = flow.trigger("invoice.completed")
    flow.advance(minutes=5)
    flow.trigger("invoice.paid", invoice_id=ids["invoice_id"])
    flow.advance(minutes=5)

    assert times(flow, "invoice.sendbyemail") == 1
    with flow.db.read() as connection:
        told = {type for type, *_ in events.of_object(connection, "shop", "invoice", ids["invoice_id"])}
    assert told == {"invoice.created", "invoice.completed", "invoice.paid"}


def without_customer(flow: Flow) -> str:
    """An invoice is completed, and its notifications name no customer; the customer's id."""
    customer = flow.sandbox.trigger("invoice.completed", {})["customer_id"]
    for notification in flow.sandbox.drain():
        said = json.loads(notification.body)
        said.pop("customer", None)
        said.get("invoice", {}).pop("customer_id", None)
        flow.deliver(json.dumps(said).encode())
    return customer


@contextmanager
def block_under_way(flow: Flow, customer: str) -> Iterator[Callable[[], bool]]:
    """A block of the customer that is written and not committed; ask whether somebody waits for it. Committed at the end."""
    engine = sa.create_engine(sa.engine.make_url(flow.db.url).set(drivername="postgresql+psycopg"))
    with engine.connect() as watching, engine.begin() as setting:
        telling._apply_block(setting, Paused(source="shop", at=flow.clock.now, customer_id=customer, reason="hold"), flow.clock.now)
        own = setting.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        blocked = sa.text("SELECT count(*) FROM pg_stat_activity WHERE :own = ANY(pg_blocking_pids(pid))")
        watching.execution_options(isolation_level="AUTOCOMMIT")
        yield lambda: bool(watching.execute(blocked, {"own": own}).scalar_one())
    engine.dispose()


def test_a_block_being_set_on_a_customer_holds_the_call_back_and_wins(postgres_database: Database) -> None:
    with Flow(mail, database=postgres_database) as flow, ThreadPoolExecutor(1) as pool:
        customer = without_customer(flow)
        read, go_on = threading.Event(), threading.Event()

        def point(passed: str) -> None:
            if passed == "read" and not read.is_set():
                read.set()
                assert go_on.wait(60)

        flow.runtime.point = point
        calling = pool.submit(flow.advance, minutes=6)
        assert read.wait(60)
        with block_under_way(flow, customer) as is_waited_for:
            go_on.set()
            while not (waited := is_waited_for()) and not calling.done():
                wait([calling], timeout=0.002)
        calling.result()

        assert waited
        assert act(flow) == ("cancelled", "pause")
        assert times(flow, "invoice.sendbyemail") == 0
