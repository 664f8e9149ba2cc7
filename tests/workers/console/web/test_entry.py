"""Who asks: by header, by token, by place."""

import getpass
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from tests.workers.console.conftest import Browser, House, Made
from workers.console.sessions import ConsoleSession
from workers.console.tokens import ConsoleToken
from workers.console.web.entry import among

ROLES = {"anna@example.org": "approver", "vera": "viewer"}
Make = Callable[..., House]


@pytest.fixture
def behind(house: Make) -> House:
    """A console behind a proxy at 10.0.0.1."""
    return house(login="header", proxies=["10.0.0.1"], roles=ROLES, names=["billhook.example.org"])


def named(browser: Browser, *values: str, header: str = "X-Forwarded-User") -> int:
    return browser.request("GET", "/runs", headers=[(header, value) for value in values]).status_code


def test_where_nobody_logs_in_the_audit_keeps_the_systems_user(browser: Browser) -> None:
    assert f"{getpass.getuser()} approver" in browser.text("/runs")


def test_a_proxys_header_names_the_person(behind: House) -> None:
    answer = behind.browser("10.0.0.1").get("/runs", X_Forwarded_User="anna@example.org")

    assert answer.status_code == 200
    assert "anna@example.org" in answer.text and "approver" in answer.text
    assert "Log out" not in answer.text


def test_the_header_from_elsewhere_is_refused(behind: House) -> None:
    for peer in ("10.0.0.2", "127.0.0.1", "::1", ""):
        answer = behind.browser(peer).get("/runs", X_Forwarded_User="anna@example.org")
        assert answer.status_code == 403 and "through its proxy only" in answer.text


def test_a_name_without_a_role_is_refused(behind: House) -> None:
    for name in ("carl", "", "ANNA@EXAMPLE.ORG", "anna@example.org, vera", "vera,vera", "roles"):
        assert named(behind.browser("10.0.0.1"), name) == 403, name


def test_no_header_at_all_is_refused(behind: House) -> None:
    assert behind.browser("10.0.0.1").get("/runs").status_code == 403


def test_the_header_twice_is_refused(behind: House) -> None:
    browser = behind.browser("10.0.0.1")

    assert named(browser, "vera", "anna@example.org") == 403
    assert named(browser, "vera", "vera") == 403
    assert named(browser, "vera") == 200


def test_the_header_with_underscores_is_not_the_proxys(behind: House) -> None:
    browser = behind.browser("10.0.0.1")

    for alike in ("X_Forwarded_User", "X-Forwarded_User", "x_forwarded-user"):
        smuggled = browser.request("GET", "/runs", headers=[("X-Forwarded-User", "vera"), (alike, "anna@example.org")])
        assert smuggled.status_code == 403
        assert named(browser, "vera", header=alike) == 403


def test_an_act_behind_a_proxy_takes_the_forms_secret_of_that_very_person(behind: House) -> None:
    browser = behind.browser("10.0.0.1")
    page = browser.get("/runs", X_Forwarded_User="anna@example.org").text
    csrf = page.split('name="csrf" content="')[1].split('"')[0]

    def posted(name: str) -> int:
        return browser.request("POST", "/logout", data={"csrf": csrf}, headers={"X-Forwarded-User": name}).status_code

    assert posted("anna@example.org") == 405
    assert posted("vera") == 403


def test_an_address_is_one_however_it_is_written() -> None:
    assert among("::ffff:10.0.0.1", ["10.0.0.1"]) and among("0:0::1", ["::1"])
    assert not among("10.0.0.11", ["10.0.0.1"]) and not among("", [""])


def test_a_token_opens_the_data_without_cookie_and_without_csrf(people: House, made: Made) -> None:
    token = people.new_token("operator")
    browser = people.browser()

    answer = browser.get("/effects", Authorization=f"Bearer {token}")
    act = browser.request("POST", "/no-such-act", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200 and answer.json()[0]["id"] == made.effect
    assert "set-cookie" not in answer.headers
    assert act.status_code != 403 and act.headers["content-type"] == "application/json"


@pytest.mark.parametrize("said", ["Bearer bhk_wrong", "Bearer", "Basic YW5uYTpx", "bhk_x", "Bearer bhk_\xe9"])
def test_a_wrong_token_is_refused_even_beside_a_sessions_cookie(people: House, said: str) -> None:
    answer = people.inside().request("GET", "/runs", headers=[(b"authorization", said.encode("latin-1"))])

    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "Forbidden"


def test_two_authorizations_are_refused(people: House) -> None:
    token = people.new_token()
    both = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]

    assert people.browser().request("GET", "/runs", headers=both).status_code == 401


def test_a_token_in_an_address_or_a_form_opens_nothing(people: House) -> None:
    token = people.new_token("approver")
    browser = people.browser()

    for name in ("token", "access_token", "authorization", "bearer"):
        assert browser.get(f"/runs?{name}={token}").status_code == 303
    assert browser.request("POST", "/act", data={"token": token}).status_code == 303


def test_a_viewers_token_may_post_nothing(people: House) -> None:
    answer = people.browser().request("POST", "/act/x", headers={"Authorization": f"Bearer {people.new_token()}"})

    assert answer.status_code == 403 and answer.json()["type"] == "Forbidden"


def test_a_token_opens_a_console_behind_a_proxy_too(behind: House) -> None:
    token = behind.new_token()

    assert behind.browser("10.9.9.9").get("/runs", Authorization=f"Bearer {token}").status_code == 200


def test_a_programs_mistake_is_json(people: House) -> None:
    token = people.new_token()

    answer = people.browser().get("/runs/nobody", Authorization=f"Bearer {token}")

    assert answer.status_code == 404 and answer.json()["type"] == "NotHere" and "there is no nobody" in answer.json()["error"]


def test_no_token_cookie_or_password_reaches_a_log(people: House, caplog: pytest.LogCaptureFixture) -> None:
    token = people.new_token()

    with caplog.at_level(logging.DEBUG):
        browser = people.inside()
        browser.get("/runs", Authorization=f"Bearer {token}")
        people.browser().log_in("anna", "wrong horse battery")

    ours = [str(record.__dict__) for record in caplog.records if not record.name.startswith(("httpx", "sqlalchemy"))]
    said = " ".join([caplog.text, *ours])
    assert token not in said and "horse" not in said
    assert all(cookie.value and cookie.value not in said for cookie in browser.cookies.jar)


@pytest.mark.parametrize("table", [table_of(ConsoleSession), table_of(ConsoleToken)])
def test_a_full_disk_turns_nobody_away_who_is_inside(
    people: House, store: Database, monkeypatch: pytest.MonkeyPatch, table: sa.Table
) -> None:
    anna, token = people.inside("anna"), people.new_token()
    used = sa.update(table_of(ConsoleSession)).values(seen_at=datetime.now(UTC) - timedelta(minutes=2))
    store.write(lambda c: c.execute(used))

    def full(*_what: object, **_how: object) -> None:
        raise sa.exc.OperationalError("UPDATE", {}, Exception("database or disk is full"))

    monkeypatch.setattr(store, "write", full)

    asked = {
        "console_session": lambda: anna.get("/needs"),
        "console_token": lambda: people.browser().get("/parked", Authorization=f"Bearer {token}"),
    }
    assert asked[table.name]().status_code == 200
