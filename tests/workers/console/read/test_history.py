"""The charts' figures: means and worst values of each step of time, with gaps where nothing was kept."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from receiver.db import Database, insert_new
from workers.console.read.history import SPANS, History, history
from workers.pulse import Pulse

NOW = datetime(2026, 11, 20, 9, 0, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def keep(database: Database, minutes_ago: int, **values: int) -> None:
    row = {"arrived": 0, "routed": 0, "answered": 0, "waiting_s": 0, "backlog": 0} | values
    at = NOW.replace(second=0) - timedelta(minutes=minutes_ago)
    database.write(lambda c: insert_new(c, Pulse, {"at": at, **row}))


def look(database: Database, span: str) -> History:
    with database.read() as connection:
        return history(connection, SPANS[span], now=NOW, zone=BERLIN)


def test_the_last_hour_has_a_point_a_minute_named_in_the_readers_zone(database: Database) -> None:
    keep(database, 0, arrived=7)
    keep(database, 59, arrived=3)
    keep(database, 60, arrived=99)

    chart = look(database, "hour").charts[0]

    assert (len(chart.labels), chart.labels[0], chart.labels[-1]) == (60, "09:01", "10:00")
    values = chart.series[0].values
    assert (values[0], values[1], values[-1]) == (3.0, None, 7.0)


def test_the_last_day_takes_quarters_of_an_hour_the_mean_of_rates_and_the_worst_of_waits(sqlite_database: Database) -> None:
    keep(sqlite_database, 2, arrived=2, waiting_s=5, routing_ms=100, routing_p95_ms=400)
    keep(sqlite_database, 1, arrived=4, waiting_s=50, routing_ms=300, routing_p95_ms=900)

    throughput, routing, calls, age = look(sqlite_database, "day").charts

    assert len(throughput.labels) == 96
    assert throughput.series[0].values[-2] == 3.0
    assert [one.values[-2] for one in routing.series] == [0.2, 0.9]
    assert age.series[0].values[-2] == 50.0
    assert calls.is_empty
