"""One row: its bytes as they came, its parts, and the commands that move it."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from tests.workers.console.conftest import AT, Browser, Made
from workers.control import audited
from workers.journal import JournalRow

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


def test_what_lets_somebody_in_is_left_out_of_a_steps_result_too(browser: Browser, store: Database, made: Made) -> None:
    results = {"a": {"customer": {"id": "501", "dashboard_url": "https://x/geheim"}}, "b": [{"hash": "geheim"}], "c": '{"token": "geheim"}'}
    rows = [{"run_id": made.run, "name": name, "kind": "step", "result": result, "at": AT} for name, result in results.items()]
    store.write(lambda c: c.execute(sa.insert(table_of(JournalRow)), rows))

    text = browser.text(f"/runs/{made.run}")

    assert "geheim" not in text and text.count("left out") == 3 and "501" in text


def test_the_line_of_an_act_shows_its_detail(browser: Browser, store: Database) -> None:
    store.write(lambda c: audited(c, "mode", at=AT, actor="cli:anna", subject="shop/auto-send", detail={"was": "observe", "mode": "auto"}))

    assert "&quot;was&quot;: &quot;observe&quot;" in browser.get("/audit/1").text.replace("&#34;", "&quot;")


def test_a_refusal_shows_its_detail_as_a_fact(browser: Browser, store: Database) -> None:
    refused = inbox.RefusedRequest(source="shop", at=AT, status=400, cause="payload", detail="invoice.total")
    store.write(lambda c: inbox.keep_refusals(c, [refused]))

    assert "invoice.total" in browser.text("/refusals/1")
