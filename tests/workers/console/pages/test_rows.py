"""One row: its bytes as they came, its parts, and the commands that move it."""

from datetime import UTC, datetime

import pytest

from receiver import inbox
from receiver.db import Database
from tests.workers.console.conftest import Browser, Made

HOSTILE = b'{"name": "<script>alert(1)</script>", "u": "\\u001b[31m"}'


@pytest.fixture
def hostile(store: Database) -> int:
    arrival = inbox.Arrival(
        source="shop", origin="push", native_type="<img src=x onerror=alert(1)>", native_id="1", body=HOSTILE,
        received_at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip
    return store.write(lambda c: inbox.append(c, arrival)).delivery_id


def test_a_delivery_shows_its_body_as_text(browser: Browser, hostile: int) -> None:
    page = browser.get(f"/deliveries/{hostile}").text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page and "<img src=x" not in page and "\x1b" not in page


def test_an_effect_says_what_moves_it_and_how_it_came(browser: Browser, made: Made) -> None:
    text = browser.text(f"/effects/{made.effect}")

    assert f"billhook approve {made.effect}" in text
    assert "invoice.completed" in text


def test_a_run_shows_its_effects(browser: Browser, made: Made) -> None:
    assert f'href="/effects/{made.effect}"' in browser.get(f"/runs/{made.run}").text


@pytest.mark.parametrize("path", ["/runs/nobody", "/deliveries/99999999999999999999", "/deliveries/x", "/nonsense/1"])
def test_what_is_not_there_is_said_so(browser: Browser, path: str) -> None:
    answer = browser.get(path)

    assert answer.status_code == 404
    assert "there is no" in answer.text
