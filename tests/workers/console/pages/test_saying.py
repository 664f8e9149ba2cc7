"""Saying what no provider tells: a form for every event a person can give, and gates that show first what they free."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from receiver.money import Money
from tests.workers.console.conftest import Browser, House
from workers import mirror
from workers.console.pages import saying
from workers.saying import sayable
from workflows.dunning import tables
from workflows.dunning.claims import Claim


@pytest.fixture
def said(store: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The types that operators said so far; nobody routes them."""
    monkeypatch.setattr(saying, "ANSWER_S", 0.0)

    def types() -> list[str]:
        table = table_of(Delivery)
        with store.read() as connection:
            return list(connection.execute(sa.select(table.c.native_type).where(table.c.origin == "operator")).scalars())

    return types


def test_every_event_a_person_can_say_has_a_form(browser: Browser) -> None:
    page = browser.get("/say").text

    assert sayable()
    for name in [*sayable(), "bank.checked", "invoice.sent", "rate.confirmed"]:
        assert f'href="/say/{name}"' in page
        assert browser.get(f"/say/{name}").status_code == 200, name


def test_a_signal_is_said_with_its_fields(browser: Browser, said: Callable[[], list[str]]) -> None:
    page = browser.get("/say/look.again?invoice_id=4711").text
    answer = browser.post("/say/look.again", source="shop", invoice_id="4711", order="a1")

    assert 'name="invoice_id" value="4711"' in page
    assert answer.status_code == 303
    assert said() == ["operator.look.again"]


def test_a_field_that_is_wrong_is_named_and_nothing_is_said(browser: Browser, said: Callable[[], list[str]]) -> None:
    answer = browser.post("/say/look.again", source="shop", order="a1")

    assert answer.status_code == 400 and "invoice_id" in answer.text
    assert said() == []


def test_a_gate_shows_what_it_frees_before_it_opens(browser: Browser, said: Callable[[], list[str]]) -> None:
    day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    first = browser.post("/say/bank.checked", source="shop", through=day, order="a1")

    assert "It sets nothing free that waits now." in first.text and 'name="seen"' in first.text
    assert said() == []

    assert browser.post("/say/bank.checked", source="shop", through=day, order="a1", seen="yes").status_code == 303
    assert said() == ["operator.bank.checked"]


def test_a_bank_is_not_checked_ahead_of_its_time(browser: Browser, said: Callable[[], list[str]]) -> None:
    answer = browser.post("/say/bank.checked", source="shop", through="2999-01-01", order="a1", seen="yes")

    assert answer.status_code == 400 and "lies ahead" in answer.text
    assert said() == []


@pytest.mark.parametrize("type", ["invoice.completed", "clock.tick", "nothing"])
def test_what_only_providers_tell_cannot_be_said(browser: Browser, said: Callable[[], list[str]], type: str) -> None:
    assert browser.get(f"/say/{type}").status_code == 404
    assert browser.post(f"/say/{type}", source="shop", invoice_id="1", order="a1").status_code == 404
    assert said() == []


def test_claims_are_shown_before_they_are_settled(browser: Browser, store: Database, said: Callable[[], list[str]]) -> None:
    owed = Claim(level=2, kind="interest", amount=Money(Decimal("4.69"), "EUR"))
    store.write(lambda c: tables.put_claims(c, "shop", "4711", [owed], at=datetime(2026, 11, 20, tzinfo=UTC)))
    told = {"source": "shop", "invoice_id": "4711", "state": "waived", "order": "a1"}

    first = browser.post("/say/claims.settled", **told)

    assert "invoice 4711: interest 4.69 EUR (level 2) becomes waived" in first.text
    assert said() == []
    assert browser.post("/say/claims.settled", **told, seen="yes").status_code == 303
    assert said() == ["operator.claims.settled"]


def test_an_amount_is_in_the_currency_of_the_invoice_it_is_about(browser: Browser, store: Database) -> None:
    store.write(lambda c: mirror.write_own(c, "shop", "invoice", "4799", {"currency": "SEK"}, touches={}, at=datetime.now(UTC)))

    answer = browser.post("/say/invoice.part_cancelled", source="shop", invoice_id="4799", amount="500.00", order="a1")

    assert answer.status_code == 303
    with store.read() as connection:
        [body] = connection.execute(sa.select(table_of(Delivery).c.body).where(table_of(Delivery).c.origin == "operator")).scalars()
    assert json.loads(body)["data"]["amount"] == {"amount": "500.00", "currency": "SEK"}


def test_an_amount_of_which_nobody_knows_the_currency_is_asked_for_again(
    house: Callable[..., House], place: Path, said: Callable[[], list[str]]
) -> None:
    file = place / "billhook.toml"
    file.write_text(file.read_text().replace("[source.shop]\n", '[source.shop]\ncurrencies = ["EUR", "SEK"]\n', 1))
    browser = house().browser()

    answer = browser.post("/say/invoice.part_cancelled", source="shop", invoice_id="4799", amount="500.00", order="a1")

    assert answer.status_code == 400 and "500.00 SEK" in answer.text
    assert said() == []
