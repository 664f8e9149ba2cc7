"""`billhook tail`: what comes is shown once and in order, also what was committed late; of the wanted kinds and source."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.cli.conftest import Billhook, Made
from tests.workers.lines import called, delivered, planned, started
from workers.cli import tail
from workers.cli.tail import SETTLED_S, Follower, line

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def first(database: Database, follower: Follower, last: int = 10) -> list[int]:
    with database.read() as connection:
        return [row["id"] for row in follower.first(connection, last)]


def new(database: Database, follower: Follower) -> list[int]:
    with database.read() as connection:
        return [row["id"] for row in follower.new(connection)]


def test_what_is_there_is_shown_first_and_what_comes_once(database: Database) -> None:
    there = [delivered(database, name, NOW) for name in "abc"]
    follower = Follower(kind="deliveries")

    assert first(database, follower, last=2) == there[1:]
    assert new(database, follower) == []

    later = delivered(database, "d", NOW)

    assert [new(database, follower) for _ in range(2)] == [[later], []]


def test_what_was_committed_late_is_shown_although_its_number_is_lower(sqlite_database: Database) -> None:
    clock = Seconds()
    follower = Follower(kind="deliveries", clock=clock)
    first(sqlite_database, follower)
    low = delivered(sqlite_database, "slow", NOW)
    body = sqlite_database.write(lambda c: c.execute(sa.select(table_of(Delivery))).mappings().one())
    sqlite_database.write(lambda c: c.execute(sa.delete(table_of(Delivery))))
    high = sqlite_database.write(lambda c: c.execute(sa.insert(table_of(Delivery)).values({**body, "id": low + 1, "native_id": "fast"})))
    assert high.rowcount == 1
    shown = new(sqlite_database, follower)

    sqlite_database.write(lambda c: c.execute(sa.insert(table_of(Delivery)).values(dict(body))))

    assert (shown, new(sqlite_database, follower)) == ([low + 1], [low])

    clock.now += SETTLED_S

    assert new(sqlite_database, follower) == []
    assert follower._seen == {}


def test_a_rush_is_shown_in_pieces_and_nothing_of_it_is_lost(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "AT_ONCE", 2)
    follower = Follower(kind="deliveries")
    first(sqlite_database, follower)
    came = [delivered(sqlite_database, name, NOW) for name in "abcde"]

    assert [id for _ in range(4) for id in new(sqlite_database, follower)] == came


def test_every_move_of_an_effect_is_a_line(sqlite_database: Database) -> None:
    effect = planned(sqlite_database, NOW)
    called(sqlite_database, effect, NOW, NOW + timedelta(seconds=1))
    follower = Follower(kind="effects")

    with sqlite_database.read() as connection:
        rows = follower.first(connection, 10)

    assert [row["after"] for row in rows] == ["intended", "calling", "done"]
    assert line("effects", rows[-1]).endswith(f"{effect}  invoice.sendbyemail {effect} done")


def test_only_the_wanted_kinds_of_the_wanted_source(billhook: Billhook, store: Database, made: Made) -> None:
    started(store, "x", NOW, source="till")

    told = billhook("tail", "--once", "--kind", "runs", "--kind", "effects", "--source", "shop", "--json")

    rows = [json.loads(one) for one in told.out.splitlines()]
    assert [(row["kind"], row["source"]) for row in rows] == [("runs", "shop"), ("effects", "shop")]
    assert billhook("tail", "--once", "--last", "0").out == ""


def test_a_kind_there_is_not_is_wrong_usage(billhook: Billhook, store: Database) -> None:
    told = billhook("tail", "--once", "--kind", "letters")

    assert told.code == 2
    assert "deliveries, events, runs, effects" in told.err
