"""`billhook tokens`."""

from datetime import UTC, datetime

from receiver.db import Database
from tests.workers.cli.conftest import Billhook
from workers.console import tokens


def test_a_token_is_shown_once(billhook: Billhook, store: Database) -> None:
    token = billhook("tokens", "add", "backoffice", "--role", "viewer", "--days", "7", "--json").json["token"]

    with store.read() as connection:
        assert tokens.holder(connection, token, at=datetime.now(UTC)) is not None
    listed = billhook("tokens", "list", "--json")
    assert token not in listed.out and listed.json[0]["name"] == "backoffice"
    assert billhook("tokens", "add", "other", "--role", "viewer").out.startswith("bhk_")


def test_a_revoked_token_is_gone(billhook: Billhook, store: Database) -> None:
    billhook("tokens", "add", "backoffice", "--role", "viewer")

    assert billhook("tokens", "revoke", "backoffice").code == 0
    assert billhook("tokens").out.startswith("no token yet")
    assert billhook("tokens", "revoke", "backoffice").code == 1


def test_a_token_lasts_a_year_at_most(billhook: Billhook, store: Database) -> None:
    assert billhook("tokens", "add", "backoffice", "--role", "viewer", "--days", "367").code == 2
