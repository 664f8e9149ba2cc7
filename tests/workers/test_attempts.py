"""Attempts: a provider that cannot be read is asked later, ever more rarely, and people are told of it and of its end."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from structlog.testing import capture_logs

from receiver.db import table_of
from receiver.errors import Retryable
from receiver.log import ALLOWED
from tests.workers.letters import mail
from tests.workers.routed import noting
from workers.attempts import attempt
from workers.desk import Alert
from workers.errors import RateHeld
from workers.testing.flow import Flow


def unreadable(flow: Flow) -> list[int]:
    table = table_of(Alert)
    rows = flow.rows(sa.select(table).where(table.c.closed_at.is_(None), table.c.reason == "provider_unreadable"))
    return [row["count"] for row in rows]


class Asked:
    """What is asked, and what becomes of it: the error of each try, None where it goes well."""

    def __init__(self, flow: Flow) -> None:
        self.flow, self.until = flow, list[datetime]()

    def put_off(self, _connection: Connection, until: datetime) -> None:
        self.until.append(until)

    def tried(self, what: str, error: Exception | None = None) -> str | None:
        def act() -> str:
            if error is not None:
                raise error
            return "read"

        return attempt(self.flow.runtime, "shop", what, act, self.put_off)


def test_a_read_that_fails_is_put_off_longer_each_time_and_not_at_all_where_it_goes_well() -> None:
    with Flow(noting) as flow:
        asked = Asked(flow)
        for _ in range(6):
            assert asked.tried("customers", Retryable(kind="timeout")) is None

        assert asked.tried("customers") == "read"
        pauses = [until - flow.clock.now for until in asked.until]
        assert len(pauses) == 6 and pauses[5] > 4 * pauses[0]


def test_an_answer_nobody_thought_of_is_put_off_and_told_like_any_that_cannot_be_read() -> None:
    with Flow(noting) as flow:
        asked = Asked(flow)
        for _ in range(5):
            assert asked.tried("customers", KeyError("created")) is None

        assert len(asked.until) == 5 and unreadable(flow) == [1]


def test_what_is_the_databases_trouble_is_no_answers() -> None:
    with Flow(noting) as flow, pytest.raises(sa.exc.OperationalError):
        Asked(flow).tried("customers", sa.exc.OperationalError("select", {}, Exception("database is locked")))


def test_a_read_whose_turn_it_is_not_comes_again_then_and_counts_as_no_failure() -> None:
    with Flow(noting) as flow:
        asked = Asked(flow)
        for _ in range(9):
            asked.tried("customers", RateHeld(timedelta(seconds=7)))

        assert {until - flow.clock.now for until in asked.until} == {timedelta(seconds=7)}
        assert unreadable(flow) == []


def test_people_are_told_until_nothing_of_the_source_fails_any_more() -> None:
    with Flow(noting) as flow:
        asked = Asked(flow)
        for _ in range(5):
            asked.tried("customers", Retryable(kind="timeout"))
            asked.tried("new-invoices", Retryable(kind="timeout"))
        asked.tried("new-invoices")
        assert unreadable(flow) != []

        asked.tried("customers")
        assert unreadable(flow) == []


def test_people_are_told_of_a_provider_that_stays_away_and_that_it_is_back() -> None:
    with Flow(mail) as flow:
        flow.sweeper.sweep()
        flow.sandbox.faults.add("unavailable", "invoice.get", times=6)
        flow.advance(minutes=15, seconds=25)
        assert unreadable(flow) == [2]

        flow.advance(minutes=5)
        assert unreadable(flow) == []


@pytest.mark.parametrize(("context", "says"), [({"kind": "timeout"}, "timeout"), ({"kind": "status", "status": 503}, "status 503")])
def test_the_log_of_a_postponed_read_names_its_kind_under_names_that_are_shown(context: dict[str, object], says: str) -> None:
    def away() -> None:
        raise Retryable(**context)

    with Flow(noting) as flow, capture_logs() as logged:
        attempt(flow.runtime, "shop", "customers", away, Asked(flow).put_off)

    (line,) = [one for one in logged if one["event"] == "read postponed"]
    assert (line["duty"], line["reason"]) == ("customers", f"read_failed: {says}")
    assert line.keys() - {"log_level"} <= ALLOWED
