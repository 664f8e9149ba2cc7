"""Runs: who would never go on, who slept over something, and who owns what the dead may not own, is named."""

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.event import SendStopped
from tests.workers.letters import mail
from tests.workers.prove.stories import awaiting, change, doubtful, found, only, paid, remove, waiting
from workers import control
from workers.authoring import InvoiceCanceled, InvoiceCompleted, Run, workflow
from workers.desk import Parked
from workers.events import EventRow
from workers.ledger import EffectRow
from workers.runs import RunRow
from workers.testing.flow import Flow

RUN = table_of(RunRow)


@workflow("t-quiet-waits", on=InvoiceCompleted, key=lambda event: "all", debounce="10m")
def quiet(run: Run, event: InvoiceCompleted) -> None:
    run.wait_for(InvoiceCanceled, name="canceled")


def named(flow: Flow) -> str:
    return f"run:{only(flow, RunRow)['id']}"


def test_a_run_that_waits_for_an_event_says_so(database: Database) -> None:
    with waiting(database) as flow:
        row = only(flow, RunRow)

        assert (row["status"], row["wake_at"], row["reason"]) == ("waiting", None, "awaits send.stopped")


def test_a_run_that_waits_for_nothing_is_named(database: Database) -> None:
    with waiting(database) as flow:
        change(database, RunRow, reason=None)

        assert found(database) == [(11, named(flow), "it waits for no instant, no event and no person: nothing will ever wake it")]


def test_a_run_that_waits_for_an_approval_without_an_end_has_a_cause(database: Database) -> None:
    with Flow(mail, mode="propose", database=database) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)
        assert (only(flow, RunRow)["status"], only(flow, RunRow)["wake_at"]) == ("waiting", None)
        assert found(database) == []

        change(database, EffectRow, state="approved")

        assert [subject for number, subject, _ in found(database) if number == 11] == [named(flow)]


def test_a_doubtful_effect_nobody_was_asked_about_is_named(database: Database) -> None:
    with doubtful(database) as flow:
        change(database, Parked, closed_at=flow.clock.now)

        assert [(number, subject) for number, subject, _ in found(database)] == [(11, named(flow))]


def test_a_running_run_without_a_lease_is_named(database: Database) -> None:
    with waiting(database) as flow:
        change(database, RunRow, status="running")

        assert found(database) == [(11, named(flow), "it is running without a lease: nobody would take it over")]


def test_a_parked_run_that_stands_before_nobody_is_named(database: Database) -> None:
    with waiting(database) as flow:
        change(database, RunRow, status="parked")

        assert found(database) == [(11, named(flow), "it is parked, but no open item puts it before a person")]


def test_a_status_nobody_takes_up_is_named(database: Database) -> None:
    with waiting(database) as flow:
        change(database, RunRow, status="lost")

        assert found(database) == [(11, named(flow), "its status is lost, which nothing ever takes up")]


@pytest.mark.parametrize("owned", ["lease_until", "wake_at", "owner"])
def test_what_a_finished_run_owns_is_named(database: Database, owned: str) -> None:
    with paid(database) as flow:
        change(database, RunRow, **{owned: "a worker" if owned == "owner" else flow.clock.now})

        assert found(database) == [(10, named(flow), f"it is done, but still has {owned}")]


def test_a_finished_run_without_an_end_is_named(database: Database) -> None:
    with paid(database) as flow:
        change(database, RunRow, ended_at=None)

        assert found(database) == [(10, named(flow), "it is done, but has no end")]


def test_a_run_that_slept_over_what_woke_it_is_named(database: Database) -> None:
    with waiting(database) as flow:
        change(database, RunRow, pending_seq=RUN.c.pending_seq + 1)

        assert found(database) == [(6, named(flow), "it waits, but has seen 0 of the 1 times it was woken")]


def test_an_event_that_did_not_wake_the_run_it_is_about_is_named(database: Database) -> None:
    with waiting(database) as flow:
        flow.advance(minutes=5)
        flow.trigger("invoice.changed", invoice_id=only(flow, RunRow)["invoice_id"], due_date="2026-12-24")
        assert only(flow, RunRow)["seen_seq"] == 1
        assert found(database) == []

        change(database, RunRow, pending_seq=0, seen_seq=0)

        assert found(database) == [(6, named(flow), "1 events came about its objects since it began, and woke it 0 times")]


