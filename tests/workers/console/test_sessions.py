"""Sessions: what is kept of them, and when they end."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from receiver.db import Database, table_of
from workers.console import sessions
from workers.console.sessions import ConsoleSession

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
IDLE = timedelta(minutes=60)


def begin(database: Database, account: str = "anna", at: datetime = AT) -> str:
    return database.write(lambda c: sessions.begin(c, account, at=at, hours=12))


def lives(database: Database, token: str, at: datetime) -> bool:
    with database.read() as connection:
        return sessions.opened(connection, token, at=at, idle=IDLE) is not None


def test_the_table_holds_no_token(sqlite_database: Database) -> None:
    token = begin(sqlite_database)

    with sqlite_database.read() as connection:
        row = connection.execute(sa.select(table_of(ConsoleSession))).mappings().one()
    assert token not in [str(value) for value in row.values()]
    assert row["csrf"] != token and row["hash"] == sessions.hash_of(token)


def test_a_session_ends_an_idle_hour_after_its_last_use(database: Database) -> None:
    token = begin(database)

    database.write(lambda c: sessions.seen(c, token, at=AT + timedelta(minutes=30)))

    assert lives(database, token, AT + timedelta(minutes=89))
    assert not lives(database, token, AT + timedelta(minutes=90))


def test_a_session_ends_after_its_hours_however_much_it_is_used(sqlite_database: Database) -> None:
    token = begin(sqlite_database)

    sqlite_database.write(lambda c: sessions.seen(c, token, at=AT + timedelta(hours=12)))

    assert lives(sqlite_database, token, AT + timedelta(hours=11, minutes=59))
    assert not lives(sqlite_database, token, AT + timedelta(hours=12))


def test_a_use_is_noted_once_a_minute(sqlite_database: Database) -> None:
    token = begin(sqlite_database)

    with sqlite_database.read() as connection:
        soon = sessions.opened(connection, token, at=AT + timedelta(seconds=59), idle=IDLE)
        later = sessions.opened(connection, token, at=AT + timedelta(seconds=60), idle=IDLE)
    assert soon and not soon.stale and later and later.stale


def test_one_sessions_end_leaves_the_others_and_an_accounts_end_takes_all_of_it(database: Database) -> None:
    one, other, bens = begin(database), begin(database), begin(database, "ben")

    database.write(lambda c: sessions.end(c, one))
    assert [lives(database, token, AT) for token in (one, other, bens)] == [False, True, True]

    assert database.write(lambda c: sessions.end_of(c, "anna")) == 1
    assert [lives(database, token, AT) for token in (other, bens)] == [False, True]


def test_sessions_that_are_over_are_cleared_away(sqlite_database: Database) -> None:
    begin(sqlite_database)

    begin(sqlite_database, "ben", AT + timedelta(hours=12))

    with sqlite_database.read() as connection:
        assert sessions.counted(connection) == {"ben": 1}
        assert [row["account"] for row in sessions.listed(connection)] == ["ben"]
        assert "hash" not in sessions.listed(connection)[0]
