"""The acceptance scenarios of dunning as `billhook simulate` plays them: each file of tests/scenarios/dunning with its rows, in FILE.txt.

A line of FILE.txt: month-day and time (09:00 left out), key, kind, name, state, reason, then the figures that are not zero.
"""

from functools import cache
from pathlib import Path

import pytest

from workers.loading import load_folders
from workers.simulate.play import load, play
from workers.simulate.timeline import Row

FILES = Path(__file__).parents[2] / "scenarios" / "dunning"
NAMES = sorted(path.stem for path in FILES.glob("*.toml"))
FIGURES = ("total", "deadline", "interest", "per_day", "flat", "fee", "principal", "amount", "default_from", "basis", "to")
SLOW = (  # what test_scenarios.py plays by Flow too, and variants
    "bounced", "cancelled_part", "paused", "payment_returned", "payment_types", "promise_missed", "rejected", "s03_consumer",
    "s04_half_year_change",
    "s06_paid_during_the_send", "s07_redelivered", "s10_dispute_before_the_call", "s12_cancelled_after_a_claim", "s16_address_change",
    "s19_fee_not_agreed", "switched_on",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _workflows() -> None:
    load_folders()


@cache
def played(name: str) -> list[Row]:
    """The timeline of a file, played once for all tests."""
    return play(load(FILES / f"{name}.toml"))


def written(row: Row) -> str:
    """One row as it stands in FILE.txt; the principal and the message's amount where they are not the total."""
    total = row.figures.get("total")
    alone = {name: value for name, value in row.figures.items() if value != "0.00" and (name == "total" or value != total)}
    figures = [f"{name} {alone[name]}" for name in FIGURES if name in alone]
    at = row.at[5:].replace("T", " ").removesuffix(":00").removesuffix(" 09:00")
    said = " ".join(part for part in (at, row.key, row.kind, row.name, row.state, row.reason) if part)
    return ", ".join([said, *figures])


def lines(name: str) -> list[str]:
    return [written(row) for row in played(name) if row.workflow]


def notices(name: str) -> list[Row]:
    return [row for row in played(name) if row.kind == "effect" and row.state == "done"]


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in NAMES])
def test_a_scenario_comes_to_the_rows_beside_it(name: str) -> None:
    assert lines(name) == (FILES / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_the_figures_of_a_notice_are_all_there_as_text() -> None:
    [row] = [row for row in notices("s01_full_ladder") if row.name == "L2"]

    assert row.figures == {
        "principal": "1190.00", "interest": "4.69", "flat": "40.00", "fee": "0.00", "total": "1234.69", "amount": "1234.69",
        "per_day": "0.33", "deadline": "2026-05-04", "currency": "EUR", "basis": "first_formal_notice", "default_from": "2026-04-08",
        "to": "ap@example.org",
    }  # fmt: skip


def test_without_a_rate_a_notice_carries_no_interest_and_one_alert_is_raised() -> None:
    [row] = [row for row in notices("s04_rate_missing") if row.name == "L2"]

    assert (row.at[:10], row.reason, "interest" in row.figures, "per_day" in row.figures) == ("2027-01-04", "rate_missing", False, False)
    assert len([row for row in played("s04_rate_missing") if row.kind == "alert"]) == 1


def test_two_invoices_in_one_message_are_two_rows_with_the_sum_of_both() -> None:
    rows = [row for row in notices("s15_one_letter_two_invoices") if row.at[:10] == "2026-04-21"]

    assert [(row.key, row.name, row.figures["total"], row.figures["amount"], row.figures["currency"]) for row in rows] == [
        ("A", "L2", "441.58", "732.55", "EUR"),
        ("B", "L2", "290.97", "732.55", "EUR"),
        ("C", "L0", "3000.00", "3000.00", "SEK"),
    ]


def test_a_credit_document_never_enters_a_ladder() -> None:
    assert [row for row in played("s12_cancelled") if row.key == "K" and row.workflow] == []
