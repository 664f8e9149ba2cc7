"""`billhook simulate`: needs no configuration, prints rows, and refuses a file in words."""

import json
from pathlib import Path

import pytest

from workers.cli.main import run
from workers.cli.simulate import read

EMPTY = 'start = 2026-11-20T08:00:00\nuntil = 2026-11-20T09:00:00\n[policy.auto-send]\nmode = "auto"\n'
SIMPLE = '''from workers.authoring import Every, Run, Tick, workflow

@workflow("hourly", on=Every("1h"))
def hourly(run: Run, event: Tick) -> None:
    """Tell somebody every hour."""
    run.alert("told", "an hour passed", about="shop/clock")
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a configuration."""
    monkeypatch.chdir(tmp_path)
    for name in ("BILLHOOK_CONFIG", "BILLHOOK_WORKFLOWS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_it_needs_no_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "s.toml").write_text(EMPTY)

    assert run(["simulate", "s.toml"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing happens"


def test_workflows_of_a_folder_of_ones_own_take_part(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "hourly.py").write_text(SIMPLE)
    (folder / "s.toml").write_text(EMPTY.replace("auto-send", "hourly"))
    monkeypatch.setenv("BILLHOOK_WORKFLOWS", str(folder / "mine"))

    code = run(["simulate", "s.toml", "--json"])

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert [(row["at"], row["key"], row["reason"]) for row in told] == [("2026-11-20T08:00:00", "schedule", "an hour passed")]


def test_a_file_that_cannot_be_used_ends_with_2_and_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "s.toml").write_text(EMPTY.replace("auto-send", "auto-sned"))

    assert run(["simulate", "s.toml"]) == 2
    assert "do you mean auto-send" in capsys.readouterr().err


def test_auto_approve_is_refused_in_the_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "billhook.toml").write_text('[billhook]\nauto_approve = true\n[source.shop]\nkind = "monsum"\n')

    assert run(["runs"]) == 2
    assert "auto_approve" in capsys.readouterr().err


def test_figures_are_read_from_the_sum_on_without_what_is_zero_or_said_twice() -> None:
    figures = {"amount": "40.00", "basis": "thirty_days", "deadline": "2026-05-04", "fee": "0.00", "to": "a@example.org", "total": "40.00"}

    assert read(figures) == "total 40.00, deadline 2026-05-04, to a@example.org"
