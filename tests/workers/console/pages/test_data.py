"""The JSON side of the pages: what the command line prints with --json."""

import json
from typing import Any

import pytest

from tests.workers.cli.conftest import Billhook
from tests.workers.cli.conftest import billhook as billhook
from tests.workers.console.conftest import Browser, Made
from workers import views
from workers.views import VIEWS

JSON = "application/json"


def data(browser: Browser, path: str) -> Any:
    answer = browser.get(path, accept=JSON)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_list_is_what_the_command_line_prints(browser: Browser, billhook: Billhook, made: Made) -> None:
    for name in VIEWS:
        assert data(browser, f"/{name}") == billhook(name, "--json").json


def test_a_list_takes_the_command_lines_filters(browser: Browser, made: Made) -> None:
    assert [row["id"] for row in data(browser, "/runs?type=auto-send&customer=501&since=2026-11-20")] == [made.run]
    assert data(browser, "/runs?customer=502") == []
    assert data(browser, "/runs?since=2026-11-21") == []
    assert data(browser, "/runs?limit=99999999999") and data(browser, "/runs?limit=-1") and data(browser, "/runs?limit=x")


def test_a_row_and_a_story_are_what_the_command_line_prints(browser: Browser, billhook: Billhook, made: Made) -> None:
    assert data(browser, f"/effects/{made.effect}") == billhook("effects", "show", made.effect, "--json").json
    assert data(browser, "/story?key=invoice:4711&source=shop") == billhook("explain", "invoice:4711", "--source", "shop", "--json").json


def test_a_list_that_was_looked_through_in_part_says_so(browser: Browser, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "AMONG", 0)

    part = browser.get("/runs?type=auto-send", accept=JSON)
    whole = browser.get("/runs?type=auto-send&customer=501", accept=JSON)

    assert (
        part.json() == [row for row in part.json() if row["id"] < made.run] and "no index finds this" in part.headers["x-billhook-warning"]
    )
    assert [row["id"] for row in whole.json()] == [made.run] and "x-billhook-warning" not in whole.headers


WRONG = (
    ("/runs?colour=red", 400, "FilterInvalid", "colour does not apply to runs"),
    ("/runs?state=strange", 400, "FilterInvalid", "known are"),
    ("/runs?since=yesterday", 400, "FilterInvalid", "write a time"),
    ("/nonsense", 404, "NotHere", "there is no list nonsense"),
    ("/runs/nobody", 404, "NotHere", "there is no nobody"),
    ("/story?key=777", 404, "NotHere", "nothing is known about 777"),
    ("/story", 404, "NotHere", "nothing is known"),
    ("/a/b/c", 404, "NotHere", "no such page"),
)


def test_what_is_wrong_is_said_in_json_too(browser: Browser) -> None:
    for path, status, type, said in WRONG:
        answer = browser.get(path, accept=JSON)
        assert (answer.status_code, answer.json()["type"]) == (status, type)
        assert said in answer.json()["error"]


def test_a_browser_is_shown_the_page(browser: Browser, made: Made) -> None:
    answer = browser.get("/runs", accept="text/html,application/xhtml+xml,application/json;q=0.9")

    assert answer.text.startswith("<!doctype html>") and "accept" in answer.headers["vary"]
    assert json.loads(browser.get("/runs", accept=JSON).text)
