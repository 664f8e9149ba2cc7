"""`billhook panel`: lists what authors made, shows one, and names what goes wrong in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.db import Database
from tests.workers.cli.conftest import CONFIG, Billhook
from workers.registry import REGISTRY

PANEL = '''
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from workers.authoring import Money, panel

@dataclass
class Row:
    customer: str
    owed: Money
    since: date

@panel("late payers")
def late(connection, source) -> list[Row]:
    """Who pays late."""
    return [Row("501", Money(Decimal("12.5"), "EUR"), date(2026, 11, 1))]

@panel("broken one")
def broken(connection, source) -> list[Row]:
    return [1 / 0]
'''


@pytest.fixture(autouse=True)
def folder(place: Path, sqlite_url: str) -> Iterator[Path]:
    """A folder of workflows with two panels, forgotten afterwards."""
    known, broken = dict(REGISTRY._panels), dict(REGISTRY.broken)
    (place / "flows").mkdir()
    (place / "flows" / "late.py").write_text(PANEL)
    text = CONFIG.format(database=sqlite_url).replace("[billhook]", '[billhook]\nworkflows = ["flows"]', 1)
    (place / "billhook.toml").write_text(text)
    yield place / "flows"
    REGISTRY._panels, REGISTRY.broken = known, broken


def test_panels_are_listed_by_name_with_what_they_are_about(billhook: Billhook) -> None:
    listed = billhook("panel", "--json").json

    assert [(row["panel"], row["about"]) for row in listed if row["file"].endswith("late.py")][-1] == ("late payers", "Who pays late.")


def test_a_panel_is_a_table_with_plain_money_and_dates(billhook: Billhook, store: Database) -> None:
    shown, rows = billhook("panel", "late payers"), billhook("panel", "late payers", "--source", "shop", "--json").json

    assert shown.code == 0
    assert shown.out.split() == ["source", "customer", "owed", "since", "shop", "501", "12.50", "EUR", "2026-11-01"]
    assert rows == [{"source": "shop", "customer": "501", "owed": "12.50 EUR", "since": "2026-11-01"}]


def test_an_authors_bug_is_named_with_file_and_line(billhook: Billhook, store: Database) -> None:
    failed = billhook("panel", "broken one")

    assert failed.code == 1
    assert 'billhook: The panel "broken one" fails at late.py:20: ZeroDivisionError' in failed.err


def test_a_panel_that_is_not_there_is_said_and_so_is_a_file_that_does_not_import(billhook: Billhook, store: Database, folder: Path) -> None:
    (folder / "odd.py").write_text("import nothing_of_this_name")

    missing = billhook("panel", "nobody")

    assert missing.code == 1
    assert "`billhook panel` lists them" in missing.err and "odd.py does not import" in missing.err


def test_an_unknown_source_is_wrong_usage(billhook: Billhook, store: Database) -> None:
    assert billhook("panel", "late payers", "--source", "nowhere").code == 2
