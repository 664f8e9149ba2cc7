"""The console's door: whose host names, whose forms, and what a browser is told to run."""

import pytest

from tests.workers.console.conftest import Browser


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
def test_a_foreign_name_that_points_here_is_refused(browser: Browser, host: str) -> None:
    answer = browser.get("/runs", host=host)

    assert answer.status_code == 421
    assert "auto-send" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8081", "localhost", "[::1]:9"])
def test_this_machines_own_names_are_served(browser: Browser, host: str) -> None:
    assert browser.get("/runs", host=host).status_code == 200


def test_every_answer_lets_a_browser_run_nothing_but_ours(browser: Browser) -> None:
    for path in ("/runs", "/nonsense", "/static/console.js"):
        policy = browser.get(path).headers["content-security-policy"]

        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert "unsafe" not in policy


def test_no_page_holds_script_or_style_of_its_own(browser: Browser) -> None:
    page = browser.get("/runs").text

    assert " style=" not in page and "onclick" not in page and "<style" not in page
    assert "<script src=" in page and "<script>" not in page
