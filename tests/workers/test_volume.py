"""The spike stop's arithmetic and its memory."""

from datetime import UTC, date, datetime, timedelta

import pytest

from receiver.db import Database
from workers import budgets, control, volume
from workers.volume import Spike

SCOPE, TODAY = "shop/auto-send/send", date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def use(database: Database, days_ago: int, times: int) -> None:
    """`times` were intended on a day."""
    for _ in range(times):
        database.write(lambda c: budgets.reserve(c, SCOPE, TODAY - timedelta(days=days_ago), 1000))


def found(database: Database, floor: int = 1) -> Spike | None:
    with database.read() as connection:
        return volume.spike(connection, SCOPE, TODAY, floor=floor)


@pytest.mark.parametrize(("today", "spiking"), [(6, False), (7, True)])
def test_more_than_three_times_the_average_of_fourteen_days_is_a_spike(sqlite_database: Database, today: int, spiking: bool) -> None:
    for days_ago in range(1, 15):
        use(sqlite_database, days_ago, 2)

    use(sqlite_database, 0, today)

    assert (found(sqlite_database) is not None) == spiking


def test_days_without_any_count_as_zero(sqlite_database: Database) -> None:
    use(sqlite_database, 14, 14)

    use(sqlite_database, 0, 4)

    assert found(sqlite_database) == Spike(today=4, before=14)


def test_thirteen_days_of_history_are_not_enough(sqlite_database: Database) -> None:
    use(sqlite_database, 13, 1)

    use(sqlite_database, 0, 500)

    assert found(sqlite_database) is None


def test_a_day_below_the_floor_is_no_spike(sqlite_database: Database) -> None:
    use(sqlite_database, 20, 1)

    use(sqlite_database, 0, 20)

    assert found(sqlite_database, floor=20) is None
    assert found(sqlite_database, floor=19) is not None


def test_a_stop_pauses_the_workflow_on_its_source_once_a_day(sqlite_database: Database) -> None:
    def stop(day: date) -> None:
        sqlite_database.write(lambda c: volume.stop(c, "shop", "auto-send", SCOPE, Spike(9, 0), today=day, at=NOW))

    def paused() -> bool:
        with sqlite_database.read() as connection:
            return control.paused(connection, "shop", "auto-send")

    stop(TODAY)
    first = paused()
    sqlite_database.write(lambda c: control.put(c, "pause:shop:auto-send", None, at=NOW))
    stop(TODAY)
    again = paused()
    stop(TODAY + timedelta(days=1))

    assert (first, again, paused()) == (True, False, True)
