"""What changes by itself in a browser: the first page with a stream and without one, and the number beside Needs you on every page."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from receiver.db import Database
from tests.browser.conftest import Stories, Visit, make_story
from workers import control
from workers.console.web import seats

pytestmark = pytest.mark.browser
Open = Callable[..., Visit]


@pytest.mark.parametrize("streams", [0, seats.EACH_MAX])
def test_the_first_page_tells_of_a_freeze_with_a_stream_and_without(
    visit: Open, store: Database, monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    monkeypatch.setattr(seats, "EACH_MAX", streams)
    page = visit().go("/")
    page.wait_for_function("() => document.querySelector('#now')._htmx")

    store.write(lambda c: control.put(c, "freeze", {"reason": "stock take"}, at=store.machine_now(c)))
    page.get_by_text("Everything that acts is frozen").wait_for(timeout=12_000)
    store.write(lambda c: control.put(c, "freeze", None, at=store.machine_now(c)))

    assert page.get_by_text("looks again every few seconds").count() == (streams == 0)
    page.get_by_text("Everything that acts is frozen").wait_for(state="detached", timeout=12_000)


def test_the_number_beside_needs_you_changes_on_a_page_that_is_left_open(visit: Open, store: Database, stories: Stories) -> None:
    one = visit()
    one.page.clock.install()
    page = one.go("/audit")
    before = int(page.locator("#needed").inner_text())

    make_story(store, "5401", "501", at=datetime.now(UTC))
    page.clock.run_for(31_000)
    page.wait_for_function(f"() => document.querySelector('#needed').textContent.trim() === '{before + 1}'")
