"""Holding back and letting go by button: what it says before, what it does, and the way back."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.console.conftest import Browser, House, Made
from workers import control, restored


@pytest.fixture
def setting(store: Database) -> Callable[[str], Any]:
    """What stands in `control` under a name."""

    def get(name: str) -> Any:
        with store.read() as connection:
            return control.get(connection, name)

    return get


def test_a_freeze_is_set_and_its_undoing_offered(browser: Browser, setting: Callable[[str], Any]) -> None:
    assert "No effect is called from now on" in browser.text("/hold/freeze")
    assert setting("freeze") is None

    answer = browser.post("/hold/freeze", reason="stock take")

    assert setting("freeze") == {"reason": "stock take"}
    assert "undo=%2Fhold%2Funfreeze" in answer.headers["location"]
    assert 'href="/hold/unfreeze"' in browser.get(answer.headers["location"]).text

    browser.post("/hold/unfreeze", per_minute="10")
    assert setting("freeze") is None


@pytest.mark.parametrize("pace", ["0006000000", "000001" + "0" * 5_000], ids=["more", "endless"])
def test_zeros_in_front_make_no_pace_of_too_much(browser: Browser, setting: Callable[[str], Any], pace: str) -> None:
    browser.post("/hold/freeze", reason="stock take")

    assert browser.post("/hold/unfreeze", per_minute=pace).status_code == 409 and setting("freeze") is not None


def test_nobody_freezes_as_a_restored_backup_does(browser: Browser, setting: Callable[[str], Any]) -> None:
    assert browser.post("/hold/freeze", reason=restored.FREEZE).status_code == 409

    assert setting("freeze") is None


def test_the_freeze_of_a_restored_backup_is_not_ended_by_a_button(browser: Browser, store: Database, setting: Callable[[str], Any]) -> None:
    store.write(lambda c: control.put(c, "freeze", {"reason": restored.FREEZE}, at=store.machine_now(c)))

    answers = browser.get("/hold/unfreeze"), browser.post("/hold/unfreeze")

    assert [answer.status_code for answer in answers] == [409, 409]
    assert setting("freeze") == {"reason": restored.FREEZE}


def test_a_pause_is_set_and_ended(browser: Browser, setting: Callable[[str], Any]) -> None:
    answer = browser.post("/hold/pause", source="shop", workflow="auto-send", reason="odd texts")

    assert setting("pause:shop:auto-send") == {"reason": "odd texts"}
    assert "odd texts" in browser.text("/hold/resume?source=shop&workflow=auto-send")
    assert "undo=%2Fhold%2Fresume%3Fsource%3Dshop%26workflow%3Dauto-send" in answer.headers["location"]

    browser.post("/hold/resume", source="shop", workflow="auto-send")
    assert setting("pause:shop:auto-send") is None


@pytest.mark.parametrize(("name", "act", "fields"), [("freeze", "unfreeze", {}), ("pause:shop:*", "resume", {"source": "shop"})])
def test_only_what_was_looked_at_is_let_go(
    browser: Browser, store: Database, setting: Callable[[str], Any], name: str, act: str, fields: dict[str, str]
) -> None:
    store.write(lambda c: control.put(c, name, {"reason": "stock take"}, at=store.machine_now(c)))
    page = browser.get(f"/hold/{act}?source={fields.get('source', '')}").text
    shown = re.search(r'name="shown" value="([^"]+)"', page)
    assert shown
    store.write(lambda c: control.put(c, name, {"reason": "charges twice"}, at=store.machine_now(c)))

    late = browser.post(f"/hold/{act}", shown=shown[1], **fields)

    assert late.status_code == 409 and "charges twice" in late.text
    assert setting(name) == {"reason": "charges twice"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [({}, "say what"), ({"source": "nobody"}, "no source nobody"), ({"workflow": "nothing"}, "there is no workflow nothing")],
)
def test_a_pause_of_nothing_is_refused(browser: Browser, fields: dict[str, str], said: str) -> None:
    answer = browser.post("/hold/pause", **fields)

    assert answer.status_code == 409
    assert said in answer.text


def test_a_mode_is_set_with_the_one_before_it_told(browser: Browser, setting: Callable[[str], Any]) -> None:
    assert "in mode observe now" in browser.text("/hold/mode?source=shop&workflow=auto-send")

    answer = browser.post("/hold/mode", source="shop", workflow="auto-send", mode="propose")

    assert setting("mode:shop:auto-send")["mode"] == "propose"
    assert "it+was+observe" in answer.headers["location"]


def test_a_mode_there_is_not_is_refused(browser: Browser, setting: Callable[[str], Any]) -> None:
    for fields in ({"workflow": "auto-send", "mode": "all"}, {"workflow": "nothing", "mode": "auto"}):
        assert browser.post("/hold/mode", source="shop", **fields).status_code == 409

    assert setting("mode:shop:auto-send") is None


def test_a_breaker_that_is_closed_is_not_tried(browser: Browser) -> None:
    answer = browser.post("/hold/probe", source="shop")

    assert answer.status_code == 409 and "is not open" in answer.text


def test_existing_objects_are_taken_only_where_it_was_ticked(browser: Browser, made: Made, setting: Callable[[str], Any]) -> None:
    browser.post("/hold/mode", source="shop", workflow="auto-send", mode="auto", include_existing="yes")

    assert setting("mode:shop:auto-send") == {"mode": "auto", "switched_at": None, "include_existing": True}


def test_an_operator_sets_any_mode_but_auto_and_ends_no_freeze(people: House) -> None:
    ben = people.inside("ben")

    def posted(mode: str) -> int:
        return ben.post("/hold/mode", source="shop", workflow="auto-send", mode=mode).status_code

    assert posted("auto") == 403 and posted("observe") != 403
    assert ben.post("/hold/freeze").status_code == 303 and ben.post("/hold/unfreeze").status_code == 403
    assert ben.get("/hold/unfreeze").status_code == 403


def undo_of(answer: httpx.Response) -> str:
    """Where the undo of an act leads."""
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query)).get("undo", "")


def test_undoing_a_mode_puts_back_the_one_there_was(browser: Browser, setting: Callable[[str], Any]) -> None:
    workflow = {"source": "shop", "workflow": "auto-send"}
    browser.post("/hold/mode", **workflow, mode="auto", include_existing="yes")

    undo = undo_of(browser.post("/hold/mode", **workflow, mode="off"))
    page = browser.get(undo).text

    assert "<option selected>auto</option>" in page
    assert re.search(r'name="include_existing" value="yes" checked', page)
    assert undo_of(browser.post("/hold/mode", **workflow, mode="off")) == ""


def test_undoing_a_mode_asks_for_what_was_said_not_for_what_it_comes_to_yet(
    browser: Browser, store: Database, setting: Callable[[str], Any]
) -> None:
    store.write(lambda c: control.put(c, "baseline:shop", None, at=store.machine_now(c)))
    browser.post("/hold/mode", source="shop", workflow="auto-send", mode="propose")

    answer = browser.post("/hold/mode", source="shop", workflow="auto-send", mode="off")

    assert "mode=propose" in undo_of(answer)


def test_an_ended_pause_is_told_before_the_mode_is_set(browser: Browser) -> None:
    browser.post("/hold/pause", source="shop", workflow="auto-send", reason="spike")

    assert "end its pause (spike)" in browser.text("/hold/mode?source=shop&workflow=auto-send")


@pytest.mark.parametrize(
    ("hold", "let_go", "fields", "name"),
    [("freeze", "unfreeze", {}, "freeze"), ("pause", "resume", {"source": "shop"}, "pause:shop:*")],
)
def test_undoing_keeps_the_reason_there_was(
    browser: Browser, setting: Callable[[str], Any], hold: str, let_go: str, fields: dict[str, str], name: str
) -> None:
    first = undo_of(browser.post(f"/hold/{hold}", reason="stock take", **fields))
    second = undo_of(browser.post(f"/hold/{hold}", reason="charges twice", **fields))
    third = undo_of(browser.post(f"/hold/{let_go}", **fields))

    assert first.startswith(f"/hold/{let_go}")
    assert second.startswith(f"/hold/{hold}") and "reason=stock+take" in second
    assert third.startswith(f"/hold/{hold}") and "reason=charges+twice" in third
    assert 'name="reason" value="charges twice"' in browser.get(third).text and setting(name) is None


@pytest.mark.parametrize(
    "act", ["freeze", "pause", "mode?source=shop&workflow=auto-send", "probe?source=shop", "close-breaker?source=shop"]
)
def test_what_can_be_undone_is_said_before(browser: Browser, act: str) -> None:
    undone = "cannot be undone" if "source=shop" in act and "mode" not in act else "It can be taken back"

    assert undone in browser.text(f"/hold/{act}")


def test_the_audits_line_of_a_mode_leads_back_to_the_one_before(browser: Browser, store: Database) -> None:
    browser.post("/hold/mode", source="shop", workflow="auto-send", mode="propose")
    table = table_of(control.Audit)
    with store.read() as connection:
        id = connection.execute(sa.select(table.c.id).where(table.c.act == "mode")).scalar_one()

    page = browser.get(f"/audit/{id}").text

    assert "/hold/mode?source=shop&amp;workflow=auto-send&amp;mode=observe&amp;back=%2Faudit" in page
