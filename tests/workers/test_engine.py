"""The engine: bugs, divergence, crash loops, successors; one run's trouble stays its own."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.letters import mail, times
from workers import engine, runs, standstill
from workers.authoring import InvoiceChanged, InvoiceCompleted, InvoicePaid, Run, SendStopped, monsum, workflow
from workers.desk import Parked
from workers.journal import JournalRow
from workers.registry import Registry
from workers.runs import RunRow
from workers.testing.flow import Flow

BROKEN = {"times": 0}
SEEN: list[str] = []
PRIVATE = "max@example.com"


def one() -> int:
    return 1


@workflow("t-broken", on=InvoiceCompleted)
def broken(run: Run, event: InvoiceCompleted) -> None:
    if BROKEN["times"] > 0:
        BROKEN["times"] -= 1
        raise ValueError(PRIVATE)
    run.step("whole", one)


@workflow("t-unlucky", on=InvoiceCompleted)
def unlucky(run: Run, event: InvoiceCompleted) -> None:
    run.step("first", one)
    if BROKEN["times"] > 0:
        BROKEN["times"] -= 1
        raise sa.exc.OperationalError("SELECT 1", None, ConnectionError())
    run.step("whole", one)


@workflow("t-named", on=InvoiceCompleted)
def named(run: Run, event: InvoiceCompleted) -> None:
    run.read("a name longer than its column " + "x" * 128, monsum.invoice, event.invoice_id)
    run.sleep_until(event.at + timedelta(days=1))


@workflow("t-waiting", on=InvoiceCompleted)
def waiting(run: Run, event: InvoiceCompleted) -> None:
    run.step("first", one)
    run.wait_for(SendStopped, name="stop")


@workflow("t-joined", on=(InvoiceCompleted, InvoiceChanged))
def joined(run: Run, event: Any) -> None:
    SEEN.append(event.type)
    run.sleep_until(event.at + timedelta(minutes=5))


def items(flow: Flow) -> list[sa.RowMapping]:
    return flow.rows(sa.select(table_of(Parked)).where(table_of(Parked).c.closed_at.is_(None)))


def the_run(flow: Flow) -> sa.RowMapping:
    (row,) = flow.rows(sa.select(table_of(RunRow)))
    return row


def test_a_database_that_is_away_costs_the_run_no_try_and_it_goes_on_soon_after() -> None:
    BROKEN["times"] = 7
    with Flow(unlucky) as flow:
        flow.sandbox.trigger("invoice.completed", {})
        for _ in range(7):
            with pytest.raises(sa.exc.OperationalError):
                flow.notify()
                flow.settle()
            assert (the_run(flow)["status"], the_run(flow)["failures"], the_run(flow)["takeovers"]) == ("waiting", 0, 0)
            flow.clock.pass_(timedelta(seconds=5))

        flow.settle()

        assert flow.runs[0][2] == "done"
        assert items(flow) == []


def test_a_bug_is_tried_three_times_more_and_then_parked_with_its_traceback() -> None:
    BROKEN["times"] = 4
    with Flow(broken) as flow:
        flow.trigger("invoice.completed")
        assert flow.runs[0][2] == "waiting"
        flow.advance(minutes=5)

        assert flow.runs[0][2] == "parked"
        assert BROKEN["times"] == 0
        (item,) = items(flow)
        assert item["kind"] == "failed"
        assert "broken" in item["detail"]["traceback"]
        assert PRIVATE not in str(dict(item))


def test_a_run_whose_sleep_cannot_be_kept_is_parked_as_any_other_bug_and_does_not_try_for_ever(postgres_database: Database) -> None:
    with Flow(named, database=postgres_database) as flow:
        flow.trigger("invoice.completed")
        assert the_run(flow)["failures"] == 1
        flow.advance(minutes=5)

        assert flow.runs[0][2] == "parked"
        assert flow.told == [("parked", "failed")]
        assert "DataError in workflow t-named" in items(flow)[0]["reason"]
        assert times(flow, "invoice.get") <= 5


def test_a_bug_that_goes_away_ends_well() -> None:
    BROKEN["times"] = 3
    with Flow(broken) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=5)

        assert flow.runs[0][2] == "done"


def test_a_parked_run_is_tried_again_on_a_persons_word() -> None:
    BROKEN["times"] = 4
    with Flow(broken) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=5)

        flow.order("retry", the_run(flow)["id"])

        assert flow.runs[0][2] == "done"
        assert items(flow) == []


def test_a_parked_run_that_is_closed_ends_and_frees_its_key() -> None:
    BROKEN["times"] = 4
    with Flow(broken) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=5)

        assert flow.order("close", str(items(flow)[0]["id"]), reason="not worth it") == "events: closed"

        assert flow.runs[0][2:] == ("closed", "not worth it")
        assert items(flow) == []


def test_an_unknown_effect_cannot_just_be_closed() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", "invoice.sendbyemail")
        flow.advance(minutes=6)

        assert flow.order("close", str(items(flow)[0]["id"])).startswith("refused")
        assert len(items(flow)) == 1


def test_five_lost_workers_without_progress_park_the_run() -> None:
    class Lost(BaseException):
        pass

    def point(name: str) -> None:
        if name == "claimed":
            raise Lost

    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.clock.pass_(timedelta(minutes=5))
        flow.runtime.point = point
        run_id = the_run(flow)["id"]
        for _ in range(5):
            try:
                engine.advance(flow.runtime, run_id)
            except Lost:
                flow.clock.pass_(timedelta(seconds=31))
        assert the_run(flow)["takeovers"] == 4

        flow.runtime.point = lambda name: None
        engine.advance(flow.runtime, run_id)

        assert flow.runs[0][2] == "parked"
        assert items(flow)[0]["kind"] == "failed"
        assert times(flow, "invoice.sendbyemail") == 0


def replaced(flow: Flow, fn: Any) -> None:
    """Deploy other code under the same name."""
    (old,) = flow.runtime.registry.all()
    made = type(old)(name=old.name, fn=fn, on=old.on, key=old.key, cancel_on=old.cancel_on, policy=old.policy, file=old.file)
    flow.runtime.registry = Registry([made])


def stopped(flow: Flow, ids: dict[str, str]) -> None:
    flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))


def test_a_step_of_another_kind_under_a_live_run_parks_it_as_diverged() -> None:
    def changed(run: Run, event: InvoiceCompleted) -> None:
        run.sleep_until(event.at, name="first")

    with Flow(waiting) as flow:
        ids = flow.trigger("invoice.completed")
        replaced(flow, changed)
        stopped(flow, ids)

        (item,) = items(flow)
        assert (item["kind"], "first" in item["reason"]) == ("diverged", True)


def test_a_new_step_before_a_journaled_one_does_nothing_and_parks_the_run() -> None:
    done: list[str] = []

    def act() -> int:
        done.append("acted")
        return 1

    def changed(run: Run, event: InvoiceCompleted) -> None:
        run.step("new", act)
        run.step("first", one)

    with Flow(waiting) as flow:
        ids = flow.trigger("invoice.completed")
        replaced(flow, changed)
        stopped(flow, ids)

        assert done == []
        assert items(flow)[0]["kind"] == "diverged"


def test_a_journaled_step_that_is_gone_parks_the_run() -> None:
    def changed(run: Run, event: InvoiceCompleted) -> None:
        """Nothing is left."""

    with Flow(waiting) as flow:
        ids = flow.trigger("invoice.completed")
        replaced(flow, changed)
        stopped(flow, ids)

        assert items(flow)[0]["kind"] == "diverged"


def test_a_patched_step_is_passed_over_by_runs_that_began_before_it() -> None:
    done: list[str] = []

    def changed(run: Run, event: InvoiceCompleted) -> None:
        if run.patched("newer"):
            done.append("acted")
        run.step("first", one)
        run.wait_for(SendStopped, name="stop")

    with Flow(waiting, strict=False) as flow:
        ids = flow.trigger("invoice.completed")
        replaced(flow, changed)
        stopped(flow, ids)
        assert (done, flow.runs[0][2]) == ([], "done")

        later = flow.trigger("invoice.completed")
        stopped(flow, later)

        assert done == ["acted", "acted"]  # once live, once at the replay
        assert flow.runs[1][2] == "done"


def test_replaying_a_journal_on_the_same_code_writes_nothing() -> None:
    with Flow(waiting) as flow:
        ids = flow.trigger("invoice.completed")
        table = table_of(JournalRow)
        before = [dict(row) for row in flow.rows(sa.select(table))]
        flow.db.write(lambda c: runs.wake_concerned(c, "shop", customer_id=None, invoice_id=ids["invoice_id"], at=flow.clock.now))
        flow.settle()

        assert [dict(row) for row in flow.rows(sa.select(table))] == before
        assert flow.runs[0][2] == "waiting"


def test_a_trigger_during_a_live_run_gets_a_run_of_its_own_afterwards() -> None:
    SEEN.clear()
    with Flow(joined) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        flow.trigger("invoice.changed", invoice_id=ids["invoice_id"], due_date="2026-12-24")
        assert len(flow.runs) == 1
        flow.advance(minutes=20)

        assert [run[2] for run in flow.runs] == ["done", "done"]
        assert list(dict.fromkeys(SEEN)) == ["invoice.completed", "invoice.changed"]


def test_a_run_of_a_workflow_this_worker_does_not_know_is_put_back_and_doctor_tells() -> None:
    with Flow(waiting) as flow:
        ids = flow.trigger("invoice.completed")
        known, flow.runtime.registry = flow.runtime.registry, Registry()
        stopped(flow, ids)
        assert flow.runs[0][2:] == ("waiting", "workflow_unknown")
        with flow.db.read() as connection:
            (finding,) = standstill.standing(connection, now=flow.clock.now)
        assert (finding.area, finding.state, finding.text) == ("workflow t-waiting", "wrong", "open runs: 1, and no worker has its file")

        flow.runtime.registry = known
        flow.advance(minutes=2)

        assert flow.runs[0][2] == "done"


@workflow("t-keyless", on=InvoiceCompleted, key=lambda event: event.nothing_of_this_name)
def keyless(run: Run, event: InvoiceCompleted) -> None:
    """Never runs."""


@workflow("t-numbered", on=InvoiceCompleted, key=lambda event: 7)  # type: ignore[arg-type,return-value]
def numbered(run: Run, event: InvoiceCompleted) -> None:
    """Never runs."""


def test_a_key_that_cannot_be_made_is_parked_and_stops_no_other_workflow() -> None:
    with Flow(keyless, numbered, waiting) as flow:
        flow.trigger("invoice.completed")

        assert [run[0] for run in flow.runs] == ["t-waiting"]
        assert [item["kind"] for item in items(flow)] == ["failed", "failed"]


def test_a_workflow_that_is_off_starts_no_run() -> None:
    with Flow(waiting, mode="off") as flow:
        flow.trigger("invoice.completed")

        assert flow.runs == []


def test_nothing_leaves_observe_before_a_baseline_exists() -> None:
    with Flow(waiting, connect=False) as flow:
        flow.trigger("invoice.completed")

        assert the_run(flow)["mode"] == "observe"


@workflow("t-state", on=InvoiceCompleted)
def paid_later(run: Run, event: InvoiceCompleted) -> None:
    came = run.wait_for(InvoicePaid, until=event.at + timedelta(hours=1))
    run.skip("paid" if came else "unpaid")


def test_a_state_is_waited_for_until_it_holds() -> None:
    with Flow(paid_later) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=5)
        flow.trigger("invoice.paid", invoice_id=ids["invoice_id"])

        assert flow.runs[0][2:] == ("skipped", "paid")


def test_where_an_event_and_the_timer_fall_together_the_event_wins() -> None:
    with Flow(paid_later) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sandbox.trigger("invoice.paid", {"invoice_id": ids["invoice_id"]})
        body = flow.sandbox.drain()[-1].body
        flow.clock.pass_(timedelta(hours=1))
        flow.deliver(body)

        assert flow.runs[0][2:] == ("skipped", "paid")


def test_a_timer_that_passed_without_an_event_says_none() -> None:
    with Flow(paid_later) as flow:
        flow.trigger("invoice.completed")
        flow.advance(hours=2)

        assert flow.runs[0][2:] == ("skipped", "unpaid")
