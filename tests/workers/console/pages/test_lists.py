"""The list pages: what they show, what a search gives, and that nothing from outside becomes markup."""

import pytest

from tests.workers.console.conftest import Browser, Made


@pytest.mark.parametrize("name", ["deliveries", "events", "runs", "effects", "refusals"])
def test_every_list_opens_on_an_empty_database(browser: Browser, name: str) -> None:
    assert "Nothing yet." in browser.text(f"/{name}")


def test_a_row_leads_to_what_it_names(browser: Browser, made: Made) -> None:
    page = browser.get("/effects").text

    assert f'href="/effects/{made.effect}"' in page
    assert 'href="/story?key=invoice:4711&amp;source=shop"' in page


def test_a_search_keeps_what_was_typed_and_what_it_finds(browser: Browser, made: Made) -> None:
    found, missed = browser.get("/effects?state=proposed&object=4711"), browser.text("/effects?object=4712")

    assert made.effect in found.text and 'value="4711"' in found.text
    assert "Nothing like it." in missed


def test_a_field_that_cannot_be_understood_is_told_beside_the_form(browser: Browser) -> None:
    answer = browser.get("/effects?least=many")

    assert answer.status_code == 400
    assert "write an amount such as 119.00" in answer.text


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_is_none_in_utc_is_told_beside_the_form(browser: Browser, at: str) -> None:
    for path in (f"/runs?since={at}", f"/runs?until={at}", f"/replay?invoice=1&since={at}"):
        answer = browser.get(path)

        assert answer.status_code == 400 and "write a time such as" in answer.text


def test_what_is_typed_is_never_markup(browser: Browser) -> None:
    page = browser.get("/deliveries?text=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text

    assert "<script>alert" not in page


def test_a_list_there_is_not_is_not_found(browser: Browser) -> None:
    assert browser.get("/nonsense").status_code == 404
