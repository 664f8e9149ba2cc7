"""What a trigger comes to while a run of its key is live: followed, taken in, or waited out; never lost and never doubled."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.flow.test_races import at_once
from tests.workers.prove.stories import found
from workers import claims, engine, events, runs
from workers.authoring import InvoiceChanged, InvoiceCompleted, Run, SendStopped, workflow
from workers.events import Recorded
from workers.runs import RunRow
from workers.testing.flow import START, Flow

SEEN: list[tuple[str, int]] = []  # of each activation: the trigger's type, and how many changes there were


def changes(connection: sa.Connection, source: str, invoice_id: str) -> int:
    return len(events.concerning(connection, source, customer_id=None, invoice_id=invoice_id, types=[InvoiceChanged.type]))


def look(run: Run, event: Any) -> None:
    """Stay for ten minutes, then count the changes."""
    run.sleep_until(event.at + timedelta(minutes=10))
    SEEN.append((event.type, run.setting("changes", lambda c: changes(c, event.source, event.invoice_id))))


@workflow("t-follow", on=(InvoiceCompleted, InvoiceChanged))
def following(run: Run, event: Any) -> None:
    look(run, event)


@workflow("t-single", on=(InvoiceCompleted, InvoiceChanged), start="one-per-key", cancel_on=(SendStopped,))
def single(run: Run, event: Any) -> None:
    look(run, event)


@workflow("t-looks-first", on=(InvoiceCompleted, InvoiceChanged), start="one-per-key")
def looks_first(run: Run, event: Any) -> None:
    SEEN.append((event.type, run.setting("changes", lambda c: changes(c, event.source, event.invoice_id))))
    run.sleep_until(event.at + timedelta(minutes=10))


@workflow("t-looks-twice", on=(InvoiceCompleted, InvoiceChanged), start="one-per-key")
def looks_twice(run: Run, event: Any) -> None:
    for round in range(2):
        run.sleep_until(event.at + timedelta(minutes=10 + round), f"rest {round}")
        run.setting(f"changes {round}", lambda c: changes(c, event.source, event.invoice_id))


@workflow("t-waits-itself", on=(InvoiceCompleted, InvoiceChanged), start="one-per-key")
def waits_itself(run: Run, event: Any) -> None:
    SEEN.append((event.type, 0))
    run.wait_for(InvoiceChanged, name="change")


@workflow("t-quiet", on=(InvoiceCompleted, InvoiceChanged), debounce="30s")
def quiet(run: Run, event: Any) -> None:
    look(run, event)


@workflow("t-quiet-single", on=(InvoiceCompleted, InvoiceChanged), debounce="30s", start="one-per-key")
def quiet_single(run: Run, event: Any) -> None:
    look(run, event)


def seen() -> list[tuple[str, int]]:
    """What was seen, each once: a Flow goes through every activation again."""
    return list(dict.fromkeys(SEEN))


@pytest.fixture(autouse=True)
def unseen() -> None:
    SEEN.clear()


@pytest.fixture
def postgres_flow(postgres_database: Database) -> Any:
    with Flow(single, waits_itself, quiet, database=postgres_database) as made:
        yield made


def change(flow: Flow, ids: dict[str, str], total: str) -> None:
    flow.trigger("invoice.changed", invoice_id=ids["invoice_id"], total=total)


def rows(flow: Flow) -> list[sa.RowMapping]:
    table = table_of(RunRow)
    return flow.rows(sa.select(table).order_by(table.c.started_at, table.c.id))


def shop_run(flow: Flow) -> sa.RowMapping:
    (row,) = rows(flow)
    return row


def begin(flow: Flow, workflow_name: str, trigger: Recorded) -> str:
    """The event starts the workflow, in a transaction of its own; what is noted on it."""
    found = flow.runtime.registry.get(workflow_name)
    assert found is not None
    return flow.db.write(lambda c: engine.begin(c, flow.runtime, found, trigger, at=flow.clock.now)[1])


def told(flow: Flow, type: str) -> Recorded:
    """The last event of a type."""
    table = table_of(events.EventRow)
    (row, *_) = flow.rows(sa.select(table.c.id).where(table.c.type == type).order_by(table.c.id.desc()))
    with flow.db.read() as connection:
        return events.load(connection, row["id"])


def test_several_triggers_during_a_run_are_followed_by_one_run_for_the_last() -> None:
    with Flow(following) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        change(flow, ids, "60.00")
        flow.advance(minutes=30)

        assert seen() == [("invoice.completed", 2), ("invoice.changed", 2)]


def test_a_run_that_is_one_per_key_takes_in_what_came_while_it_was_live() -> None:
    with Flow(single) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        change(flow, ids, "60.00")
        flow.advance(minutes=30)

        assert seen() == [("invoice.completed", 2)]
        assert [run[2] for run in flow.runs] == ["done"]


def test_a_trigger_a_run_was_given_by_its_wait_starts_no_other() -> None:
    with Flow(waits_itself) as flow:
        ids = flow.sandbox.trigger("invoice.completed", {})
        flow.runtime.point = lambda name: change_once(flow, ids, name, at="claimed")
        flow.notify()

        assert shop_run(flow)["fence"] == 1
        assert [run[2] for run in flow.runs] == ["done"]


def change_once(flow: Flow, ids: dict[str, str], name: str, *, at: str) -> None:
    """At one point of the first activation, another process routes a change of the invoice."""
    if name == at:
        flow.runtime.point = lambda name: None
        flow.sandbox.trigger("invoice.changed", {"invoice_id": ids["invoice_id"], "total": "75.00"})
        begin_by_other(flow)


def begin_by_other(flow: Flow) -> None:
    """Route what the sandbox has queued without advancing any run."""
    driving, flow.sweeper._runs = flow.sweeper._runs, lambda: 0  # type: ignore[method-assign]
    try:
        flow.notify()
    finally:
        flow.sweeper._runs = driving  # type: ignore[method-assign]


@pytest.mark.parametrize("at", ["claimed", "noted", "finishing"])
def test_a_trigger_that_came_after_the_last_activation_began_is_followed(at: str) -> None:
    with Flow(single) as flow:
        ids = flow.trigger("invoice.completed")
        flow.runtime.point = lambda name: change_once(flow, ids, name, at=at) if flow.clock.now >= START + timedelta(minutes=9) else None
        flow.advance(minutes=30)

        assert [run[2] for run in flow.runs] == ["done", "done"]
        assert [type for type, _ in seen()] == ["invoice.completed", "invoice.changed"]


def test_a_trigger_after_what_cancels_the_run_is_not_cancelled_with_it() -> None:
    with Flow(single) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sweeper._runs, driving = (lambda: 0), flow.sweeper._runs  # type: ignore[method-assign]
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))
        change(flow, ids, "50.00")
        flow.sweeper._runs = driving  # type: ignore[method-assign]
        flow.advance(minutes=30)

        assert sorted(run[2] for run in flow.runs) == ["cancelled", "done"]


def test_a_run_that_was_given_up_is_followed_for_what_it_had_not_taken_in() -> None:
    with Flow(single) as flow:
        ids = flow.trigger("invoice.completed")
        table = table_of(RunRow)
        flow.db.write(lambda c: c.execute(sa.update(table).values(status="parked")))
        change(flow, ids, "50.00")
        run_id = shop_run(flow)["id"]

        assert flow.db.write(lambda c: runs.give_up(c, run_id, reason="x", at=START)) == told(flow, "invoice.changed").id


def test_a_run_that_looked_only_before_a_trigger_has_not_taken_it_in() -> None:
    with Flow(looks_first) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        flow.advance(minutes=30)

        assert seen() == [("invoice.completed", 0), ("invoice.changed", 1)]


def test_a_wait_takes_in_the_trigger_it_gives_and_no_other() -> None:
    with Flow(waits_itself) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sweeper._runs, driving = (lambda: 0), flow.sweeper._runs  # type: ignore[method-assign]
        change(flow, ids, "50.00")
        change(flow, ids, "60.00")
        flow.sweeper._runs = driving  # type: ignore[method-assign]
        flow.settle()

        assert {row["status"]: row["trigger_id"] for row in rows(flow)} == {
            "done": told(flow, "invoice.completed").id,
            "waiting": told(flow, "invoice.changed").id,
        }


def test_what_a_run_looked_at_after_a_trigger_is_taken_in_when_it_is_kept() -> None:
    with Flow(looks_twice) as flow:
        ids = flow.trigger("invoice.completed")
        change(flow, ids, "50.00")
        before = shop_run(flow)["successor_trigger_id"]
        flow.advance(seconds=630)

        assert (before is not None, shop_run(flow)["successor_trigger_id"]) == (True, None)
        assert shop_run(flow)["status"] == "waiting"


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


def test_a_run_that_wants_quiet_begins_after_the_last_trigger_and_gets_that_one() -> None:
    with Flow(quiet) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(seconds=20)
        change(flow, ids, "50.00")
        flow.advance(seconds=29)
        early = (shop_run(flow)["status"], shop_run(flow)["fence"])
        flow.advance(seconds=2)
        begun = shop_run(flow)["fence"]
        flow.advance(minutes=30)

        assert early == ("waiting", 0)
        assert begun == 1
        assert seen() == [("invoice.changed", 1)]


def test_a_run_that_wants_quiet_waits_ten_times_that_at_most() -> None:
    with Flow(quiet) as flow:
        ids = flow.trigger("invoice.completed")
        for number in range(14):
            change(flow, ids, f"{number + 1}.00")
            flow.advance(seconds=20)
            assert shop_run(flow)["fence"] == 0
        change(flow, ids, "99.00")
        flow.advance(seconds=19)
        late = shop_run(flow)["fence"]
        flow.advance(seconds=1)

        assert (late, shop_run(flow)["fence"]) == (0, 1)


@pytest.mark.parametrize("wake", ["concerned", "one"])
def test_nothing_wakes_a_run_that_waits_for_quiet(wake: str) -> None:
    with Flow(quiet) as flow:
        ids = flow.trigger("invoice.completed")
        invoice_id, run_id = ids["invoice_id"], shop_run(flow)["id"]
        acts: dict[str, Callable[[sa.Connection], object]] = {
            "concerned": lambda c: runs.wake_concerned(c, "shop", customer_id=None, invoice_id=invoice_id, at=START),
            "one": lambda c: runs.wake(c, run_id, at=START),
        }
        flow.db.write(acts[wake])
        flow.settle()

        assert (shop_run(flow)["status"], shop_run(flow)["fence"]) == ("waiting", 0)


@pytest.mark.parametrize(("chosen", "ran"), [(quiet, 2), (quiet_single, 1)])
def test_a_trigger_while_it_runs_follows_the_rule_for_starting(chosen: Any, ran: int) -> None:
    with Flow(chosen) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        flow.advance(minutes=30)

        assert [run[2] for run in flow.runs] == ["done"] * ran


def test_a_follower_that_was_quiet_long_enough_begins_at_once() -> None:
    with Flow(quiet) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        change(flow, ids, "50.00")
        flow.advance(until=START + timedelta(minutes=10))

        assert [row["fence"] > 0 for row in rows(flow)] == [True, True]


class Crash(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("chosen", [single, quiet])
def test_a_worker_lost_at_any_point_loses_no_trigger_and_doubles_none(chosen: Any) -> None:
    number = 1 if chosen is single else 2
    while crashed_at(chosen, number):
        assert SEEN[-1][1] == 1, number
        number += 2
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


def test_a_trigger_at_the_very_instant_a_quiet_run_begins_is_not_lost(postgres_flow: Flow) -> None:
    flow = postgres_flow
    for _ in range(5):
        ids = flow.trigger("invoice.completed")
        trigger = told(flow, "invoice.completed")
        (first,) = [r["id"] for r in rows(flow) if (r["workflow"], r["invoice_id"]) == ("t-quiet", ids["invoice_id"])]
        flow.clock.pass_(timedelta(seconds=31))
        at_once(lambda id=first: engine.advance(flow.runtime, id), lambda one=trigger: begin(flow, "t-quiet", one))  # type: ignore[misc]
        flow.advance(minutes=30)
        mine = [r for r in rows(flow) if (r["workflow"], r["invoice_id"]) == ("t-quiet", ids["invoice_id"])]

        put_off = len(mine) == 1 and mine[0]["successor_trigger_id"] is None
        assert put_off or [r["trigger_id"] for r in mine] == [trigger.id] * 2
        assert {r["status"] for r in mine} == {"done"}
