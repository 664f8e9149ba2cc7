"""What lets somebody in is on no page and in no answer."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from receiver import inbox
from receiver.db import Database
from tests.workers.console.conftest import Browser
from workers.console.masking import HIDDEN, LETS_IN, masked

BODY = {"customer": {"HASH": "h4sh-of-501", "dashboard_url": "https://app.example/d/h4sh", "name": "Muster"}, "n": [{"token": "t0ken"}]}


@pytest.mark.parametrize("value", [BODY, json.dumps(BODY), json.dumps(BODY).encode()])
def test_a_field_that_lets_somebody_in_is_left_out_however_it_is_written(value: Any) -> None:
    text = str(masked(value))

    assert "h4sh" not in text and "t0ken" not in text
    assert "Muster" in text and HIDDEN in text


@pytest.mark.parametrize("value", ["no json", b"\xff\x00", "12", "[" * 5_000, None, 5])
def test_what_is_no_json_stays_as_it_is(value: Any) -> None:
    assert masked(value) == value


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
