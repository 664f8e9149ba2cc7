"""The story of one thing, from a key as a person has it."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import quote, urlencode

import pytest

from receiver.db import Database
from tests.workers.console.conftest import AT, Browser, Made
from tests.workers.lines import planned, started, told_again
from workers import mirror, story
from workers.console.pages import stories


def test_the_search_leads_to_the_story_of_what_was_typed(browser: Browser, made: Made) -> None:
    answer = browser.get("/find?q=customer:501")

    assert answer.headers["location"] == "/story?key=customer%3A501"
    assert browser.get("/find?q=").headers["location"] == "/"


def test_a_story_goes_from_the_delivery_to_the_effect(browser: Browser, made: Made) -> None:
    text = browser.text("/story?key=4711")

    places = [
        text.index(part) for part in ("push invoice.created 464", "invoice.completed invoice 4711", "auto-send 4711 started", ": proposed")
    ]
    assert places == sorted(places)


def test_what_waits_in_a_story_is_decided_there_and_one_comes_back_to_it(browser: Browser, made: Made) -> None:
    page = unescape(browser.get("/story?key=4711&source=shop").text)

    [button] = [href for href in re.findall(r'href="([^"]+)"', page) if href.startswith("/act/approve")]
    assert button == f"/act/approve?subject={made.effect}&back=/story{quote('?key=4711&source=shop')}"


def test_a_story_is_narrowed_to_the_kinds_wanted(browser: Browser, made: Made) -> None:
    text = browser.text("/story?key=4711&only=effect")

    assert "invoice.sendbyemail" in text
    assert "received from shop" not in text


def test_an_unknown_key_is_told_how_to_ask(browser: Browser) -> None:
    assert "Nothing is known about 12345" in browser.text("/story?key=12345")


def test_an_invoice_a_ladder_is_climbed_for_has_its_calendar(browser: Browser, store: Database) -> None:
    at = datetime(2026, 3, 17, 9, 0, tzinfo=UTC)
    run = started(store, "4711", at, status="waiting", wake_at=at + timedelta(days=9))
    planned(store, at, run=run, object_id="4711", state="proposed", amount="119.00 EUR")
    store.write(lambda c: mirror.lock(c, "shop", "invoice", "4711"))

    page = browser.get("/story?key=invoice:4711").text

    assert '<svg xmlns="http://www.w3.org/2000/svg"' in page
    assert "119.00 EUR" in page


def test_a_long_story_leads_to_what_was_before(browser: Browser, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    told_again(store, made.delivery, AT)
    monkeypatch.setattr(stories, "LINES", 4)

    newest = browser.get("/story?key=invoice:4711").text
    older = re.search(r'rel="next" href="([^"]+)"', newest)
    assert older
    before = browser.text(unescape(older[1]))

    assert "It begins earlier: these are 2 lines" in newest and "invoice.created 464" not in newest
    assert "Newest" in before and "invoice.created 464" in before and "It begins earlier" not in before


def test_a_program_goes_on_with_a_long_story(browser: Browser, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    told_again(store, made.delivery, AT)
    monkeypatch.setattr(story, "MOST", 4)

    newest = browser.get("/story?key=invoice:4711", accept="application/json")
    before = browser.get(
        f"/story?{urlencode({'key': 'invoice:4711', 'until': newest.headers['x-billhook-older']})}", accept="application/json"
    )

    assert len(newest.json()) == 2 and len(before.json()) == 4 and "x-billhook-older" not in before.headers
