"""Accounts: what may be done with them, that it is audited, and that it ends their sessions."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from tests.workers.console.conftest import PASSWORD, QUICK
from workers import control
from workers.console import accounts, sessions
from workers.errors import NotHere, StateConflict

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def anna(sqlite_database: Database) -> Database:
    sqlite_database.write(lambda c: accounts.add(c, "Anna", QUICK.hash(PASSWORD), "approver", at=AT, actor="cli:root"))
    sqlite_database.write(lambda c: sessions.begin(c, "anna", at=AT, hours=12))
    return sqlite_database


def audited(database: Database) -> list[tuple[str, str]]:
    table = table_of(control.Audit)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table.c.act, table.c.subject).order_by(table.c.id))]


def test_a_name_is_one_however_it_is_spelled(anna: Database) -> None:
    with pytest.raises(StateConflict, match="There is an account anna"):
        anna.write(lambda c: accounts.add(c, " ANNA ", "x", "viewer", at=AT, actor="test"))

    with anna.read() as connection:
        assert (accounts.found(connection, "aNNa") or {})["role"] == "approver"


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 65, "a:b", "<b>", "anna\n"[:-1] + "\0"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(StateConflict, match="no name for an account"):
        accounts.spelled(name)


def test_a_list_of_accounts_shows_no_hash(anna: Database) -> None:
    with anna.read() as connection:
        (row,) = accounts.listed(connection)

    assert row["name"] == "anna" and row["sessions"] == 1 and "password" not in row


CHANGES: dict[str, Callable[[Connection], object]] = {
    "account.role": lambda c: accounts.set_role(c, "anna", "viewer", at=AT, actor="test"),
    "account.password": lambda c: accounts.set_password(c, "anna", "$argon2id$other", at=AT, actor="test"),
    "account.disable": lambda c: accounts.disable(c, "anna", at=AT, actor="test"),
    "account.sessions_end": lambda c: accounts.end_sessions(c, "anna", at=AT, actor="test"),
}


@pytest.mark.parametrize("act", CHANGES)
def test_a_change_is_audited_and_ends_the_accounts_sessions(anna: Database, act: str) -> None:
    anna.write(CHANGES[act])

    assert audited(anna) == [("account.add", "anna"), (act, "anna")]
    with anna.read() as connection:
        assert sessions.counted(connection) == {}


def test_a_disabled_account_can_be_enabled_again(anna: Database) -> None:
    anna.write(CHANGES["account.disable"])
    anna.write(lambda c: accounts.enable(c, "anna", at=AT, actor="test"))

    with anna.read() as connection:
        assert (accounts.found(connection, "anna") or {})["disabled_at"] is None
    assert audited(anna)[-1] == ("account.enable", "anna")


def test_a_change_of_nobody_is_refused_and_not_audited(anna: Database) -> None:
    with pytest.raises(NotHere, match="there is no account carl"):
        anna.write(lambda c: accounts.disable(c, "carl", at=AT, actor="test"))

    assert audited(anna) == [("account.add", "anna")]


def test_no_hash_reaches_the_audit(anna: Database) -> None:
    anna.write(CHANGES["account.password"])

    with anna.read() as connection:
        kept = str(connection.execute(sa.select(table_of(control.Audit))).all())
    assert "argon2" not in kept
