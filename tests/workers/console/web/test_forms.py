"""What a page gets of a form."""

from receiver.db import Database
from tests.workers.console.conftest import Browser
from workers import control


def test_what_no_database_keeps_is_replaced_before_a_page_sees_it(browser: Browser, store: Database) -> None:
    browser.post("/hold/freeze", reason="stock\x00take")

    with store.read() as connection:
        assert control.frozen(connection) == "stock\N{REPLACEMENT CHARACTER}take"
