"""Needs you: everything that waits, with its money and its buttons, and nothing that does not."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest

from receiver.db import Database
from tests.workers.cli.test_gates import waiting as waiting
from tests.workers.console.conftest import AT, Browser, Made, make_unknown, words
from workers import desk, ledger
from workers.console.read import needs

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_an_approval_has_its_money_and_its_buttons(browser: Browser, made: Made) -> None:
    page = browser.get("/needs").text

    assert f'href="/act/approve?subject={made.effect}"' in page
    assert f'href="/act/reject?subject={made.effect}"' in page
    assert "119.00 EUR" in page
    assert 'id="needed">1</span>' in page


def test_an_unknown_effect_asks_what_happened_first_of_all(browser: Browser, store: Database, made: Made) -> None:
    make_unknown(store, made.effect)
    asks = {"kind": "unknown", "source": "shop", "subject": f"effect:{made.effect}", "reason": "no_answer", "effect_id": made.effect}
    store.write(lambda c: desk.park(c, **asks, at=NOW))
    store.write(lambda c: desk.alert(c, source="shop", subject="shop", reason="spike_stop", at=NOW))

    text = browser.text("/needs")

    assert text.index("Did it happen?") < text.index("To know")
    assert "It did not happen" in text


def test_what_is_closed_does_not_wait(browser: Browser, store: Database) -> None:
    store.write(lambda c: desk.alert(c, source="shop", subject="shop", reason="spike_stop", at=NOW))
    store.write(lambda c: desk.close_alert(c, "shop", "spike_stop", at=NOW))

    assert "Nothing waits for you." in browser.text("/needs")


def test_it_is_narrowed_to_a_kind_and_a_source(browser: Browser, store: Database, made: Made) -> None:
    store.write(lambda c: desk.alert(c, source="shop", subject="shop", reason="spike_stop", at=NOW))

    assert "spike_stop" not in browser.text("/needs?kind=approvals")
    assert "invoice.sendbyemail" not in browser.text("/needs?kind=alerts")
    assert "Nothing waits for you." in browser.text("/needs?source=other")


def test_every_page_asks_for_the_number_by_itself(browser: Browser, store: Database, made: Made) -> None:
    before = browser.get("/needed").text
    store.write(lambda c: ledger.move(c, made.effect, "cancelled", since=["proposed"], at=AT))

    assert 'hx-get="/needed" hx-trigger="every 30s"' in browser.get("/audit").text
    assert words(before).strip() == "1" and 'id="needed" hidden>0<' in browser.get("/needed").text


def test_what_waits_for_somebodys_word_has_a_form_that_is_filled_in(browser: Browser, waiting: Database) -> None:
    page = browser.get("/needs?kind=gates").text
    told = words(page)
    (sent,) = re.findall(r'href="(/say/invoice\.sent[^"]*)"', page)
    form = browser.get(unescape(sent)).text

    assert "1 notice waits for the bank" in told and "Invoice 4711: did it reach the customer?" in told and "119.00 EUR" in told
    assert "/say/bank.checked?source=shop" in page
    assert 'name="invoice_id" value="4711"' in form and "Show what it sets free" in form


def test_no_more_is_shown_of_a_gate_than_a_page_bears(browser: Browser, waiting: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "SHOWN_MAX", 1)

    page = browser.text("/needs?kind=gates")

    assert "The oldest are shown" in page and "did it reach the customer" not in page
