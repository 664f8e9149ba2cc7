"""Silence: a source that is quieter than its own past is told once, and its next delivery ends that."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Arrival, Delivery, append
from tests.workers.routed import connect, noting
from workers import control, silence
from workers.desk import Alert
from workers.silence import Hour, judged
from workers.standstill import standing
from workers.testing.flow import START, Flow

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=BERLIN)  # a Friday


def hours(*days: int, of: Sequence[int] = range(8, 18), until: datetime = NOON, each: int = 3) -> list[Hour]:
    """What came in on these days before NOON: in each of these hours, up to five to the next one."""
    found = []
    for day in sorted(days, reverse=True):
        for hour in of:
            at = (NOON - timedelta(days=day)).replace(hour=hour)
            if at <= until:
                found.append(Hour(first_at=at.astimezone(UTC), last_at=(at + timedelta(minutes=55)).astimezone(UTC), count=each))
    return found


def working_days(weeks: int) -> list[int]:
    return [day for day in range(7 * weeks) if (NOON - timedelta(days=day)).weekday() < 5]


def test_an_hour_without_a_delivery_is_unusual_where_one_came_in_every_hour() -> None:
    found = judged("shop", hours(*working_days(4), until=NOON - timedelta(hours=2)), BERLIN)

    last = NOON - timedelta(hours=2) + timedelta(minutes=55)
    assert (found.last_at, found.alarm_at) == (last, last + timedelta(hours=1))
    assert not found.is_silent(last + timedelta(minutes=59)) and found.is_silent(last + timedelta(hours=1))


def test_a_night_and_a_weekend_are_measured_by_nights_and_weekends() -> None:
    days = working_days(4)
    evening = judged("shop", hours(*(day for day in days if day >= 1)), BERLIN)  # Thursday's last one: at 17:55
    friday = judged("shop", hours(*days, until=NOON + timedelta(hours=8)), BERLIN)

    assert evening.last_at is not None and evening.alarm_at == evening.last_at + 2 * timedelta(hours=14, minutes=5)
    assert friday.last_at is not None and friday.alarm_at == friday.last_at + 2 * timedelta(days=2, hours=14, minutes=5)
    assert friday.because == "after a delivery at 17 o'clock on a Friday the next one came within 2 d 14 h in the past four weeks"


def test_an_hour_that_is_little_known_is_measured_by_the_same_hour_of_other_working_days() -> None:
    found = judged("shop", hours(*range(1, 12)), BERLIN)

    assert "on a working day" in found.because


def test_an_hour_nobody_knows_is_measured_by_the_longest_silence_of_all() -> None:
    found = judged("shop", [*hours(*range(1, 20)), *hours(0, of=[3])], BERLIN)

    assert "at any time" in found.because
    assert found.last_at is not None and found.alarm_at == found.last_at + 2 * timedelta(hours=14, minutes=5)


@pytest.mark.parametrize(
    ("came", "because"),
    [
        ([], "none is counted yet"),
        (hours(*range(20), of=[9], each=1), "so far 20"),
        (hours(*range(5)), "a week"),
    ],
)
def test_a_source_that_is_hardly_known_alarms_nobody(came: list[Hour], because: str) -> None:
    found = judged("shop", came, BERLIN)

    assert found.alarm_at is None and because in found.because


@pytest.mark.parametrize(("chosen", "after"), [(timedelta(hours=6), timedelta(hours=6)), (timedelta(0), None)])
def test_a_setting_beats_the_past(chosen: timedelta, after: timedelta | None) -> None:
    found = judged("shop", hours(0, of=[9]), BERLIN, chosen)

    assert found.last_at is not None
    assert found.alarm_at == (None if after is None else found.last_at + after)


def alerts(flow: Flow) -> list[tuple[str, dict[str, str], bool]]:
    table = table_of(Alert)
    rows = flow.rows(sa.select(table).where(table.c.reason == silence.REASON).order_by(table.c.id))
    return [(row["source"], row["detail"], row["closed_at"] is None) for row in rows]


def busy(flow: Flow) -> None:
    """Ten days of deliveries, one each half hour, the last one now."""
    ends = flow.clock.now

    def act(connection: sa.Connection) -> None:
        for number in range(480):
            at = ends - timedelta(minutes=30) * (479 - number)
            append(connection, Arrival(source="shop", origin="push", native_type="x", native_id=str(number), body=b"{}", received_at=at))
        connection.execute(sa.update(table_of(Delivery)).values(routed_at=ends, outcome="nothing"))

    flow.db.write(act)
    connect(flow)


def test_a_source_that_goes_quiet_is_told_once_and_its_next_delivery_ends_that() -> None:
    with Flow(noting, silence="auto") as flow:
        busy(flow)
        flow.advance(minutes=45)
        assert alerts(flow) == []
        flow.advance(hours=3)
        (told,) = alerts(flow)
        assert told[0] == "shop" and told[2] and told[1]["last"] == "2026-11-20 09:00 UTC"
        with flow.db.read() as connection:
            assert any("unusually quiet" in found.text for found in standing(connection, now=flow.clock.now))

        flow.trigger("customer.created")
        flow.sweeper.sweep()
        assert [is_open for *_, is_open in alerts(flow)] == [False]


def test_an_alert_that_a_person_closed_is_not_raised_again_for_the_same_silence() -> None:
    with Flow(noting, silence="auto") as flow:
        busy(flow)
        flow.advance(hours=2)
        flow.db.write(lambda c: c.execute(sa.update(table_of(Alert)).values(closed_at=flow.clock.now)))
        flow.advance(hours=9)

        assert [is_open for *_, is_open in alerts(flow)] == [False]


def test_reads_of_our_own_are_no_sign_of_life() -> None:
    with Flow(noting, silence="auto") as flow:
        busy(flow)
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        flow.advance(hours=2)

        assert [is_open for *_, is_open in alerts(flow)] == [True]


def test_what_came_in_is_counted_once_by_source_and_hour_and_forgotten_after_four_weeks(database: Database) -> None:
    def deliver(id: str, at: datetime, origin: str = "push") -> None:
        arrival = Arrival(source="shop", origin=origin, native_type="x", native_id=id, body=b"{}", received_at=at)
        database.write(lambda c: append(c, arrival))

    def heard() -> list[tuple[datetime, datetime, datetime, int]]:
        with database.read() as connection:
            return [tuple(row)[1:] for row in connection.execute(sa.select(table_of(silence.Heard)).order_by("hour_at"))]

    for minute in (50, 10, 30):
        deliver(f"a{minute}", START.replace(minute=minute))
    deliver("poll", START.replace(minute=59), "poll")
    deliver("old", START - timedelta(days=30))
    for _ in range(2):
        database.write(lambda c: silence.take_in(c, now=START + timedelta(hours=1)))
    deliver("b", START.replace(minute=55))
    database.write(lambda c: silence.take_in(c, now=START + timedelta(hours=1)))

    assert heard() == [(START, START.replace(minute=10), START.replace(minute=55), 4)]
    deliver("c", START + timedelta(days=29))
    database.write(lambda c: silence.take_in(c, now=START + timedelta(days=29)))
    assert [row[0] for row in heard()] == [START + timedelta(days=29)]


def test_the_instant_of_the_alarm_is_kept_by_source_and_not_taken_for_another_ones() -> None:
    with Flow(noting, silence="auto") as flow:
        busy(flow)
        flow.advance(hours=2)

        with flow.db.read() as connection:
            assert list(control.named(connection, "silent:")) == ["silent:shop"] and silence.alarmed(connection)


def test_a_simulated_source_is_never_silent_unless_that_is_asked_for() -> None:
    with Flow(noting) as flow:
        busy(flow)
        flow.advance(hours=9)

        assert alerts(flow) == []
