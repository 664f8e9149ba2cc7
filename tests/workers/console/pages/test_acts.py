"""Acts by button: asked first, carried out once, by whom it was and why, and refused in words."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.console.conftest import PASSWORD, QUICK, Browser, House, Made, make_unknown, words
from workers import desk, ledger, orders
from workers.console import accounts
from workers.console.pages import acts
from workers.control import Audit
from workers.ids import new_id

NOW = datetime.now(UTC)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


def change_request(store: Database, id: str) -> None:
    """Have it ask for something else, without a new id."""
    effect = table_of(ledger.EffectRow)
    store.write(lambda c: c.execute(sa.update(effect).where(effect.c.id == id).values(request={"to": "somebody else"})))


def state(store: Database, id: str) -> str:
    with store.read() as connection:
        row = ledger.load(connection, id)
    assert row is not None
    return str(row["state"])


def given(store: Database) -> list[sa.RowMapping]:
    table = table_of(Delivery)
    with store.read() as connection:
        return list(connection.execute(sa.select(table).where(table.c.origin == "operator")).mappings())


@pytest.mark.usefixtures("router")
def test_an_approval_is_asked_for_and_then_given_by_name(browser: Browser, store: Database, made: Made) -> None:
    page = browser.get(f"/act/approve?subject={made.effect}").text

    assert "119.00 EUR" in page and "invoice.sendbyemail" in page
    assert state(store, made.effect) == "proposed"

    answer = browser.post("/act/approve", subject=made.effect, order=hidden(page, "order"), reason="looked at it")

    assert answer.status_code == 303
    assert "said=Approve%3A+approved" in answer.headers["location"]
    assert state(store, made.effect) == "approved"
    with store.read() as connection:
        audit = connection.execute(sa.select(table_of(Audit)).where(table_of(Audit).c.act == "approve")).mappings().one()
    assert audit["actor"].startswith("console") and audit["reason"] == "looked at it"


@pytest.mark.usefixtures("router")
def test_the_same_form_sent_twice_gives_one_order(browser: Browser, store: Database, made: Made) -> None:
    order = hidden(browser.get(f"/act/reject?subject={made.effect}").text, "order")

    for _ in range(2):
        browser.post("/act/reject", subject=made.effect, order=order)

    assert len(given(store)) == 1
    assert state(store, made.effect) == "cancelled"


def test_an_act_without_the_pages_token_is_not_given(browser: Browser, store: Database, made: Made) -> None:
    for csrf in ("", "0" * 64):
        answer = browser.request("POST", "/act/approve", data={"csrf": csrf, "subject": made.effect, "order": "a"})
        assert answer.status_code == 403

    assert given(store) == []


def test_a_foreign_page_cannot_act_even_with_the_token(browser: Browser, store: Database, made: Made) -> None:
    form = {"csrf": browser.token(), "subject": made.effect, "order": "a"}

    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://evil.example"}):
        assert browser.request("POST", "/act/approve", data=form, headers=headers).status_code == 403

    assert given(store) == []


@pytest.mark.usefixtures("router")
def test_what_the_router_refuses_is_told(browser: Browser, store: Database, made: Made) -> None:
    store.write(lambda c: ledger.move(c, made.effect, "cancelled", since=["proposed"], at=NOW, reason="paid", actor="test"))

    answer = browser.post("/act/approve", subject=made.effect, order="a1")

    assert "refused" in answer.headers["location"] and "cancelled" in answer.headers["location"]


def test_an_order_that_nobody_routes_is_kept_and_said_so(
    browser: Browser, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "ANSWER_S", 0.0)

    answer = browser.post("/act/approve", subject=made.effect, order="a1")

    assert "nobody+routes+it+now" in answer.headers["location"]
    assert len(given(store)) == 1


def test_sending_again_needs_a_reason(browser: Browser, store: Database, made: Made) -> None:
    answer = browser.post("/act/resend", subject=made.effect, order="a1", reason="  ")

    assert answer.status_code == 400 and "Say why" in answer.text
    assert given(store) == []


@pytest.mark.usefixtures("router")
def test_the_day_it_happened_is_a_day_of_the_accounts_zone(browser: Browser, store: Database, made: Made) -> None:
    make_unknown(store, made.effect)

    answer = browser.post("/act/did", subject=made.effect, order="a1", on="2026-11-20")

    assert answer.status_code == 303
    with store.read() as connection:
        row = ledger.load(connection, made.effect)
    assert row is not None and row["settled_at"] == datetime(2026, 11, 19, 23, 0, tzinfo=UTC)
    assert browser.post("/act/did", subject=made.effect, order="a2", on="20.11.").status_code == 400


@pytest.mark.parametrize("on", ["0001-01-01", "1999-12-31", "9999-12-31", f"{NOW + timedelta(days=2):%Y-%m-%d}"])
def test_nothing_happened_on_a_day_that_cannot_be(browser: Browser, store: Database, made: Made, on: str) -> None:
    make_unknown(store, made.effect)

    answer = browser.post("/act/did", subject=made.effect, order="a1", on=on)

    assert answer.status_code == 400 and "on which day" in answer.text
    assert given(store) == []


@pytest.mark.usefixtures("router")
def test_what_is_parked_is_closed(browser: Browser, store: Database) -> None:
    at = NOW - timedelta(hours=1)
    store.write(lambda c: desk.park(c, kind="failed", source="shop", subject="thing:1", reason="odd", at=at))

    page = browser.text("/needs")
    answer = browser.post("/act/close", subject="1", order="a1", back="/needs?kind=parked")

    assert "failed: thing:1" in page
    assert answer.headers["location"].startswith("/needs?kind=parked&said=Close")
    assert "Nothing waits for you." in browser.text("/needs")


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/x\nset-cookie: a"])
def test_one_is_never_led_elsewhere(browser: Browser, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch, back: str) -> None:
    monkeypatch.setattr(acts, "ANSWER_S", 0.0)

    answer = browser.post("/act/approve", subject=made.effect, order="a1", back=back)

    assert answer.headers["location"].startswith("/needs?said=")


@pytest.mark.parametrize("path", ["/act/approve?subject=nobody", "/act/nothing?subject=1", "/act/approve", "/act/close?subject=alert:99"])
def test_an_act_on_nothing_is_not_found(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_several_are_approved_at_once_with_their_money_told(browser: Browser, store: Database, made: Made) -> None:
    text = words(browser.get(f"/act/reject?subject={made.effect}&subject={made.effect}").text)

    assert "Reject: 2 of them" not in text  # the same one twice is one


@pytest.mark.parametrize("act", list(acts.ACTS.values()), ids=lambda act: act.name)
def test_every_act_says_what_takes_it_back(act: acts.Act) -> None:
    assert act.undo.endswith(".") and ("cannot be undone" in act.undo or "take" in act.undo)


@pytest.mark.usefixtures("router")
def test_an_alert_gets_back_the_state_it_had(browser: Browser, store: Database) -> None:
    store.write(lambda c: desk.alert(c, subject="shop", source="shop", reason="odd", at=NOW))
    with store.read() as connection:
        id = connection.execute(sa.select(table_of(desk.Alert).c.id)).scalar_one()
    alert = f"alert:{id}"

    first = browser.post("/act/acknowledge", subject=alert, order="a").headers["location"]
    second = browser.post("/act/ignore", subject=alert, order="b").headers["location"]

    assert unquote_plus(first).endswith(f"undo=/act/reopen?subject=alert%3A{id}")
    assert unquote_plus(second).endswith(f"undo=/act/acknowledge?subject=alert%3A{id}")
    assert f'href="/act/reopen?subject=alert%3A{id}">Undo' in browser.get(first).text
    assert "open" in unquote_plus(browser.post("/act/reopen", subject=alert, order="c").headers["location"])


def test_every_act_of_the_router_has_a_page(browser: Browser) -> None:
    assert {act.order for act in acts.ACTS.values()} == {
        "approve",
        "reject",
        "resolve",
        "resend",
        "retry",
        "close",
        "acknowledge",
        "ignore",
        "reopen",
    }
    assert orders.ANSWER_S > acts.ANSWER_S


@pytest.fixture
def two(house: Callable[..., House], store: Database) -> House:
    """A console where more than 100 takes two people; carl approves too."""
    made = house(login="accounts", two_people_above=100)
    store.write(lambda c: accounts.add(c, "carl", QUICK.hash(PASSWORD), "approver", at=NOW, actor="test"))
    return made


def approve(browser: Browser, effect: str) -> str:
    order = hidden(browser.get(f"/act/approve?subject={effect}").text, "order")
    return unquote_plus(browser.post("/act/approve", subject=effect, order=order).headers["location"])


def propose(store: Database, made: Made, number: str, amount: str) -> str:
    """One more effect of the run, of another invoice."""
    plan = ledger.Plan(
        run_id=made.run, step=f"send {number}", workflow="auto-send", source="shop", service="invoice.sendbyemail", object_kind="invoice",
        object_id=number, customer_id="501", purpose="send", request={"INVOICE_ID": number}, amount=amount,
    )  # fmt: skip
    id = new_id()
    store.write(lambda c: ledger.intend(c, id, plan, state="proposed", at=NOW))
    return id


@pytest.mark.usefixtures("router")
def test_above_the_amount_a_second_person_approves(two: House, store: Database, made: Made) -> None:
    anna = two.inside("anna")

    first, again = approve(anna, made.effect), approve(anna, made.effect)
    before = (state(store, made.effect), len(given(store)))
    second = approve(two.inside("carl"), made.effect)

    assert "first of two" in first and "you said yes already" in again
    assert before == ("proposed", 0)
    assert "approved" in second and state(store, made.effect) == "approved"
    assert [act[:3] for act in two.audit() if act[0].startswith("approve")] == [
        ("approve.first", "console:anna", made.effect), ("approve", "console:carl", made.effect),
    ]  # fmt: skip


@pytest.mark.usefixtures("router")
def test_what_is_approved_is_what_was_shown(browser: Browser, store: Database, made: Made) -> None:
    page = browser.get(f"/act/approve?subject={made.effect}").text
    shown = {name: hidden(page, name) for name in ("subject", "order", "bound")}
    change_request(store, made.effect)

    answer = browser.post("/act/approve", **shown)

    assert "refused" in answer.headers["location"] and "look+at+it+again" in answer.headers["location"]
    assert state(store, made.effect) == "proposed"


def test_a_first_yes_is_none_to_another_request(two: House, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "ANSWER_S", 0.0)
    anna = two.inside("anna")
    page = anna.get(f"/act/approve?subject={made.effect}").text
    shown = {name: hidden(page, name) for name in ("subject", "order", "bound")}
    change_request(store, made.effect)

    anna.post("/act/approve", **shown)

    assert "approve.first" not in {act for act, *_ in two.audit()}


def test_one_person_leaves_no_order_for_when_it_waits_again(two: House, store: Database, made: Made) -> None:
    for before, after in (("proposed", "approved"), ("approved", "intended")):
        store.write(lambda c, before=before, after=after: ledger.move(c, made.effect, after, since=[before], at=NOW))  # type: ignore[misc]

    told = approve(two.inside("anna"), made.effect)

    assert "does not wait for that now" in told and given(store) == []


def test_many_that_are_too_much_together_take_a_second_person(two: House, store: Database, made: Made) -> None:
    store.write(lambda c: c.execute(sa.update(table_of(ledger.EffectRow)).values(amount="60.00 EUR")))
    ids = [made.effect, propose(store, made, "4712", "60.00 EUR")]
    page, anna = "/act/approve?" + "&".join(f"subject={id}" for id in ids), two.inside("anna")
    told = anna.text(page)
    form = {"subject": ids, "order": hidden(anna.get(page).text, "order")}

    bulk = anna.request("POST", "/act/approve", data={"csrf": anna.token(), **form})
    alone = approve(anna, made.effect)

    assert "So much EUR takes two people" in told
    assert "2 not: kept as the first of two" in unquote_plus(bulk.headers["location"])
    assert "you said yes already" in alone and given(store) == []


@pytest.mark.usefixtures("router")
@pytest.mark.parametrize("act", ["did", "did-not"])
def test_saying_what_happened_to_so_much_takes_two(two: House, store: Database, made: Made, act: str) -> None:
    make_unknown(store, made.effect)

    told = [
        unquote_plus(person.post(f"/act/{act}", subject=made.effect, order="a").headers["location"])
        for person in (two.inside("anna"), two.inside("carl"))
    ]

    assert "first of two" in told[0] and "operator_did" in told[1]
    assert f"{act}.first" in {name for name, *_ in two.audit()}


@pytest.mark.parametrize("act", ["approve", "did", "did-not", "resend"])
def test_a_forged_mark_of_what_was_shown_is_no_way_around_the_second_person(two: House, store: Database, made: Made, act: str) -> None:
    if act == "resend":
        table = table_of(ledger.EffectRow)
        store.write(lambda c: c.execute(sa.update(table).where(table.c.id == made.effect).values(state="done")))
    elif act != "approve":
        make_unknown(store, made.effect)

    told = two.inside("anna").post(f"/act/{act}", subject=made.effect, bound="f" * 64, order="a", reason="alone").headers["location"]

    assert "look+at+it+again" in told and given(store) == []


def test_a_program_sends_no_form(two: House, store: Database, made: Made) -> None:
    headers = {"Authorization": f"Bearer {two.new_token('approver')}"}

    for path, fields in (("/act/reject", {"subject": made.effect, "order": "a"}), ("/hold/freeze", {})):
        answer = two.browser().request("POST", path, data=fields, headers=headers)
        assert answer.status_code == 404 and "/api/acts" in answer.json()["error"]

    assert given(store) == [] and not [act for act, *_ in two.audit() if act == "freeze"]


def test_nobody_acts_above_the_own_role(two: House, store: Database, made: Made) -> None:
    ben, vera = two.inside("ben"), two.inside("vera")

    assert ben.get(f"/act/approve?subject={made.effect}").status_code == 403
    assert ben.post("/act/approve", subject=made.effect, order="a").status_code == 403
    assert ben.get(f"/act/reject?subject={made.effect}").status_code == 200
    assert vera.get(f"/act/reject?subject={made.effect}").status_code == 403
    assert vera.post("/act/reject", subject=made.effect, order="a").status_code == 403
    assert given(store) == []
