"""The story of one thing, from a key as a person has it."""

from datetime import UTC, datetime, timedelta

from receiver.db import Database
from tests.workers.console.conftest import Browser, Made
from tests.workers.lines import planned, started
from workers import mirror


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
