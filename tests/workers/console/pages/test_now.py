"""The first page: what is held back has its button, what waits its number, and the stream the same words."""

from datetime import UTC, datetime, timedelta

from receiver.db import Database
from tests.workers.console.conftest import Browser, Made, words
from tests.workers.lines import delivered
from workers import breaker, restraints
from workers.console.pages.now import STANDS_S, Look

NOW = datetime.now(UTC)


def test_it_tells_the_money_and_what_waits(browser: Browser, made: Made) -> None:
    text = browser.text("/")

    assert "waits for a yes 119.00 EUR 1 effect" in text
    assert "needs you 1 approvals: 1" in text
    assert "runs ready 1 oldest" in text


def test_freezing_is_offered_and_once_frozen_letting_go(browser: Browser, store: Database) -> None:
    assert 'href="/hold/freeze?back=/"' in browser.get("/").text

    store.write(lambda c: restraints.freeze(c, "odd figures", at=NOW, actor="test"))

    page = browser.get("/").text
    assert "odd figures" in page
    assert 'href="/hold/unfreeze?back=/"' in page
    assert "/hold/freeze" not in page


def test_a_pause_and_an_open_breaker_have_their_buttons(browser: Browser, store: Database) -> None:
    store.write(lambda c: restraints.pause(c, "pause:shop:dunning", "odd", at=NOW, actor="test"))
    for _ in range(breaker.FAILURES_MAX):
        store.write(lambda c: breaker.failed(c, "shop", "connect", at=NOW))

    page = browser.get("/").text

    assert "/hold/resume?source=shop&amp;workflow=dunning&amp;back=%2F" in page
    assert "shop does not answer" in words(page)
    assert "/hold/probe?source=shop&amp;back=/" in page


def test_it_works_without_its_stream_and_asks_for_it_once_loaded(browser: Browser) -> None:
    page = browser.get("/").text

    assert 'hx-sse:connect="/now/stream"' in page
    assert page.count('id="needed"') == 1
    assert "arriving" in words(page)


def test_the_stream_tells_the_same_and_the_number_beside_needs_you(browser: Browser, store: Database, made: Made) -> None:
    look = Look(browser.app.state.site)

    fragment = look()

    assert 'id="needed" class="count" hx-swap-oob="true">1</span>' in fragment
    assert "119.00 EUR" in fragment


def test_nothing_in_the_fragment_changes_while_nothing_happens(browser: Browser, store: Database) -> None:
    delivered(store, "old", NOW - timedelta(hours=5), routed_at=NOW - timedelta(hours=5))
    look = Look(browser.app.state.site)

    assert look() == look()


def test_what_changes_seldom_is_asked_again_after_a_while(browser: Browser) -> None:
    seconds = iter([0.0, STANDS_S - 1, STANDS_S, STANDS_S])
    look = Look(browser.app.state.site, clock=lambda: next(seconds))

    stands = []
    for _ in range(3):
        look()
        stands.append(look._stands)

    assert stands[0] is stands[1]
    assert stands[2] is not stands[1]


def test_the_charts_have_their_figures_beside_them(browser: Browser) -> None:
    text = browser.text("/now/charts?span=day")

    assert "last 24 hours" in text
    assert "Nothing yet" in text
    assert browser.get("/?span=nonsense").status_code == 200
