"""Boards: the authors' tables, and an author's bug that hides nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from receiver.db import Database
from tests.workers.console.conftest import Browser
from workers.panels import make_panel
from workers.registry import Registry


@dataclass
class Late:
    invoice_id: str
    days: int


def late(_connection: Connection, _source: str) -> list[Late]:
    """Who pays late."""
    return [Late("<b>4711</b>", 9)]


def broken(_connection: Connection, _source: str) -> list[Late]:
    """Always wrong."""
    raise KeyError("secret value")


@pytest.fixture
def with_panel(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Register a panel for this test alone."""

    def register(fn: Any) -> None:
        panel = make_panel(fn.__name__, fn)
        known = browser.app.state.site.registry
        monkeypatch.setattr(Registry, "panels", lambda self: [panel])
        monkeypatch.setattr(Registry, "panel", lambda self, name: panel if name == panel.name else None)
        assert known is not None

    return register


def test_every_shipped_board_opens(browser: Browser, store: Database, place: Path) -> None:
    panels = browser.app.state.site.registry.panels()

    assert [panel.name for panel in panels if browser.get(f"/boards/{panel.name}").status_code != 200] == []
    assert len(panels) > 2


def test_a_board_shows_its_rows_as_text(browser: Browser, with_panel: Callable[[Any], None]) -> None:
    with_panel(late)

    page = browser.get("/boards/late").text

    assert "Who pays late." in page and "&lt;b&gt;4711&lt;/b&gt;" in page and "<b>4711</b>" not in page


def test_an_authors_bug_is_told_with_its_place_and_no_value(browser: Browser, with_panel: Callable[[Any], None]) -> None:
    with_panel(broken)

    answer = browser.get("/boards/broken")

    assert answer.status_code == 200
    assert "test_boards.py" in answer.text and "KeyError" in answer.text and "secret value" not in answer.text


def test_a_board_there_is_not_is_not_found(browser: Browser) -> None:
    assert browser.get("/boards/nothing").status_code == 404
