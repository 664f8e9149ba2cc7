"""Logging in and out, and what somebody tries who may not."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from tests.workers.console.conftest import PASSWORD, Browser, House, words
from workers import control
from workers.console import accounts, sessions
from workers.console.sessions import ConsoleSession
from workers.console.web.entry import COOKIE
from workers.console.web.login import WRONG, own_path

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def test_nobody_sees_a_page_before_the_log_in(people: House) -> None:
    browser = people.browser()

    for path in ("/", "/runs", "/runs/1", "/story?key=1", "/find?q=1", "/nonsense"):
        answer = browser.get(path)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login"), path
        assert answer.text == ""


def test_the_log_in_leads_to_where_one_wanted_to_go(people: House) -> None:
    browser = people.browser()

    way = browser.get("/effects?state=proposed&object=47%2F11").headers["location"]
    shown = browser.get(way).text
    answer = browser.log_in(next="/effects?state=proposed&object=47%2F11")

    assert 'value="/effects?state=proposed&amp;object=47%2F11"' in shown
    assert answer.headers["location"] == "/effects?state=proposed&object=47%2F11"
    assert "anna approver" in browser.text("/runs")


FOREIGN = (
    "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "evil.example", "/\t/evil.example", "/\r\nx: y",
    "\\\\evil.example", "/%0d%0a\n", "", "/login", "/logout", "/" + "x" * 2000, " //evil.example", "/\u2028",
)  # fmt: skip


@pytest.mark.parametrize("next", FOREIGN)
def test_what_is_no_path_of_ours_is_the_first_page(next: str) -> None:
    assert own_path(next) == "/"


def test_the_log_in_leads_nowhere_but_to_a_page_of_ours(people: House) -> None:
    assert {people.browser().log_in(next=next).headers["location"] for next in FOREIGN} == {"/"}


def test_a_wrong_name_and_a_wrong_password_look_the_same(people: House) -> None:
    tried = [("anna", "wrong horse battery"), ("nobody", PASSWORD), ("carl", "qqq"), ("", ""), ("\x00", "x" * 5000)]

    answers = [(name, password, people.browser(f"10.0.0.{n}").log_in(name, password)) for n, (name, password) in enumerate(tried)]

    assert {(answer.status_code, words(answer.text)) for *_, answer in answers} == {(401, words(answers[0][2].text))}
    assert WRONG in answers[0][2].text
    assert all(password not in answer.text for _, password, answer in answers if password)


def test_a_disabled_account_looks_like_a_wrong_password(people: House) -> None:
    people.store.write(lambda c: accounts.disable(c, "anna", at=NOW, actor="test"))

    answer = people.browser().log_in()

    assert answer.status_code == 401 and WRONG in answer.text
    assert people.audit()[-1] == ("login.failed", "console", "anna", "disabled")


def test_log_ins_are_audited_without_the_password_and_without_a_name_nobody_has(people: House) -> None:
    browser = people.browser()

    browser.log_in("anna", "wrong horse battery")
    browser.log_in("my-secret-typed-as-name", "whatever else")
    browser.log_in()
    browser.post("/logout")

    assert people.audit()[3:] == [
        ("login.failed", "console", "anna", "password"), ("login.failed", "console", "", "unknown name"),
        ("login", "console:anna", "anna", ""), ("logout", "console:anna", "anna", ""),
    ]  # fmt: skip
    with people.store.read() as connection:
        kept = str(connection.execute(sa.select(table_of(control.Audit))).all())
    assert "horse" not in kept and "my-secret" not in kept


def test_a_log_in_makes_a_new_session_whatever_the_browser_held(people: House) -> None:
    browser = people.browser()
    fixed = "f" * 43
    browser.cookies.set(COOKIE, fixed, domain="127.0.0.1", path="/")

    browser.log_in()

    assert COOKIE in browser.cookies and fixed not in {cookie.value for cookie in browser.cookies.jar}
    victim_as_the_attacker_hopes = people.browser()
    victim_as_the_attacker_hopes.cookies.set(COOKIE, fixed)
    assert victim_as_the_attacker_hopes.get("/runs").status_code == 303


def test_a_second_log_in_ends_the_first_session_of_this_browser(people: House) -> None:
    browser = people.inside()
    first = browser.cookies[COOKIE]

    answer = browser.request("POST", "/login", data={"csrf": browser.token(), "name": "ben", "password": PASSWORD})

    assert answer.status_code == 303 and browser.cookies[COOKIE] != first
    assert _with(people, first).get("/runs").status_code == 303
    assert "ben operator" in browser.text("/runs")


def _with(people: House, cookie: str) -> Browser:
    browser = people.browser()
    browser.cookies.set(COOKIE, cookie)
    return browser


def test_the_cookie_of_an_ended_session_opens_nothing(people: House) -> None:
    browser = people.inside()
    cookie = browser.cookies[COOKIE]

    assert _with(people, cookie).get("/runs").status_code == 200
    assert browser.post("/logout").headers["location"] == "/login"

    assert COOKIE not in browser.cookies
    assert _with(people, cookie).get("/runs").status_code == 303


@pytest.mark.parametrize("change", ["disable", "role", "password", "end"])
def test_a_live_session_ends_with_its_accounts_change(people: House, change: str) -> None:
    browser, bystander = people.inside("ben"), people.inside("vera")
    changes = {
        "disable": lambda c: accounts.disable(c, "ben", at=NOW, actor="test"),
        "role": lambda c: accounts.set_role(c, "ben", "approver", at=NOW, actor="test"),
        "password": lambda c: accounts.set_password(c, "ben", "other", at=NOW, actor="test"),
        "end": lambda c: accounts.end_sessions(c, "ben", at=NOW, actor="test"),
    }

    people.store.write(changes[change])

    assert browser.get("/runs").status_code == 303 and bystander.get("/runs").status_code == 200


def test_a_disabled_account_has_no_session_even_where_its_row_is_left(people: House) -> None:
    browser = people.inside("ben")
    table = table_of(accounts.ConsoleAccount)

    people.store.write(lambda c: c.execute(sa.update(table).values(disabled_at=NOW)))

    assert browser.get("/runs").status_code == 303


@pytest.mark.parametrize(("column", "ago"), [("seen_at", timedelta(minutes=60)), ("expires_at", timedelta(0))])
def test_a_session_is_over_after_an_idle_hour_and_at_its_end(people: House, column: str, ago: timedelta) -> None:
    browser = people.inside()

    people.store.write(lambda c: c.execute(sa.update(table_of(ConsoleSession)).values({column: datetime.now(UTC) - ago})))

    assert browser.get("/runs").status_code == 303


def test_using_a_session_is_noted(people: House) -> None:
    browser, table = people.inside(), table_of(ConsoleSession)
    people.store.write(lambda c: c.execute(sa.update(table).values(seen_at=datetime.now(UTC) - timedelta(minutes=59))))

    browser.get("/runs")

    with people.store.read() as connection:
        seen_at = connection.execute(sa.select(table.c.seen_at)).scalar_one()
    assert datetime.now(UTC) - seen_at < timedelta(minutes=1)


def test_what_a_page_asks_by_itself_is_no_use_of_a_session(people: House) -> None:
    browser, table = people.inside(), table_of(ConsoleSession)
    before = datetime.now(UTC) - timedelta(minutes=59)
    people.store.write(lambda c: c.execute(sa.update(table).values(seen_at=before)))

    assert browser.get("/needed").status_code == 200

    with people.store.read() as connection:
        assert connection.execute(sa.select(table.c.seen_at)).scalar_one() == before


def test_the_third_wrong_password_makes_wait_and_the_right_one_too(people: House) -> None:
    gate = people.app.state.gate
    gate.now_s = lambda: 1_000.0
    browser = people.browser()
    for _ in range(3):
        assert browser.log_in("anna", "wrong horse battery").status_code == 401

    held = browser.log_in()
    gate.now_s = lambda: 1_001.0

    assert held.status_code == 429 and held.headers["retry-after"] == "2" and "wait 2 seconds" in held.text
    assert browser.log_in().status_code == 303


def test_a_name_nobody_has_is_held_just_as_long(people: House) -> None:
    people.app.state.gate.now_s = lambda: 1_000.0
    answers = {}
    for name, peer in (("anna", "10.0.0.1"), ("nobody", "10.0.0.2")):
        browser = people.browser(peer)
        answers[name] = [browser.log_in(name, "wrong horse battery") for _ in range(5)]

    assert [(a.status_code, words(a.text)) for a in answers["anna"]] == [(a.status_code, words(a.text)) for a in answers["nobody"]]
    assert answers["nobody"][-1].status_code == 429


def test_an_address_that_tries_many_names_is_held_and_another_is_not(people: House) -> None:
    people.app.state.gate.now_s = lambda: 1_000.0
    for number in range(4):
        people.browser("10.0.0.1").log_in(f"name{number}", "wrong horse battery")

    assert people.browser("10.0.0.1").log_in().status_code == 429
    assert people.browser("10.0.0.2").log_in().status_code == 303


def test_behind_its_proxy_the_address_is_the_one_the_proxy_saw(people: House) -> None:
    people.app.state.gate.now_s = lambda: 1_000.0

    def tried(seen: str, name: str, peer: str = "127.0.0.1") -> int:
        browser = people.browser(peer)
        found = browser.get("/login").text.split('name="csrf" value="')[1].split('"')[0]
        form = {"csrf": found, "name": name, "password": "wrong horse battery"}
        return browser.request("POST", "/login", data=form, headers={"X-Forwarded-For": seen}).status_code

    behind = [tried(f"6.6.6.{number}, 10.0.0.1", f"a{number}") for number in range(4)]
    elsewhere = tried("10.0.0.1, 10.0.0.9", "b")
    invented = [tried(f"10.1.0.{number}", f"c{number}", peer="10.0.0.5") for number in range(4)]

    assert behind == [401, 401, 401, 429] and elsewhere == 401
    assert invented == [401, 401, 401, 429]


def test_a_flood_of_failures_is_audited_in_part(people: House) -> None:
    people.app.state.gate.now_s = lambda: 600.0

    for number in range(33):
        people.browser(f"10.0.0.{number}").log_in(f"name{number}", "wrong horse battery")

    assert len(people.audit()[3:]) == 30


def test_too_many_at_once_are_told_to_come_again(people: House) -> None:
    class Full:
        def statistics(self) -> "Full":
            return self

        tasks_waiting = 20

    people.app.state.gate.limiter = Full()

    assert people.browser().log_in().status_code == 503


def test_an_account_changed_while_its_password_was_checked_is_not_let_in(people: House) -> None:
    gate = people.app.state.gate
    with people.store.read() as connection:
        before = accounts.found(connection, "anna")
    people.store.write(lambda c: accounts.set_password(c, "anna", "other", at=NOW, actor="test"))

    assert people.store.write(lambda c: gate._begin(c, before, None, "")) is None
    with people.store.read() as connection:
        assert sessions.counted(connection) == {}


def test_the_log_ins_form_of_another_browser_is_refused(people: House) -> None:
    mallorys = people.browser()
    stolen = mallorys.get("/login").text.split('name="csrf" value="')[1].split('"')[0]

    answer = people.browser().request("POST", "/login", data={"csrf": stolen, "name": "anna", "password": PASSWORD})

    assert answer.status_code == 403


def test_who_is_logged_in_goes_straight_on(people: House) -> None:
    assert people.inside().get("/login?next=/runs").headers["location"] == "/runs"


def test_without_accounts_there_is_no_log_in(browser: Browser) -> None:
    assert browser.get("/login").status_code == 404
    assert browser.post("/login", name="anna", password=PASSWORD).status_code == 405
    assert browser.post("/logout").status_code == 405
