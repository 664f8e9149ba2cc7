"""Logging in and out in a real browser: readable for everybody, by keyboard, without script, and over when it is over."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.db import Database
from tests.browser.conftest import Visit, eventually, sync_api
from tests.browser.test_pages import AXE, RULES
from tests.workers.console.conftest import PASSWORD, QUICK
from workers.console import accounts
from workers.console.web.app import console
from workers.console.web.serve import server
from workers.loading import load_folders
from workers.settings import WorkerSettings

pytestmark = pytest.mark.browser
Open = Callable[..., Visit]


@pytest.fixture(scope="module")
def base(place: Path, store: Database) -> Iterator[str]:
    """The address of a console with accounts; anna approves."""
    own = place / "accounts.toml"
    own.write_text((place / "billhook.toml").read_text() + '\n[billhook.console]\nlogin = "accounts"\n')
    chosen = WorkerSettings(own, {"BILLHOOK_SECRETS_DIR": str(place / "secrets")})
    store.write(lambda c: accounts.add(c, "anna", QUICK.hash(PASSWORD), "approver", at=datetime.now(UTC), actor="test"))
    serving = server(console(chosen, store, load_folders(()), passwords=QUICK))
    serving.config.port = 0
    thread = threading.Thread(target=serving.run)
    thread.start()
    eventually(lambda: serving.started)
    yield f"http://127.0.0.1:{serving.servers[0].sockets[0].getsockname()[1]}"
    serving.should_exit = True
    thread.join()


def type_in(page: sync_api.Page, name: str, password: str) -> None:
    """Log in by keyboard: the name's field has the focus."""
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_log_in_shuts_nobody_out(visit: Open, dark: bool) -> None:
    one = visit(dark=dark)
    for wrong in (False, True):
        page = one.go("/")
        if wrong:
            type_in(page, "nobody", "wrong horse battery")
            page.get_by_role("alert").wait_for()
        one.picture(f"login{'-wrong' if wrong else ''}-{'dark' if dark else 'light'}")
        page.evaluate(AXE)
        assert page.evaluate("(rules) => axe.run(document, rules)", RULES)["violations"] == []


def test_the_log_in_fits_a_phone(visit: Open) -> None:
    one = visit(phone=True)
    page = one.go("/runs")
    one.picture("login-phone")

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_one_logs_in_by_keyboard_and_out_and_is_out(visit: Open, script: bool) -> None:
    one = visit(script=script)
    page = one.go("/effects?state=proposed")
    assert page.url.endswith("/login?next=%2Feffects%3Fstate%3Dproposed")

    type_in(page, "anna", PASSWORD)
    page.wait_for_url("**/effects?state=proposed")
    assert "anna" in page.locator(".who").inner_text()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.go_back()

    assert page.locator(".who").count() == 0 or one.go("/effects").url.endswith("/login?next=%2Feffects")
