"""Sources: what came last and what was refused, with the addresses, and no secret."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.inbox import RefusedRequest
from tests.workers.cli.conftest import SECRETS
from tests.workers.cli.test_gaps import found as found
from tests.workers.console.conftest import Browser, Made, words
from workers import desk, silence
from workers.console.read import gaps, sources


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


def test_what_a_sweep_found_is_listed_with_its_event_and_its_scan(browser: Browser, found: datetime) -> None:
    page = browser.get("/sources").text
    told = words(page)

    assert "1 found in a week that no notification told; last swept" in told
    assert re.search(r'<a href="/events/\d+">invoice\.paid</a>', page) and "open-invoices" in told and "never" in told
    assert "/story?key=invoice:4711&amp;source=shop" in page


def test_only_among_the_last_events_is_looked(browser: Browser, found: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "RECENT", 0)

    assert "nothing found in a week" in browser.text("/sources")


@pytest.mark.parametrize(("state", "link"), [("open", "/needs?kind=alerts"), ("ignored", "/act/reopen?subject=alert%3A1")])
def test_a_source_that_is_silent_says_since_when_why_and_who_knows(browser: Browser, store: Database, state: str, link: str) -> None:
    hear(store, until=datetime.now(UTC) - timedelta(days=2))
    store.write(lambda c: desk.alert(c, source="shop", subject="shop", reason=silence.REASON, at=datetime.now(UTC)))
    store.write(lambda c: desk.set_alert(c, 1, state, actor="test"))

    page = browser.get("/sources").text

    assert "silent unusual since" in words(page) and "came within" in words(page)
    assert link in page


def test_a_source_that_was_heard_again_is_not_called_silent_until_the_watch_took_it_in(browser: Browser, store: Database) -> None:
    hear(store, until=datetime.now(UTC) - timedelta(days=2))
    arrival = inbox.Arrival(source="shop", origin="push", native_type="x", native_id="1", body=b"{}", received_at=datetime.now(UTC))
    store.write(lambda c: inbox.append(c, arrival))

    text = browser.text("/sources")

    assert "heard again" in text and "silent unusual" not in text


def test_a_source_that_is_watched_says_from_when_silence_is_unusual(browser: Browser, store: Database) -> None:
    assert "not watched" in browser.text("/sources")

    hear(store, until=datetime.now(UTC))

    assert "unusual from" in browser.text("/sources")


def hear(store: Database, *, until: datetime) -> None:
    """A delivery every six hours for ten days."""
    row = [
        {"source": "shop", "deliveries": 1, **dict.fromkeys(("hour_at", "first_at", "last_at"), until - timedelta(hours=6 * n))}
        for n in range(40)
    ]
    store.write(lambda c: c.execute(sa.insert(table_of(silence.Heard)), row))
