"""`billhook accounts`."""

import io

import pytest
import typer

from receiver.db import Database
from tests.workers.cli.conftest import Billhook
from tests.workers.console.conftest import AT, QUICK
from workers.cli import accounts as cli
from workers.cli.main import app
from workers.console import accounts, sessions

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cheap hashes, and a password on standard input."""
    monkeypatch.setattr(cli, "Passwords", lambda: QUICK)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))


def test_an_account_is_made_with_the_password_of_standard_input(billhook: Billhook, store: Database) -> None:
    made = billhook("accounts", "add", "Anna", "--role", "approver")
    listed = billhook("accounts", "--json").json

    assert made.code == 0 and PASSWORD not in made.out + made.err
    assert [(row["name"], row["role"], row["sessions"]) for row in listed] == [("anna", "approver", 0)]
    with store.read() as connection:
        found = accounts.found(connection, "anna")
    assert found and QUICK.fits(found["password"], PASSWORD)


def test_a_password_that_is_too_short_makes_no_account(billhook: Billhook, store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))

    assert billhook("accounts", "add", "anna", "--role", "viewer").code == 2
    assert billhook("accounts", "list").out.startswith("no account yet")


def test_a_password_typed_in_two_ways_changes_nothing(billhook: Billhook, store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    typed = iter([PASSWORD, "another horse battery"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))

    assert billhook("accounts", "add", "anna", "--role", "viewer").code == 2


@pytest.mark.parametrize("words", [("password", "anna"), ("role", "anna", "viewer"), ("disable", "anna"), ("sessions", "end", "anna")])
def test_a_change_ends_the_sessions_of_the_account(billhook: Billhook, store: Database, words: tuple[str, ...]) -> None:
    store.write(lambda c: accounts.add(c, "anna", "x", "approver", at=AT, actor="test"))
    store.write(lambda c: sessions.begin(c, "anna", at=AT, hours=12))
    assert [row["account"] for row in billhook("accounts", "sessions", "list", "--json").json] == ["anna"]

    ended = billhook("accounts", *words)

    assert ended.code == 0
    assert billhook("accounts", "sessions", "list").out == "nobody is logged in\n"


def test_a_disabled_account_is_enabled_again(billhook: Billhook, store: Database) -> None:
    store.write(lambda c: accounts.add(c, "anna", "x", "approver", at=AT, actor="test"))

    billhook("accounts", "disable", "anna")
    assert billhook("accounts", "--json").json[0]["disabled_at"] is not None
    billhook("accounts", "enable", "anna")

    assert billhook("accounts", "--json").json[0]["disabled_at"] is None


def test_nobody_is_not_changed(billhook: Billhook, store: Database) -> None:
    ended = billhook("accounts", "disable", "carl")

    assert ended.code == 1 and "there is no account carl" in ended.err


def test_no_command_takes_a_password_as_an_argument() -> None:
    group = typer.main.get_command(app).commands["accounts"]  # type: ignore[attr-defined]

    assert "password" not in {parameter.name for command in group.commands.values() for parameter in command.params}
