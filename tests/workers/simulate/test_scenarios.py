"""The scenario files of tests/scenarios: what each comes to, row by row, through the real engine and the sandbox."""

import json
from functools import cache
from pathlib import Path

import pytest

from workers.loading import load_folders
from workers.simulate.play import load, play
from workers.simulate.timeline import Row

FILES = Path(__file__).parents[2] / "scenarios"
MAIL, LETTER = "invoice.sendbyemail", "invoice.sendbypost"

# at, workflow, kind, name, state, reason of every row about invoice A; an act of a workflow's is auto-send's.
EXPECTED = {
    "s24a_hold_ends_inside_the_window": [
        ("2026-11-20T18:50:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T19:05:00", "effect", MAIL, "done", ""),
    ],
    "s24b_cancelled_during_the_hold": [
        ("2026-11-20T18:50:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T18:58:00", "state", "invoice.canceled", "", ""),
        ("2026-11-20T18:58:00", "skip", "run", "cancelled", "invoice.canceled"),
    ],
    "s24b_stopped_during_the_hold": [
        ("2026-11-20T18:50:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T18:58:00", "state", "send.stopped", "", "wrong customer"),
        ("2026-11-20T18:58:00", "skip", "run", "cancelled", "send.stopped"),
    ],
    "s24c_hold_ends_in_the_evening": [
        ("2026-11-20T19:50:00", "state", "invoice.completed", "", ""),
        ("2026-11-21T07:00:00", "effect", MAIL, "done", ""),
    ],
    "s24d_letter_on_monday": [
        ("2026-11-20T19:50:00", "state", "invoice.completed", "", ""),
        ("2026-11-23T08:00:00", "effect", LETTER, "done", ""),
    ],
    "s25a_crash_before_the_result_is_saved": [
        ("2026-11-20T10:00:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T10:15:00", "effect", LETTER, "unknown", "worker_lost"),
        ("2026-11-20T10:15:25", "effect", LETTER, "done", "found"),
    ],
    "s25a_mail_nobody_knows_about": [
        ("2026-11-20T10:00:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T10:15:00", "effect", MAIL, "unknown", "no_answer"),
        ("2026-11-20T10:15:00", "parked", "unknown", "open", "its outcome cannot be read back"),
        ("2026-11-20T14:00:00", "effect", MAIL, "done", "operator_did"),
        ("2026-11-20T14:00:00", "parked", "unknown", "closed", "operator_did"),
    ],
    "s25b_resend_ordered": [
        ("2026-11-20T10:00:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T10:15:00", "effect", MAIL, "done", ""),
        ("2026-11-23T10:15:00", "effect", MAIL, "done", "resend"),
    ],
    "s25c_letter_refused_by_law": [
        ("2027-01-04T10:00:00", "state", "invoice.completed", "", ""),
        ("2027-01-04T10:15:00", "alert", "task", "open", "einvoice_required"),
    ],
    "s25c_letter_to_a_consumer": [
        ("2027-01-04T15:44:00", "state", "invoice.completed", "", ""),
        ("2027-01-04T15:59:00", "effect", LETTER, "done", ""),
    ],
    "s16_address_change": [
        ("2026-11-20T10:00:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T10:15:00", "effect", MAIL, "done", ""),
    ],
    "approved_by_itself": [
        ("2026-11-20T10:00:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T10:15:00", "proposal", MAIL, "proposed", "mode_propose"),
        ("2026-11-20T10:15:00", "effect", MAIL, "done", ""),
    ],
    "proposed_and_approved": [
        ("2026-11-20T10:00:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T10:15:00", "proposal", MAIL, "proposed", "mode_propose"),
        ("2026-11-20T11:00:00", "proposal", MAIL, "approved", "as the scenario has it"),
        ("2026-11-20T11:00:00", "effect", MAIL, "done", ""),
    ],
    "worker_down_over_the_window": [
        ("2026-11-20T10:00:00", "state", "invoice.completed", "", ""),
        ("2026-11-21T09:30:00", "effect", MAIL, "done", ""),
    ],
    "paid_while_the_call_is_under_way": [
        ("2026-11-20T10:00:00", "state", "invoice.completed", "", ""),
        ("2026-11-20T10:15:08", "state", "invoice.paid", "", ""),
        ("2026-11-20T10:15:08", "effect", MAIL, "done", ""),
    ],
}


@pytest.fixture(scope="module", autouse=True)
def _workflows() -> None:
    load_folders()


@cache
def played(name: str) -> list[Row]:
    """The timeline of a file, played once for all tests."""
    return play(load(FILES / f"{name}.toml"))


def about_the_invoice(rows: list[Row]) -> list[tuple[str, ...]]:
    assert all(row.workflow == ("" if row.kind == "state" else "auto-send") for row in rows if row.key == "A")
    return [(row.at, row.kind, row.name, row.state, row.reason) for row in rows if row.key == "A"]


def test_every_file_has_its_rows_here() -> None:
    assert sorted(path.stem for path in FILES.glob("*.toml")) == sorted([*EXPECTED, "provider_down_for_an_hour"])


@pytest.mark.parametrize("name", EXPECTED)
def test_a_scenario_comes_to_the_rows_that_are_expected(name: str) -> None:
    rows = played(name)

    assert about_the_invoice(rows) == EXPECTED[name]


def test_a_changed_address_is_the_only_one_that_is_written_to() -> None:
    rows = played("s16_address_change")

    assert [row.figures for row in rows if row.kind == "effect"] == [{"amount": "1190.00", "currency": "EUR", "to": "new@muster.de"}]
    assert [(row.at, row.key, row.reason) for row in rows if row.name == "customer.updated"] == [("2026-11-20T10:05:00", "501", "email")]


def test_a_provider_that_is_down_is_asked_again_within_a_quarter_of_an_hour_of_its_return() -> None:
    rows = played("provider_down_for_an_hour")

    [sent] = [row for row in rows if row.kind == "effect"]
    assert "2026-11-20T11:10:00" <= sent.at <= "2026-11-20T11:25:00"
    assert [(row.state, row.reason) for row in rows if row.kind == "alert"] == [
        ("open", "provider_unreadable"), ("closed", "provider_unreadable"),
    ]  # fmt: skip


def test_the_same_file_gives_the_same_bytes_twice() -> None:
    again = play(load(FILES / "provider_down_for_an_hour.toml"))

    assert json.dumps([row.as_dict() for row in again]) == json.dumps([row.as_dict() for row in played("provider_down_for_an_hour")])