def followed(flow: Flow) -> sa.RowMapping:
    """A run during which its trigger came again, and which is over; its row."""
    ids = flow.trigger("invoice.completed")
    event_id = only(flow, RunRow)["trigger_id"]
    flow.order("replay", str(event_id))
    flow.signal(SendStopped(source=flow.source, at=flow.clock.now, **ids))
    first = flow.rows(sa.select(RUN).where(RUN.c.successor_trigger_id.isnot(None)))[0]
    assert (first["status"], len(flow.runs)) == ("done", 2)
    return first


def test_a_trigger_no_run_followed_is_named(database: Database) -> None:
    with Flow(awaiting, database=database) as flow:
        first = followed(flow)
        assert found(database) == []

        change(database, RunRow, RUN.c.id != first["id"], trigger_id=-1)
        change(database, RunRow, RUN.c.id == first["id"], trigger_id=-1)

        assert (6, f"run:{first['id']}") in [(number, subject) for number, subject, _ in found(database)]


def test_a_trigger_no_run_followed_because_the_workflow_was_off_is_fine(database: Database) -> None:
    with Flow(awaiting, database=database) as flow:
        change(database, RunRow, RUN.c.id == followed(flow)["id"], trigger_id=-1)
        change(database, RunRow, trigger_id=-1)
        flow.set_mode("t-prove-wait", "off")

        assert not [one for one in found(database) if one[0] == 6]


def test_a_freeze_is_no_finding(database: Database) -> None:
    with Flow(mail, database=database) as flow:
        flow.db.write(lambda c: control.put(c, "freeze", {"reason": "operator"}, at=flow.clock.now))
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert found(database) == []


def test_what_put_a_run_off_that_waits_for_quiet_need_not_have_woken_it(database: Database) -> None:
    with Flow(quiet, database=database) as flow:
        for _ in range(3):
            flow.trigger("invoice.completed")
            flow.advance(minutes=4)
        before = found(database)
        flow.advance(minutes=10)

        assert (only(flow, RunRow)["status"], before, found(database)) == ("waiting", [], [])


def test_a_run_that_slept_over_what_came_after_its_last_trigger_is_named(database: Database) -> None:
    with Flow(quiet, database=database) as flow:
        for _ in range(2):
            ids = flow.trigger("invoice.completed")
            flow.advance(minutes=4)
        flow.advance(minutes=10)
        flow.signal(SendStopped(source="shop", at=flow.clock.now, invoice_id=ids["invoice_id"]))
        assert found(database) == []

        change(database, RunRow, pending_seq=0, seen_seq=0)

        assert [number for number, _, _ in found(database)] == [6]


def test_a_run_whose_trigger_is_gone_is_named(database: Database) -> None:
    with paid(database) as flow:
        run = only(flow, RunRow)
        remove(database, EventRow)

        assert (3, named(flow), f"event:{run['trigger_id']} started it, but there is no such event") in found(database)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"status": "skipped"}, "it is skipped, but came to done"),
        ({"status": "skipped", "outcome": "skipped"}, "it is skipped, but nothing says why"),
        ({"reason": "channel_none"}, "it is done, but keeps a reason why it was not"),
        ({"outcome": None}, "it is done, but came to nothing"),
    ],
)
def test_another_ending_is_named(database: Database, values: dict[str, object], what: str) -> None:
    with paid(database) as flow:
        change(database, RunRow, **values)

        assert found(database) == [(4, named(flow), what)]


@workflow("t-skips-mutely", on=InvoiceCompleted)
def mute(run: Run, event: InvoiceCompleted) -> None:
    run.skip("")


def test_a_run_that_was_skipped_without_a_word_is_fine(database: Database) -> None:
    with Flow(mute, database=database) as flow:
        flow.trigger("invoice.completed")

        assert (only(flow, RunRow)["status"], found(database)) == ("skipped", [])
