"""Replay by button: looked at first, ordered once, and called off."""

import re
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted
from receiver.inbox import Delivery
from tests.workers.console.conftest import AT, Browser, Made
from workers import control, events
from workers.console.pages import replays


def ordered(store: Database) -> int:
    table = table_of(Delivery)
    waits = sa.and_(table.c.native_type == "operator.replay", table.c.routed_at.is_(None))
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(waits)).scalar_one())


def test_what_a_replay_would_do_is_shown_before_anything_is_ordered(browser: Browser, store: Database, made: Made) -> None:
    text = browser.text("/replay?invoice=4711")

    assert "1 event fits" in text and "auto-send" in text
    assert ordered(store) == 0


def test_a_replay_is_ordered_and_called_off(browser: Browser, store: Database, made: Made) -> None:
    answer = browser.post("/replay", event=str(made.event), per_minute="60", reason="policy was wrong")

    assert answer.status_code == 303 and "1+ordered" in answer.headers["location"]
    assert ordered(store) == 1

    page = browser.get("/replay").text
    name = re.search(r'name="off" value="([^"]+)"', page)
    assert name
    browser.post("/replay", off=name[1])
    assert ordered(store) == 0


def form_of(page: str) -> dict[str, str]:
    """What the form that orders sends along."""
    found = {name: re.search(rf'name="{name}" value="([^"]+)"', page) for name in ("order", "shown")}
    return {name: match[1] for name, match in found.items() if match} | {"per_minute": "60"}


def test_pressing_twice_orders_once_even_when_the_first_is_carried_out(browser: Browser, store: Database, made: Made) -> None:
    form = form_of(browser.get("/replay?invoice=4711").text) | {"invoice": "4711"}
    browser.post("/replay", **form)
    table = table_of(Delivery)
    routed = sa.update(table).where(table.c.native_type == "operator.replay").values(routed_at=AT, outcome="done")
    store.write(lambda c: c.execute(routed))

    answer = browser.post("/replay", **form)

    assert "ordered+already" in answer.headers["location"]
    assert ordered(store) == 0


def test_what_is_ordered_is_what_was_shown(browser: Browser, store: Database, made: Made) -> None:
    form = form_of(browser.get("/replay?invoice=4711").text) | {"invoice": "4711"}
    told = InvoiceCompleted(source="shop", at=AT, invoice_id="4711", customer_id="501")
    store.write(lambda c: events.record(c, told, "invoice.completed:4711:2", delivery_id=made.delivery, at=AT))

    answer = browser.post("/replay", **form)

    assert answer.status_code == 400 and "Other events fit by now" in answer.text and "2 events fit" in answer.text
    assert ordered(store) == 0


@pytest.mark.parametrize("strange", ["x", "9" * 30, "1.5"])
def test_an_id_that_is_none_is_named_and_not_left_out(browser: Browser, store: Database, made: Made, strange: str) -> None:
    answer = browser.post("/replay", event=f"{made.event}, {strange}", per_minute="60")

    assert answer.status_code == 400 and f"There is no event {strange}." in answer.text and ordered(store) == 0


def test_what_was_shown_to_wait_for_approval_is_not_ordered_once_it_starts_by_itself(browser: Browser, store: Database, made: Made) -> None:
    form = form_of(browser.get("/replay?invoice=4711").text) | {"invoice": "4711"}
    store.write(lambda c: control.put(c, control.mode_name("shop", "auto-send"), {"mode": "auto", "include_existing": True}, at=AT))

    answer = browser.post("/replay", **form)

    assert answer.status_code == 400 and "in other modes" in answer.text and ordered(store) == 0


@pytest.mark.parametrize("change", [{"type": "no.such"}, {"data": {"source": "shop"}}])
def test_an_event_that_nobody_can_read_any_more_is_named(browser: Browser, store: Database, made: Made, change: dict[str, Any]) -> None:
    table = table_of(events.EventRow)
    store.write(lambda c: c.execute(sa.update(table).where(table.c.id == made.event).values(change)))

    answer = browser.get(f"/replay?event={made.event}")

    assert answer.status_code == 400 and f"Event {made.event} cannot be replayed" in answer.text


@pytest.mark.parametrize(
    ("query", "said"),
    [("source=shop", "Say which"), ("event=99", "There is no event 99"), ("event=x", "There is no event x"),
     ("type=x&since=never", "since: write a time"), ("invoice=4711&workflow=nothing", "There is no workflow nothing")],
)  # fmt: skip
def test_a_question_that_cannot_be_answered_says_why(browser: Browser, made: Made, query: str, said: str) -> None:
    answer = browser.get(f"/replay?{query}")

    assert answer.status_code == 400 and said in answer.text


@pytest.mark.parametrize("pace", ["", "0", "-1", "many", "60001", "1e3", "0006000000", "000001" + "0" * 5_000], ids=lambda pace: pace[:12])
def test_a_pace_that_is_none_orders_nothing(browser: Browser, store: Database, made: Made, pace: str) -> None:
    answer = browser.post("/replay", event=str(made.event), per_minute=pace)

    assert answer.status_code == 400
    assert ordered(store) == 0


def test_more_than_can_be_looked_at_is_not_ordered(browser: Browser, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "PREVIEW_MAX", 0)

    answer = browser.post("/replay", invoice="4711", per_minute="60")

    assert answer.status_code == 400 and "narrow it" in answer.text
    assert ordered(store) == 0
