"""Recordings: journals in a file, whole, private, and read a line at a time."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.db import Database
from tests.workers.letters import mail
from tests.workers.test_recall import recalled
from workers import recordings
from workers.errors import RecordingInvalid
from workers.recordings import Recording
from workers.testing.flow import Flow

ZONES = {"shop": "Europe/Berlin"}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file of one finished and one open run."""
    with Flow(recalled, mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.record(tmp_path / "journals.jsonl")
    return tmp_path / "journals.jsonl"


def test_open_runs_alone_are_recorded_unless_all_are_asked_for() -> None:
    with Flow(recalled, mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        done, waiting = sorted(recordings.from_database(flow.db, ZONES, finished_too=True), key=lambda one: one.run.status)

        assert (done.run.status, waiting.run.status) == ("done", "waiting")
        assert list(recordings.from_database(flow.db, ZONES)) == [waiting]
        assert list(recordings.from_database(flow.db, ZONES, run=done.run.id)) == [done]
        assert list(recordings.from_database(flow.db, ZONES, workflow="t-mail")) == []


def test_many_runs_come_page_by_page_each_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "PAGE", 2)
    with Flow(recalled, database=database) as flow:
        for _ in range(5):
            flow.trigger("invoice.completed")

        found = [one.run.id for one in recordings.from_database(flow.db, ZONES)]

        assert len(found) == 5
        assert found == sorted(set(found))


def test_the_file_is_its_owners_alone_even_where_one_lay_there_open_to_all(kept: Path) -> None:
    found = list(recordings.read(kept))
    kept.chmod(0o644)

    recordings.write(kept, found)

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(recordings.read(kept)) == found


def test_a_file_that_could_not_be_written_whole_leaves_the_old_one(kept: Path) -> None:
    before = kept.read_bytes()

    def broken() -> Iterator[Recording]:
        yield from recordings.read(kept)
        raise LookupError

    with pytest.raises(LookupError):
        recordings.write(kept, broken())

    assert kept.read_bytes() == before
    assert list(kept.parent.iterdir()) == [kept]


@pytest.mark.parametrize(
    ("line", "field"), [("", "line"), ("{}", "run"), ('{"format": "other"}', "format"), ('{"run": {"id": "max@example.com"}}', "run")]
)
def test_a_line_that_is_no_recording_is_named_and_not_quoted(kept: Path, line: str, field: str) -> None:
    with kept.open("a") as file:
        file.write(line + "\n")

    with pytest.raises(RecordingInvalid, match=f"line 3: {field}") as said:
        list(recordings.read(kept))

    assert "max@example.com" not in str(said.value)


def test_a_file_gives_one_workflow_or_one_run(kept: Path) -> None:
    (letter,) = recordings.read(kept, workflow="t-mail")

    assert list(recordings.read(kept, run=letter.run.id)) == [letter]
    assert list(recordings.read(kept, run="nobody")) == []
