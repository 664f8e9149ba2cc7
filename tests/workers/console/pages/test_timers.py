"""The page Timers: by day in the console's zone, what is overdue first, and narrowed by a form."""

import doctest
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from receiver.db import Database
from tests.workers.console.conftest import Browser
from tests.workers.lines import started
from workers.console.pages import timers
from workers.console.pages.timers import by_day
from workers.console.read.timers import Timer

NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)  # 23:30 in Berlin


def timer(at: datetime) -> Timer:
    return Timer(at=at, kind="run", id="1", source="shop", workflow="dunning", what="goes on", why="", link="/runs/1")


def test_days_are_those_of_the_readers_zone_and_overdue_stands_apart() -> None:
    found = [timer(NOW - timedelta(days=2)), timer(NOW + timedelta(minutes=20)), timer(NOW + timedelta(minutes=40))]

    days = by_day(found, NOW, ZoneInfo("Europe/Berlin"))

    assert [day for day, _ in days] == ["Due now", "Today, Friday 20 November 2026", "Tomorrow, Saturday 21 November 2026"]


def test_a_run_that_wakes_is_listed_with_its_page(browser: Browser, store: Database) -> None:
    run = started(store, "4711", NOW, status="waiting", wake_at=datetime.now(UTC) + timedelta(days=3), reason="deadline")

    page = browser.get("/timers").text

    assert f'href="/runs/{run}"' in page
    assert "in 2 days" in page or "in 3 days" in page
    assert "Nothing like it." in browser.text("/timers?source=till")


def test_an_empty_house_plans_nothing_and_a_wrong_page_says_so(browser: Browser) -> None:
    assert "Nothing is planned." in browser.text("/timers")
    assert browser.get("/timers?from=nonsense").status_code == 400


def test_the_examples_hold() -> None:
    assert doctest.testmod(timers).failed == 0
