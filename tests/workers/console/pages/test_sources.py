"""Sources: what came last and what was refused, with the addresses, and no secret."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database
from receiver.inbox import RefusedRequest
from tests.workers.cli.conftest import SECRETS
from tests.workers.console.conftest import Browser, Made
from workers import silence
from workers.console.read import sources


def test_a_source_tells_what_came_last_and_where_to_send(browser: Browser, made: Made) -> None:
    text = browser.text("/sources")

    assert "1 push" in text
    assert "/webhooks/shop/&lt;secret&gt;" in text
    assert not any(secret in browser.get("/sources").text for secret in SECRETS.values())


def test_a_source_from_which_nothing_came_says_so(browser: Browser) -> None:
    assert "none in four weeks" in browser.text("/sources")


def test_the_last_notification_is_told_however_many_deliveries_came_since(
    browser: Browser, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    arrival = inbox.Arrival(source="shop", origin="push", native_type="x", native_id="1", body=b"{}", received_at=now)
    store.write(lambda c: inbox.append(c, arrival))
    store.write(lambda c: silence.take_in(c, now=now))
    monkeypatch.setattr(sources, "_CAME", sources._CAME.where(sa.false()))

    with store.read() as connection:
        assert sources.last_pushes(connection) == {"shop": now}


def test_refusals_are_counted_by_cause_and_strangers_apart(browser: Browser, store: Database) -> None:
    at = datetime.now(UTC)
    refused = [RefusedRequest(source=name, at=at, status=401, cause="credentials") for name in ("shop", "shop", "shpo")]
    store.write(lambda c: inbox.keep_refusals(c, refused))

    page = browser.get("/sources").text

    assert 'href="/refusals?source=shop&amp;cause=credentials">2 credentials</a>' in page
    assert 'shpo: <a href="/refusals?source=shpo&amp;cause=credentials">1 credentials</a>' in page
