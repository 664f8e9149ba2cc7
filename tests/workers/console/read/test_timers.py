"""Timers: everything that comes by itself in the order of time, none twice and none left out between two pages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from receiver.db import Database
from tests.workers.lines import planned, started
from workers import duties, rereads
from workers.console.read import timers as read
from workers.console.read.timers import KINDS, Page, Timer, Wanted, page, parsed, without_a_day
from workers.errors import FilterInvalid

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def look(database: Database, *, limit: int = 100, **wanted: str) -> Page:
    after = parsed(wanted.pop("after", ""))
    with database.read() as connection:
        return page(connection, Wanted(**wanted, after=after), now=NOW, limit=limit)


def pages(database: Database, limit: int) -> Iterator[list[Timer]]:
    after: str | None = ""
    while after is not None:
        found = look(database, limit=limit, after=after)
        yield found.timers
        after = found.next


def sleeps(database: Database, key: str, at: datetime, **columns: object) -> str:
    return started(database, key, NOW, status="waiting", wake_at=at, **columns)


@pytest.fixture
def many(database: Database) -> Database:
    """Of each kind one or two, several at the same instant."""
    for key in ("a", "b", "c"):
        sleeps(database, key, NOW + HOUR)
    planned(database, NOW, wake_at=NOW + HOUR)
    planned(database, NOW, state="proposed", valid_until=NOW + 2 * HOUR)
    database.write(lambda c: rereads.ask(c, "shop", "invoice", "4711", reason="changed", at=NOW + HOUR))
    database.write(lambda c: duties.due(c, "tick:shop:auto-send-sweep:15m", now=NOW, every=HOUR))
    database.write(lambda c: duties.due(c, "pulse", now=NOW, every=HOUR))
    return database


def test_everything_comes_in_the_order_of_time_whatever_table_it_is_from(many: Database) -> None:
    found = look(many).timers

    assert [one.kind for one in found] == ["effect tried", "re-read", "run", "run", "run", "schedule", "effect lapses"]
    assert found[0].at == NOW + HOUR
    assert found[5].what == "auto-send-sweep begins"


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_any_size_show_each_once(many: Database, limit: int) -> None:
    found = [one.place for shown in pages(many, limit) for one in shown]

    assert found == [one.place for one in look(many).timers]


def test_it_is_narrowed_to_a_source_a_workflow_and_a_kind(many: Database) -> None:
    sleeps(many, "other", NOW + HOUR, workflow="credits", source="till")

    assert [one.workflow for one in look(many, source="till").timers] == ["credits"]
    assert [one.source for one in look(many, workflow="credits").timers] == ["till"]
    assert {one.kind for one in look(many, kind="re-read").timers} == {"re-read"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_alone_is_of_that_kind(many: Database, kind: str) -> None:
    assert {one.kind for one in look(many, kind=kind).timers} <= {kind}


def test_a_search_that_finds_little_says_how_far_it_looked_and_goes_on(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "SCAN", 2)
    for place in range(3):
        sleeps(sqlite_database, f"early {place}", NOW + (1 + place) * HOUR, workflow="credits")
    later = planned(sqlite_database, NOW, state="proposed", valid_until=NOW + 5 * HOUR)
    last = sleeps(sqlite_database, "wanted", NOW + 9 * HOUR)

    first = look(sqlite_database, workflow="dunning")
    second = look(sqlite_database, workflow="dunning", after=first.next or "")

    assert (first.timers, first.looked_to) == ([], NOW + 2 * HOUR)
    third = look(sqlite_database, workflow="dunning", after=second.next or "")
    assert [one.id for found in (second, third) for one in found.timers] == [later, last]


def test_a_run_that_waits_for_no_day_is_counted_and_not_listed(sqlite_database: Database) -> None:
    started(sqlite_database, "a", NOW, status="waiting")

    with sqlite_database.read() as connection:
        assert without_a_day(connection).number == 1
    assert look(sqlite_database).timers == []


def test_a_page_nobody_gave_is_refused() -> None:
    with pytest.raises(FilterInvalid, match="first page"):
        parsed("nonsense")
