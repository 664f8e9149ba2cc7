"""`billhook --remote`: a console elsewhere, asked over HTTP."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.db import Database
from receiver.errors import SettingsInvalid
from tests.workers.cli.conftest import AT, Billhook, Made
from tests.workers.lines import told_again
from workers import story, views
from workers.cli.remote import remote
from workers.console import tokens
from workers.console.web.app import console
from workers.console.web.serve import address, listen, server
from workers.loading import load_folders
from workers.settings import WorkerSettings


@pytest.fixture
def served(place: Path, store: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of this directory's console, served, with a token for it in the environment."""
    chosen = WorkerSettings(place / "billhook.toml", {})
    token = store.write(lambda c: tokens.add(c, "laptop", "viewer", days=366, at=AT, actor="test"))
    monkeypatch.setenv("BILLHOOK_TOKEN", token)
    listening = listen(chosen.console, {"BILLHOOK_CONSOLE_PORT": "0"})
    serving = server(console(chosen, store, load_folders(())))
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]})
    thread.start()
    yield address(listening)
    serving.should_exit = True
    thread.join()


def test_a_console_elsewhere_tells_what_the_database_here_would(billhook: Billhook, made: Made, served: str) -> None:
    for words in (("runs", "--customer", "501"), ("effects", "show", made.effect), ("explain", "4711"), ("approvals",)):
        for form in (("--json",), ()):
            here, there = billhook(*words, *form), billhook("--remote", served, *words, *form)
            assert (there.out, there.err, there.code) == (here.out, here.err, here.code), words


def test_a_long_story_is_told_in_the_same_parts(
    billhook: Billhook, store: Database, made: Made, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    told_again(store, made.delivery, AT)
    monkeypatch.setattr(story, "MOST", 4)

    for words in (("explain", "invoice:4711"), ("explain", "invoice:4711", "--until", "2026-11-20T09:00", "--json")):
        here, there = billhook(*words), billhook("--remote", served, *words)
        assert (there.out, there.err, there.code) == (here.out, here.err, here.code)


def test_what_is_wrong_there_is_said_here(billhook: Billhook, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = billhook("--remote", served, "runs", "show", "nobody")
    strange = billhook("--remote", served, "runs", "--state", "strange")
    monkeypatch.setenv("BILLHOOK_TOKEN", "bhk_wrong")
    refused = billhook("--remote", served, "runs")

    assert (missing.code, strange.code, refused.code) == (1, 2, 2)
    assert "there is no nobody" in missing.err and "known are" in strange.err and "unknown, revoked or too old" in refused.err
    assert "bhk_wrong" not in refused.err


def test_a_list_that_was_looked_through_in_part_there_is_warned_of_here(
    billhook: Billhook, made: Made, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "AMONG", 0)

    part, whole = (billhook("--remote", served, "runs", *words) for words in (("--type", "auto-send"), ("--customer", "501")))

    assert part.code == 0 and "no index finds this" in part.err
    assert whole.err == "" and made.run in whole.out


def test_where_nothing_answers_is_said(billhook: Billhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLHOOK_TOKEN", "bhk_x")

    ended = billhook("--remote", "http://127.0.0.1:1", "runs")

    assert ended.code == 1 and "does not answer as one" in ended.err


def test_what_acts_is_not_done_elsewhere_and_not_here_by_mistake(billhook: Billhook, made: Made) -> None:
    ended = billhook("--remote", "https://billhook.example.org", "freeze")

    assert ended.code == 2 and "with --remote there are the lists" in ended.err


@pytest.mark.parametrize("url", ["http://billhook.example.org", "ftp://127.0.0.1", "billhook.example.org", "https://a:b@c", "https://c?d"])
def test_a_token_is_sent_only_where_nobody_reads_it_on_the_way(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="--remote"):
        remote(url, {"BILLHOOK_TOKEN": "bhk_x"})


def test_a_token_is_taken_from_the_environment_alone() -> None:
    assert remote("https://billhook.example.org/", {"BILLHOOK_TOKEN": " bhk_x\n"}).token == "bhk_x"
    with pytest.raises(SettingsInvalid, match="BILLHOOK_TOKEN is not set"):
        remote("https://billhook.example.org", {})
