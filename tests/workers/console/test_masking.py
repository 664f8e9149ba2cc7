"""What lets somebody in is on no page and in no answer."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver import inbox
from receiver.db import Database
from tests.workers.console.conftest import Browser
from workers.console.masking import HIDDEN, LETS_IN, masked, tells

BODY = {"customer": {"HASH": "h4sh-of-501", "dashboard_url": "https://app.example/d/h4sh", "name": "Muster"}, "n": [{"token": "t0ken"}]}


@pytest.mark.parametrize("value", [BODY, json.dumps(BODY), json.dumps(BODY).encode()])
def test_a_field_that_lets_somebody_in_is_left_out_however_it_is_written(value: Any) -> None:
    text = str(masked(value))

    assert "h4sh" not in text and "t0ken" not in text
    assert "Muster" in text and HIDDEN in text


@pytest.mark.parametrize("value", ["no json", b"\xff\x00", "12", "[" * 5_000, None, 5])
def test_what_is_no_json_stays_as_it_is(value: Any) -> None:
    assert masked(value) == value


SPELLED = (
    json.dumps(BODY), json.dumps(BODY, separators=(",", ":")), json.dumps(BODY).replace("/", "\\/"),
    json.dumps(BODY).replace("h4sh", "h\\u0034sh"),
)  # fmt: skip


@pytest.mark.parametrize("raw", SPELLED)
def test_a_text_is_not_told_that_stands_only_in_what_is_left_out(raw: str) -> None:
    hidden = ("h4sh", "H4SH-of-501", "https://app", 'HASH": "h4', 'HASH":"h4', "t0k", "app.example\\/d")

    assert [text for text in hidden if tells(raw, text)] == []
    assert all(tells(raw, text) for text in ("muster", "dashboard_url", '"n"'))


@pytest.mark.parametrize(("raw", "told"), [("no json h4sh", True), ("[" * 5_000 + "h4sh", True), ('{"pin": 7, "token": 47}', False)])
def test_what_is_no_json_tells_all_and_a_number_is_left_out_as_well(raw: str, told: bool) -> None:
    assert tells(raw, "h4sh" if told else "47") is told


def test_nobody_finds_out_by_searching_what_is_left_out(browser: Browser, store: Database) -> None:
    for number in range(3):
        arrival = inbox.Arrival(
            source="shop", origin="push", native_type="customer.created", native_id=str(number), body=json.dumps(BODY).encode(),
            received_at=datetime(2026, 11, 20, tzinfo=UTC),
        )  # fmt: skip
        store.write(lambda c, arrival=arrival: inbox.append(c, arrival))  # type: ignore[misc]

    pages = [browser.text(f"/deliveries?limit=1&text={text}") for text in ("h4sh-of", "x4sh-of")]

    assert pages[0].replace("h4sh", "x4sh") == pages[1] and "customer.created" not in pages[0]
    assert "customer.created" in browser.text("/deliveries?text=Muster")


def test_an_empty_field_is_shown_empty() -> None:
    assert masked({"hash": "", "token": None}) == {"hash": "", "token": None}


def test_a_deliverys_page_and_its_data_leave_it_out(browser: Browser, store: Database) -> None:
    arrival = inbox.Arrival(
        source="shop", origin="push", native_type="customer.created", native_id="1", body=json.dumps(BODY).encode(),
        received_at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip
    id = store.write(lambda c: inbox.append(c, arrival)).delivery_id

    page, data = browser.get(f"/deliveries/{id}").text, browser.get(f"/deliveries/{id}", accept="application/json").text

    assert "Muster" in page and "Muster" in data
    assert "h4sh" not in page and "h4sh" not in data
    assert "dashboard_url" in LETS_IN
