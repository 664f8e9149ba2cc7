"""The ten things operators do most, done in a browser as they do them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from receiver.db import Database
from tests.browser.conftest import HOSTILE, Stories, Visit, make_story, make_unknown
from workers import control, ledger

pytestmark = pytest.mark.browser
Open = Callable[..., Visit]
NOW = datetime.now(UTC)


def state(store: Database, effect: str) -> str:
    with store.read() as connection:
        row = ledger.load(connection, effect)
    assert row is not None
    return str(row["state"])


def test_a_customer_is_found_and_his_story_told(visit: Open, stories: Stories) -> None:
    page = visit().go("/runs")

    page.keyboard.press("/")
    page.keyboard.type("customer:501")
    page.keyboard.press("Enter")

    page.wait_for_url("**/story?**")
    assert page.locator("ol.story li").count() > 5
    assert "invoice 4711" in page.locator("main").inner_text()


def test_an_effect_is_approved(visit: Open, store: Database) -> None:
    effect = make_story(store, "5001", "501", at=NOW)
    page = visit().go("/needs?kind=approvals")

    page.locator("article", has_text="5001").get_by_role("link", name="Approve").click()
    page.get_by_label("Why").fill("looked at it")
    page.get_by_role("button", name="Approve").click()

    assert "approved" in page.get_by_role("status").inner_text()
    assert state(store, effect) == "approved"


def test_several_are_rejected_at_once(visit: Open, store: Database) -> None:
    effects = [make_story(store, number, "502", at=NOW) for number in ("5101", "5102")]
    page = visit().go("/needs?kind=approvals")

    for number in ("5101", "5102"):
        page.locator("article", has_text=number).get_by_role("checkbox").check()
    page.get_by_role("button", name="Reject the chosen").click()
    assert "Together 238.00 EUR." in page.locator("main").inner_text()
    page.get_by_role("button", name="Reject 2").click()

    page.wait_for_url("**/needs?said=**")
    page.wait_for_function("() => true")
    assert {state(store, effect) for effect in effects} <= {"cancelled", "proposed"}
    page.reload()
    assert "Reject: 2 ordered" in page.get_by_role("status").inner_text()


def test_what_happened_to_an_unknown_effect_is_said(visit: Open, store: Database) -> None:
    effect = make_story(store, "5201", "501", at=NOW)
    make_unknown(store, effect, NOW)
    page = visit().go("/needs")

    page.locator("article", has_text="5201").get_by_role("link", name="It happened").click()
    page.get_by_role("button", name="It happened").click()

    page.wait_for_url("**/needs?said=**")
    assert state(store, effect) == "done"


def test_a_delivery_is_read_byte_by_byte_and_stays_text(visit: Open, stories: Stories) -> None:
    page = visit().go(f"/deliveries/{stories.hostile}")

    assert HOSTILE[:20] in page.locator("main").inner_text()
    assert page.title() != "owned"
    assert page.locator("main img, main script").count() == 0


def test_runs_are_searched_and_paged(visit: Open, stories: Stories) -> None:
    page = visit().go("/runs?limit=2")

    page.get_by_role("textbox", name="customer", exact=True).fill("501")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**customer=501**")

    keys = page.locator("tbody tr td.c-key").all_inner_texts()
    assert "4711" in keys and "4712" not in keys


def test_a_workflow_is_paused_and_the_pause_undone(visit: Open, store: Database) -> None:
    page = visit().go("/workflows")

    page.locator("tr", has_text="auto-send").get_by_role("link", name="Pause").first.click()
    page.get_by_label("Why").fill("odd texts")
    page.get_by_role("button", name="Pause").click()
    assert "paused" in page.locator("tr", has_text="auto-send").first.inner_text()

    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Resume").click()
    with store.read() as connection:
        assert control.named(connection, "pause:") == {}


def test_everything_is_frozen_and_let_go(visit: Open, store: Database) -> None:
    page = visit().go("/workflows")

    page.get_by_role("link", name="Freeze every effect").click()
    page.get_by_role("button", name="Freeze").click()
    assert "Every effect is frozen" in page.locator("main").inner_text()

    page.get_by_role("link", name="Let effects go on").click()
    page.get_by_role("button", name="Let go on").click()
    page.wait_for_url("**said=**")
    with store.read() as connection:
        assert control.frozen(connection) is None


def test_a_replay_is_looked_at_ordered_and_called_off(visit: Open, store: Database, stories: Stories) -> None:
    page = visit().go("/events?invoice=4713")

    page.get_by_role("link", name="Replay these").click()
    assert "1 event fits" in page.locator("main").inner_text()
    page.get_by_label("Why").fill("policy was wrong")
    page.get_by_role("button", name="Order the replay of 1").click()

    assert "1 ordered" in page.get_by_role("status").inner_text()


def test_an_alert_is_closed_with_the_keyboard_alone(visit: Open, stories: Stories) -> None:
    page = visit().go("/runs")

    page.keyboard.press("g")
    page.keyboard.press("y")
    page.wait_for_url("**/needs")
    card = page.locator("article", has_text="request_changed")
    card.get_by_role("link", name="Close").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/act/close**")
    page.get_by_role("button", name="Close").press("Enter")

    page.wait_for_url("**/needs?said=**")
    assert page.locator("article", has_text="request_changed").count() == 0
