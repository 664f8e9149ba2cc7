"""check-replay: what it says of open runs, to people and to programs, and with which exit code."""

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from receiver.db import Database
from tests.workers.cli.conftest import AT, Billhook, Made
from workers import claims, journal, policies
from workers.runs import RunRow


@pytest.fixture
def open_run(store: Database, made: Made) -> Made:
    """The run of `made`, with a policy, as its journal begins."""

    def act(connection: sa.Connection) -> None:
        policy = policies.version(connection, "auto-send", {}, at=AT)
        connection.execute(sa.update(RunRow).values(policy_id=policy))  # type: ignore[arg-type]
        connection.execute(sa.text("DELETE FROM slot"))
        connection.execute(sa.text("DELETE FROM effect"))
        keep(connection, made.run, "switched at", "setting")

    store.write(act)
    return made


def keep(connection: sa.Connection, run_id: str, name: str, kind: str) -> None:
    claim = claims.claim(connection, run_id, owner="test", business=AT, machine=AT)
    assert claim is not None
    journal.write(connection, claim, journal.Entry(name=name, kind=kind, result=None, at=AT), machine=AT)


def diverge(store: Database, made: Made) -> None:
    store.write(lambda c: c.execute(sa.text("UPDATE journal SET name = 'of old'")))


def test_open_runs_that_fit_end_with_zero(billhook: Billhook, open_run: Made) -> None:
    said = billhook("check-replay")

    assert (said.code, said.out) == (0, "1 runs replayed, 1 fit\n")


def test_no_run_at_all_fits(billhook: Billhook, store: Database) -> None:
    assert billhook("check-replay", "--json").json == {"runs": 0, "fit": 0, "findings": []}


def test_a_run_that_diverges_is_named_with_step_file_number_and_way_out(billhook: Billhook, store: Database, open_run: Made) -> None:
    diverge(store, open_run)

    said, json = billhook("check-replay"), billhook("check-replay", "--json")

    assert (said.code, json.code) == (1, 1)
    for word in ("diverges: auto-send, 1 runs", open_run.run, 'step "of old"', 'setting "switched at"', "workflow.py", "run.patched("):
        assert word in said.out
    (found,) = json.json["findings"]
    assert (found["verdict"], found["step"], found["was"], found["runs"], found["examples"]) == (
        "diverges", "of old", "setting", 1, [open_run.run],
    )  # fmt: skip


def test_a_workflow_nobody_knows_ends_with_one(billhook: Billhook, store: Database, open_run: Made) -> None:
    store.write(lambda c: c.execute(sa.text("UPDATE run SET workflow = 'long-gone'")))

    said = billhook("check-replay")

    assert said.code == 1
    assert "unknown workflow: long-gone" in said.out


def test_it_keeps_to_one_workflow_or_one_run(billhook: Billhook, store: Database, open_run: Made) -> None:
    diverge(store, open_run)

    assert billhook("check-replay", "--workflow", "dunning").code == 0
    assert billhook("check-replay", "--run", open_run.run).code == 1


def test_a_run_that_is_not_there_is_said(billhook: Billhook, store: Database) -> None:
    missing = billhook("check-replay", "--run", "nobody")

    assert missing.code == 1 and "`billhook runs`" in missing.err


def test_journals_are_written_for_their_owner_alone_and_replayed_without_a_database(
    billhook: Billhook, store: Database, open_run: Made, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = billhook("check-replay", "--export", "journals.jsonl", "--json")
    monkeypatch.setenv("BILLHOOK_DATABASE", "postgresql://nobody@127.0.0.1:1/none")

    replayed = billhook("check-replay", "--journals", "journals.jsonl", "--json")

    assert (written.code, written.json) == (0, {"written": 1, "file": "journals.jsonl"})
    assert "personal data" in written.err
    assert stat.S_IMODE((place / "journals.jsonl").stat().st_mode) == 0o600
    assert (replayed.code, replayed.json) == (0, {"runs": 1, "fit": 1, "findings": []})


@pytest.mark.parametrize("words", [("--journals", "missing.jsonl"), ("--journals", "billhook.toml", "--all"), ("--nothing",)])
def test_wrong_usage_ends_with_two(billhook: Billhook, store: Database, words: tuple[str, ...]) -> None:
    assert billhook("check-replay", *words).code == 2


def test_a_file_that_holds_no_journals_ends_with_one_and_a_sentence(billhook: Billhook, store: Database) -> None:
    said = billhook("check-replay", "--journals", "billhook.toml")

    assert said.code == 1 and "line 1" in said.err
