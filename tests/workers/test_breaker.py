"""The circuit breaker: an ill provider is asked by one call at a time, and an hour of lost answers is not an hour of unknown effects."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.errors import Retryable
from tests.workers.letters import effect_row, mail, times
from tests.workers.test_calls import at_point
from tests.workers.test_effects import mail_again
from workers import breaker, control
from workers.desk import Alert, Parked
from workers.ledger import EffectRow
from workers.runs import RunRow
from workers.testing.flow import START, Flow

SEND = "invoice.sendbyemail"


def fail(database: Database, count: int, *, seconds: float = 0.0, source: str = "shop") -> None:
    at = START + timedelta(seconds=seconds)
    for _ in range(count):
        database.write(lambda c: breaker.failed(c, source, "status", at=at))


def open_breaker(connection: sa.Connection, failures: int, *, at: datetime) -> None:
    """As many failures in a row, the last one at `at`."""
    for left in reversed(range(failures)):
        breaker.failed(connection, "shop", "status", at=at - left * breaker.LONGEST)


def held(database: Database, *, seconds: float, source: str = "shop") -> float | None:
    with database.read() as connection:
        until = breaker.held_until(connection, source, now=START + timedelta(seconds=seconds))
    return None if until is None else (until - START).total_seconds()


def open_alerts(flow: Flow) -> list[str]:
    return [row["reason"] for row in flow.rows(sa.select(table_of(Alert)).where(table_of(Alert).c.closed_at.is_(None)))]


def test_the_third_failure_in_a_row_opens_it_and_an_answer_closes_it(database: Database) -> None:
    fail(database, 2)
    assert held(database, seconds=1) is None

    fail(database, 1)
    assert held(database, seconds=1) == 30
    assert held(database, seconds=30) is None
    assert held(database, seconds=1, source="other") is None

    database.write(lambda c: breaker.answered(c, "shop", at=START))
    fail(database, 2)
    assert held(database, seconds=1) is None


def test_half_open_it_lets_one_call_through_and_waits_longer_each_time(database: Database) -> None:
    fail(database, 3)
    first, second = (database.write(lambda c: breaker.admit(c, "shop", now=START + timedelta(seconds=31))) for _ in range(2))
    assert first is None
    assert second == START + timedelta(seconds=61)

    fail(database, 1, seconds=62)
    assert held(database, seconds=63) == 122


def test_it_never_waits_longer_than_a_quarter_of_an_hour(database: Database) -> None:
    for place in range(40):
        fail(database, 1, seconds=900 * place)

    assert held(database, seconds=900 * 39 + 1) == 900 * 40


def test_calls_that_were_under_way_when_it_opened_do_not_prolong_it(database: Database) -> None:
    fail(database, 8)
    assert held(database, seconds=1) == 30

    fail(database, 4, seconds=31)  # reads of runs that all woke when it was half open
    assert held(database, seconds=32) == 91


@pytest.mark.parametrize(
    ("kind", "opens"),
    [("rate", False), ("wrong_object", False), ("unreadable", False), ("slow", False), ("credentials", True), ("dns", True)],
)
def test_what_says_nothing_against_the_provider_does_not_count(database: Database, kind: str, opens: bool) -> None:
    for _ in range(5):
        database.write(lambda c: breaker.unread(c, "shop", Retryable(kind=kind), "read_failed", at=START))

    assert (held(database, seconds=1) is not None) is opens


def test_an_hour_of_lost_answers_leaves_a_few_questions_not_one_for_every_invoice() -> None:
    with Flow(mail) as flow:
        flow.sandbox.faults.add("error-after", SEND, times=1000)
        for _ in range(25):
            flow.trigger("invoice.completed")
        flow.advance(minutes=65)

        parked = flow.rows(sa.select(table_of(Parked)).where(table_of(Parked).c.kind == "unknown"))
        assert 3 <= len(parked) <= 11
        assert "breaker_open" in open_alerts(flow)

        flow.sandbox.faults.clear()
        flow.advance(hours=1)
        states = [row["state"] for row in flow.rows(sa.select(table_of(EffectRow).c.state))]
        assert states.count("done") == 25 - len(parked)
        assert states.count("unknown") == len(parked)
        assert "breaker_open" not in open_alerts(flow)
        assert times(flow, SEND) == 25


def half_open(database: Database, *, unread: bool) -> None:
    """Opened by three failures at the start, the last of a read or of a call."""
    fail(database, 2)
    if unread:
        database.write(lambda c: breaker.unread(c, "shop", Retryable(kind="status"), "read_failed", at=START))
    else:
        fail(database, 1)


@pytest.mark.parametrize(("unread", "seconds", "closes"), [(True, 31, True), (True, 29, False), (False, 31, False)])
def test_a_read_closes_it_once_it_is_half_open_and_only_where_a_read_failed_last(
    database: Database, unread: bool, seconds: int, closes: bool
) -> None:
    half_open(database, unread=unread)

    assert database.write(lambda c: breaker.read(c, "shop", at=START + timedelta(seconds=seconds))) is closes
    with database.read() as connection:
        assert breaker.is_open(connection, "shop") is not closes


def test_a_read_closes_nothing_while_a_call_tries(database: Database) -> None:
    half_open(database, unread=True)
    database.write(lambda c: breaker.admit(c, "shop", now=START + timedelta(seconds=31)))

    assert not database.write(lambda c: breaker.read(c, "shop", at=START + timedelta(seconds=32)))


def test_the_first_failure_after_a_read_closed_it_opens_it_again(database: Database) -> None:
    half_open(database, unread=True)
    database.write(lambda c: breaker.read(c, "shop", at=START + timedelta(seconds=31)))

    fail(database, 1, seconds=40)

    assert held(database, seconds=41) == 70


def gone(flow: Flow) -> None:
    flow.sandbox.account.invoices.clear()


def refused(flow: Flow) -> None:
    for invoice in flow.sandbox.account.invoices.values():
        invoice["TYPE"] = "draft"


def proposed(flow: Flow) -> None:
    flow.set_mode("t-mail", "propose")


@pytest.mark.parametrize(("end", "state"), [(gone, "cancelled"), (refused, "cancelled"), (proposed, "proposed")])
def test_after_an_outage_reads_that_go_well_close_it_where_nothing_is_to_be_called(end: Callable[[Flow], None], state: str) -> None:
    with Flow(mail) as flow:
        for _ in range(3):
            flow.trigger("invoice.completed")
        at_point(flow, "intended", lambda: flow.sandbox.faults.add("unavailable", "invoice.get", times=1000))
        flow.advance(minutes=6)
        assert "breaker_open" in open_alerts(flow)
        end(flow)
        flow.sandbox.faults.clear()

        flow.advance(minutes=30)

        assert {row[2] for row in flow.effects} == {state}
        assert "breaker_open" not in open_alerts(flow)


def test_while_it_is_open_nothing_is_read_for_an_effect_either() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        opened = flow.clock.now + timedelta(minutes=5)
        flow.db.write(lambda c: [breaker.failed(c, "shop", "status", at=opened) for _ in range(3)])
        at_point(flow, "intended", lambda: flow.sandbox.faults.add("unavailable", "invoice.get", times=1000))
        flow.advance(minutes=5, seconds=20)

        assert (effect_row(flow)["state"], effect_row(flow)["attempts"]) == ("intended", 0)
        assert [row["reason"] for row in flow.rows(sa.select(table_of(RunRow).c.reason))] == ["breaker_open"]


def opened_for_minutes(flow: Flow, failures: int = 8) -> None:
    """Open the breaker, next try in a quarter of an hour, just before the runs of the first trigger act."""
    flow.advance(minutes=4, seconds=50)
    flow.db.write(lambda c: open_breaker(c, failures, at=flow.clock.now))


def test_the_answer_that_closes_it_wakes_every_run_that_waits_for_it() -> None:
    with Flow(mail) as flow:
        for _ in range(5):
            flow.trigger("invoice.completed")
        opened_for_minutes(flow)
        flow.advance(seconds=20)
        assert [row[3] for row in flow.runs] == ["breaker_open"] * 5
        value = {"failures": 8, "since": START.isoformat(), "until": flow.clock.now.isoformat()}
        flow.db.write(lambda c: control.put(c, "breaker:shop", value, at=flow.clock.now))

        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        assert [row[2] for row in flow.effects] == ["done"] * 6


def test_a_run_that_goes_to_sleep_while_it_closes_is_due_at_once() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        opened_for_minutes(flow)
        at_point(flow, "suspending", lambda: flow.db.write(lambda c: breaker.answered(c, "shop", at=flow.clock.now)))
        flow.advance(seconds=30)

        assert [row[2] for row in flow.effects] == ["done"]


def test_a_worker_that_is_lost_says_nothing_against_the_provider() -> None:
    with Flow(mail_again) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        with flow.db.read() as connection:
            assert breaker.held_until(connection, "shop", now=flow.clock.now) is None
