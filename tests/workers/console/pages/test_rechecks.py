"""Refused requests are checked again by button: first what that comes to, then taken in, by whom it was."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from tests.workers.cli.conftest import Billhook
from tests.workers.cli.conftest import billhook as billhook
from tests.workers.cli.conftest import served as served
from tests.workers.cli.conftest import there as there
from tests.workers.cli.conftest import token as token
from tests.workers.console.conftest import Browser, House
from tests.workers.console.pages.test_acts import hidden
from tests.workers.test_recheck import RIGHT, WRONG, callback, deliveries, refuse
from workers.control import Audit


@pytest.fixture
def place(place: Path) -> Path:
    """With a source that signs inside its bodies."""
    written = (place / "billhook.toml").read_text()
    (place / "billhook.toml").write_text(f'{written}\n[source.pay]\nkind = "qvickly"\n')
    (place / "secrets" / "BILLHOOK_DOOR_PAY_SIGNING").write_text(RIGHT)
    return place


def test_it_is_looked_at_first_and_then_taken_in_by_name(browser: Browser, store: Database, place: Path) -> None:
    refuse(store, callback("1"), callback("2"), callback("3", WRONG))

    page = browser.get("/recheck?source=pay").text
    before = deliveries(store)
    answer = browser.post("/recheck", source="pay", through=hidden(page, "through"), shown=hidden(page, "shown"), reason="secret put right")

    assert "2 verify now" in page and "1 not taken in: its signature is still wrong" in page and "Take in 2" in page
    assert before == [] and len(deliveries(store)) == 2
    assert answer.headers["location"].startswith("/deliveries?source=pay&said=pay%3A+2+taken+in")
    with store.read() as connection:
        actor = connection.execute(sa.select(table_of(Audit).c.actor)).scalar_one()
    assert actor.startswith("console:")


def test_what_verifies_only_since_the_page_was_shown_is_not_taken_in(browser: Browser, store: Database, place: Path) -> None:
    refuse(store, callback("1"), callback("2", WRONG))
    page = browser.get("/recheck?source=pay").text
    (place / "secrets" / "BILLHOOK_DOOR_PAY_SIGNING").write_text(WRONG)

    answer = browser.post("/recheck", source="pay", through=hidden(page, "through"), shown=hidden(page, "shown"))

    assert answer.status_code == 409 and "look again" in answer.text and deliveries(store) == []


def test_where_nothing_verifies_it_is_said(browser: Browser, store: Database) -> None:
    refuse(store, callback("3", WRONG))

    page = browser.get("/recheck?source=pay").text

    assert "there is nothing to take in" in page
    assert "Take in" not in page and 'method="post"' not in page.partition("<main")[2]


def test_a_viewer_takes_in_nothing(people: House, store: Database) -> None:
    refuse(store, callback("1"))
    vera = people.inside("vera")

    assert [vera.get(f"/recheck?source={name}").status_code for name in ("pay", "nobody")] == [403, 403]
    assert vera.post("/recheck", source="pay", through="1").status_code == 403 and deliveries(store) == []


@pytest.mark.parametrize("fields", [{"source": "pay"}, {"source": "pay", "through": "x"}, {"source": "nobody", "through": "1"}])
def test_a_damaged_form_takes_in_nothing(browser: Browser, store: Database, fields: dict[str, str]) -> None:
    refuse(store, callback("1"))

    assert browser.post("/recheck", **fields).status_code == 409 and deliveries(store) == []


def test_the_sources_page_leads_there_where_a_signature_was_refused(browser: Browser, store: Database) -> None:
    refuse(store, callback("1"))
    store.write(lambda c: c.execute(sa.update(table_of(inbox.Refusal)).values(at=store.machine_now(c))))

    assert "/recheck?source=pay&amp;back=/sources" in browser.get("/sources").text
    assert "/recheck?source=pay" in browser.get("/refusals?source=pay").text
    assert "/recheck?source=pay" in browser.get("/refusals/1").text


def test_the_command_line_shows_first_and_takes_in_with_yes(billhook: Billhook, store: Database, place: Path) -> None:
    refuse(store, callback("1"), callback("2", WRONG))

    shown, taken = billhook("recheck", "pay"), billhook("recheck", "pay", "--yes", "--json")

    assert "1 would be taken in" in shown.out and "signature is still wrong" in shown.out
    assert (taken.json["taken"], taken.json["verify"]) == (1, [1]) and len(deliveries(store)) == 1
    assert "are here already" in billhook("recheck", "pay").out


def test_a_console_elsewhere_shows_first_and_takes_in_with_yes(there: Billhook, billhook: Billhook, store: Database, place: Path) -> None:
    refuse(store, callback("1"), callback("2", WRONG))

    shown, here = there("recheck", "pay"), billhook("recheck", "pay")
    taken = there("recheck", "pay", "--yes", "--json")

    assert (shown.out, shown.code) == (here.out, here.code) and "1 would be taken in" in shown.out
    assert (taken.json["taken"], taken.json["verify"]) == (1, [1]) and len(deliveries(store)) == 1
    assert there("recheck", "nobody", "--yes").code == billhook("recheck", "nobody").code == 2
