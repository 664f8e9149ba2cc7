"""A worker may be lost at any instant of a ladder: no level goes out twice, none is skipped, and every notice that went out is kept."""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from workers.authoring import BankChecked, InvoiceSent
from workers.testing.flow import Flow
from workflows.dunning.daily import daily
from workflows.dunning.tables import NoticeRow
from workflows.dunning.workflow import dunning

CRASHED = ("dunning", "dunning-daily")
BERLIN = ZoneInfo("Europe/Berlin")
POLICY = {
    "approve_first_notice": False, "sync_fresh_hours": 168, "min_days_between": 1,
    "levels": {"L0": {"deadline_days": 1}, "L1": {"grace_days": 0}},
}  # fmt: skip


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def one_level(flow: Flow) -> None:
    """An invoice is reminded of on Monday."""
    ids = flow.trigger("invoice.completed", total="1190.00", invoice_date="2026-03-02", due_date="2026-03-16 00:00:00")
    flow.signal(InvoiceSent(source="shop", at=flow.clock.now, sent_on=date(2026, 3, 2), **ids))
    flow.signal(BankChecked(source="shop", at=local("2026-03-23 08:50"), through=date(2026, 3, 23)))
    flow.advance(until=local("2026-03-23 09:01"))


def two_levels(flow: Flow) -> None:
    """The same, and it is demanded on Wednesday; not where nobody knows of the reminder, for then a person is asked first."""
    one_level(flow)
    flow.clock.move(local("2026-03-25 08:59"))
    flow.advance(until=local("2026-03-25 09:01"))


def wrong(flow: Flow) -> Iterator[str]:
    """What does not hold between what went out and what dunning remembers."""
    table = table_of(NoticeRow)
    levels = [row["name"] for row in flow.rows(sa.select(table).order_by(table.c.id))]
    mails = [mail["subject"].split(" zu ")[0] for mail in flow.sandbox.sent]
    if levels not in ([], ["L0"], ["L0", "L1"]):
        yield f"the levels are {levels}"
    if mails[: len(levels)] != ["Zahlungserinnerung", "1. Mahnung"][: len(levels)] or len(mails) > len(levels) + 1:
        yield f"{levels} are remembered and {mails} went out"


def opened(database: Database | None = None) -> Flow:
    return Flow(dunning, daily, policy=POLICY, start=local("2026-03-23 08:50"), database=database)


def test_the_ladder_without_a_crash_sends_both_levels() -> None:
    with opened() as flow:
        two_levels(flow)

        assert [mail["subject"].split(" zu ")[0] for mail in flow.sandbox.sent] == ["Zahlungserinnerung", "1. Mahnung"]
        assert {name for name, *_ in flow.runs} == set(CRASHED)


def test_a_crash_at_a_sample_of_points_sends_no_level_twice_and_keeps_each() -> None:
    with opened() as flow:
        explored = flow.crash_everywhere(two_levels, again=(), only=range(9, 200, 17), holds=wrong)

    assert len(explored.schedules) > 3


@pytest.mark.slow
def test_a_crash_at_every_point_sends_no_level_twice_and_keeps_each() -> None:
    with opened() as flow:
        flow.crash_everywhere(one_level, again=(), holds=wrong)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_on_postgresql_a_crash_at_any_third_point_sends_no_level_twice_and_keeps_each(postgres_database: Database) -> None:
    with opened(postgres_database) as flow:
        explored = flow.crash_everywhere(one_level, again=(), only=range(0, 1000, 3), holds=wrong)

    assert len(explored.schedules) > 20


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_on_postgresql_no_order_of_things_sends_a_level_twice_or_forgets_one(postgres_database: Database) -> None:
    with opened(postgres_database) as flow:
        explored = flow.interleave(one_level, seeds=range(20), holds=wrong)

    assert len(explored.schedules) >= 20
