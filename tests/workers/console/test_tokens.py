"""API tokens: shown once, kept as a hash, ended by time and by hand."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.log import masked
from workers import control
from workers.console import tokens
from workers.console.roles import Person
from workers.console.tokens import ConsoleToken
from workers.errors import NotHere, StateConflict

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def add(database: Database, name: str = "backoffice", days: int = 90) -> str:
    return database.write(lambda c: tokens.add(c, name, "operator", days=days, at=AT, actor="cli:anna"))


def holder(database: Database, token: str, at: datetime = AT) -> Person | None:
    with database.read() as connection:
        found = tokens.holder(connection, token, at=at)
    return found[0] if found else None


def test_a_token_stands_for_its_name_and_role_until_it_ends(database: Database) -> None:
    token = add(database)

    assert holder(database, token, AT + timedelta(days=89)) == Person("token:backoffice", "operator")
    assert holder(database, token, AT + timedelta(days=90)) is None
    assert holder(database, token[:-1]) is None


def test_neither_the_table_nor_the_audit_nor_a_log_holds_a_token(sqlite_database: Database) -> None:
    token = add(sqlite_database)

    with sqlite_database.read() as connection:
        kept = [str(connection.execute(sa.select(table_of(model))).all()) for model in (ConsoleToken, control.Audit)]
        assert "hash" not in tokens.listed(connection)[0]
    assert all(token not in text for text in kept)
    assert token not in masked(f"refused {token} from there") and "<secret>" in masked(token)


def test_a_revoked_token_ends_at_once_and_its_name_is_free(sqlite_database: Database) -> None:
    token = add(sqlite_database)

    sqlite_database.write(lambda c: tokens.revoke(c, "backoffice", at=AT, actor="test"))

    assert holder(sqlite_database, token) is None
    assert holder(sqlite_database, add(sqlite_database)) is not None
    with pytest.raises(NotHere, match="there is no token other"):
        sqlite_database.write(lambda c: tokens.revoke(c, "other", at=AT, actor="test"))


def test_a_name_is_given_once(sqlite_database: Database) -> None:
    add(sqlite_database)

    with pytest.raises(StateConflict, match="There is a token backoffice"):
        add(sqlite_database)
    with pytest.raises(StateConflict, match="no name for a token"):
        add(sqlite_database, "a:b")


def test_a_use_is_noted_once_a_minute(sqlite_database: Database) -> None:
    token = add(sqlite_database)

    def stale(at: datetime) -> bool:
        with sqlite_database.read() as connection:
            found = tokens.holder(connection, token, at=at)
        assert found
        return found[1]

    assert stale(AT)
    sqlite_database.write(lambda c: tokens.used(c, token, at=AT))
    assert not stale(AT + timedelta(seconds=59)) and stale(AT + timedelta(seconds=60))
