"""The scenarios of credits as files: what `billhook simulate` shows of each, to the cent."""

from pathlib import Path

import pytest

from workers.loading import load_folders
from workers.simulate.play import load, play
from workers.simulate.timeline import Row

FILES = Path(__file__).parents[2] / "scenarios" / "credits"
GRANT = "customer.addcredits"


def played(name: str) -> list[Row]:
    load_folders()
    return play(load(FILES / f"{name}.toml"))


def calls(rows: list[Row]) -> list[tuple[str, str, str, str, str]]:
    """(name, state, reason, amount, balance) of every call and of every order that ended."""
    shown = [row for row in rows if row.key == "501" and (row.kind in ("effect", "proposal") or row.name == "order")]
    return [(row.name, row.state, row.reason, row.figures["amount"], row.figures.get("balance", "")) for row in shown]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s21_storm", [(GRANT, "done", "", "88.10", "11.90"), ("order", "granted", "confirmed", "88.10", "100.00")]),
        ("s21_exactly_the_threshold", []),
        (
            "s22a_answer_lost",
            [
                (GRANT, "unknown", "no_answer", "88.10", "11.90"),
                (GRANT, "done", "found", "88.10", "11.90"),
                ("order", "granted", "confirmed", "88.10", "100.00"),
            ],
        ),
        (
            "s22b_call_lost",
            [
                (GRANT, "unknown", "unclear_answer: status 500", "88.10", "11.90"),
                (GRANT, "done", "", "88.10", "11.90"),
                ("order", "granted", "confirmed", "88.10", "100.00"),
            ],
        ),
        (
            "received_before",
            [
                ("invoice.create", "done", "", "88.10", "11.90"),
                ("invoice.complete", "done", "", "88.10", "11.90"),
                ("invoice.setpaid", "done", "", "88.10", "11.90"),
                (GRANT, "done", "", "88.10", "11.90"),
                ("order", "granted", "confirmed", "88.10", "100.00"),
                ("invoice.create", "proposed", "transfer_short", "61.90", "15.00"),
                ("invoice.create", "approved", "as the scenario has it", "61.90", "15.00"),
                ("invoice.create", "done", "", "61.90", "15.00"),
                ("invoice.complete", "done", "", "61.90", "15.00"),
                ("invoice.setpaid", "done", "", "61.90", "15.00"),
                (GRANT, "done", "", "61.90", "15.00"),
                ("order", "granted", "confirmed", "61.90", "76.90"),
            ],
        ),
        (
            "asked_first",
            [
                ("invoice.create", "proposed", "above_approval_over", "88.10", "11.90"),
                ("invoice.create", "approved", "as the scenario has it", "88.10", "11.90"),
                ("invoice.create", "done", "", "88.10", "11.90"),
                ("invoice.complete", "done", "", "88.10", "11.90"),
                ("invoice.capture", "done", "", "88.10", "11.90"),
                (GRANT, "done", "", "88.10", "11.90"),
                ("order", "granted", "confirmed", "88.10", "100.00"),
            ],
        ),
    ],
)
def test_a_scenario_comes_to_these_calls(name: str, expected: list[tuple[str, str, str, str, str]]) -> None:
    assert calls(played(name)) == expected


def test_a_call_that_was_lost_is_made_once_more_after_ten_minutes() -> None:
    first, second, _ = (row.at for row in played("s22b_call_lost") if row.key == "501" and row.workflow == "credits")

    assert (first, second) == ("2026-11-02T10:20:00", "2026-11-02T10:30:25")


@pytest.mark.parametrize(("behavior", "last"), [("hold", []), ("partial", ["50.00"])])
def test_a_full_month_holds_or_charges_what_is_left_and_is_told_once(behavior: str, last: list[str]) -> None:
    rows = played(f"s23_month_is_full_{behavior}")

    assert [row.figures["amount"] for row in rows if row.name == GRANT] == ["150.00"] * 3 + last
    assert [row.reason for row in rows if row.kind == "alert"] == (["cap_month"] if behavior == "hold" else [])


def test_how_full_a_months_cap_is_is_told_when_a_top_up_passes_a_mark() -> None:
    rows = played("s23_month_is_full_partial")

    assert [row.at[:10] for row in rows if (row.name, row.reason) == ("credits.cap", "cap_month")] == ["2026-11-15", "2026-11-20"]
