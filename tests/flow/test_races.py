"""Two workers at once on PostgreSQL: what is derived under a lock is derived once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.inbox import Arrival
from tests.flow.story import tell
from tests.workers.letters import times
from tests.workers.test_effects import mail_again
from tests.workers.test_routing import noting
from workers import engine, events, routing, runs
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
    claim = flow.db.write(lambda c: runs.claim(c, first, owner="one", business=START, machine=START))
    assert claim is not None
    ended: list[int | None] = []

    def after_insert(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith("INSERT INTO run") and not ended:
            ended.append(1)
            other.write(lambda c: runs.finish(c, claim, outcome="done", reason=None, at=START))

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
    claim = flow.db.write(lambda c: runs.claim(c, run_id, owner="one", business=START, machine=START))
    assert claim is not None
    flow.db.write(lambda c: runs.wake_concerned(c, "shop", customer_id=None, invoice_id="9", at=START))

    slept = flow.db.write(lambda c: runs.suspend(c, claim, wake_at=None))

    assert not slept
    again = flow.db.write(lambda c: runs.claim(c, run_id, owner="two", business=START, machine=START))
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
