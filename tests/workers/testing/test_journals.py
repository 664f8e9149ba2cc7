"""Recorded journals as an author's fixtures."""

from pathlib import Path

import pytest

from tests.workers.letters import mail
from tests.workers.test_recall import recalled
from workers.testing.flow import Flow
from workers.testing.journals import assert_replays


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    with Flow(recalled) as flow:
        flow.trigger("invoice.completed")
        flow.record(tmp_path / "journals.jsonl")
    return tmp_path / "journals.jsonl"


def test_journals_that_fit_are_counted(kept: Path) -> None:
    assert assert_replays(kept, recalled) == 1
    assert assert_replays(kept) == 1


def test_journals_of_other_workflows_are_not_passed_over(kept: Path) -> None:
    with pytest.raises(AssertionError, match="unknown workflow"):
        assert_replays(kept, mail)


def test_one_that_does_not_fit_names_step_file_and_way_out(kept: Path) -> None:
    kept.write_text(kept.read_text().replace('"name":"b"', '"name":"older"'))

    with pytest.raises(AssertionError) as said:
        assert_replays(kept, "t-recall")

    assert 'step "older": was step, now step "b"' in str(said.value)
    assert "run.patched" in str(said.value) and "test_recall.py" in str(said.value)


def test_an_empty_file_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").touch()

    with pytest.raises(AssertionError, match="nothing was compared"):
        assert_replays(tmp_path / "none.jsonl")
