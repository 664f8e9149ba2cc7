"""Workflows: what each may do, what is under way, and what holds it."""

from datetime import UTC, datetime

from receiver.db import Database
from tests.workers.console.conftest import Browser, Made
from workers import control

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_a_workflow_shows_its_mode_and_what_is_under_way(browser: Browser, made: Made) -> None:
    page = browser.get("/workflows").text

    assert 'href="/hold/mode?source=shop&amp;workflow=auto-send&amp;back=%2Fworkflows"' in page
    assert 'href="/runs?source=shop&amp;workflow=auto-send&amp;state=ready">1 ready</a>' in page


def test_a_pause_and_a_freeze_are_seen_with_their_way_out(browser: Browser, store: Database) -> None:
    store.write(lambda c: control.put(c, "freeze", {"reason": "stock take"}, at=NOW))
    store.write(lambda c: control.put(c, "pause:shop:auto-send", {"reason": "odd texts"}, at=NOW))
    store.write(lambda c: control.put(c, "pause:shop:*", {"reason": "whole shop"}, at=NOW))

    page = browser.get("/workflows").text

    assert "Every effect is frozen: stock take." in page and "/hold/unfreeze" in page
    assert 'title="odd texts"' in page and "Paused: shop, every workflow." in page
