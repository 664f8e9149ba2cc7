"""`billhook --remote`: a console elsewhere, asked over HTTP."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from receiver.db import Database
from receiver.errors import OutcomeUnknown, SettingsInvalid
from tests.workers.cli.conftest import AT, Billhook, Made
from tests.workers.lines import told_again
from workers import control, story, views
from workers.cli.output import complain
from workers.cli.remote import Remote, remote
from workers.console.roles import Role
from workers.errors import Forbidden, NotHere, NotReady, StateConflict


def test_a_console_elsewhere_tells_what_the_database_here_would(
    billhook: Billhook, made: Made, served: str, token: Callable[[Role], str]
) -> None:
    token("viewer")

    for words in (
        ("runs", "--customer", "501"), ("explain", "4711"), ("audit",), ("search", "effects", "least=100", "currency=EUR"),
        ("panel", "dunning"), ("mode", "shop"), ("pause",), ("breaker",), ("timers",), ("sources",), ("gates",),
        ("gaps", "--since", "2026-11-01"), ("tail", "--once", "--last", "3"),
    ):  # fmt: skip
        here, there = billhook(*words), billhook("--remote", served, *words)
        assert (there.out, there.err, there.code) == (here.out, here.err, here.code), words
    for words in (
        ("effects", "show", made.effect), ("approvals",), ("explain", "4711"), ("search", "runs", "error=nothing"), ("panel",), ("mode",),
        ("replay", "--list"), ("workflows",), ("signal",), ("gates",),
        ("claims", "list"), ("tail", "--once"), ("sources",),
    ):  # fmt: skip
        here, there = billhook(*words, "--json"), billhook("--remote", served, *words, "--json")
        assert (there.out, there.err, there.code) == (here.out, here.err, here.code), words


def test_what_happens_now_is_told_from_elsewhere(there: Billhook, billhook: Billhook, store: Database, made: Made) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    value = {"failures": 5, "since": at.isoformat(), "until": datetime.now(UTC).isoformat()}
    store.write(lambda c: control.put(c, "breaker:shop", value, at=at))

    shown, told = there("top", "--once"), there("top", "--once", "--json")

    assert shown.code == told.code == 0, shown.err + told.err
    assert "119.00 EUR waits for a yes" in shown.out and "shop does not answer: 5 failures" in shown.out
    assert told.json.keys() == billhook("top", "--once", "--json").json.keys() and told.json["needed"] == 1


def test_a_long_story_is_told_in_the_same_parts(
    billhook: Billhook, there: Billhook, store: Database, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_again(store, made.delivery, AT)
    monkeypatch.setattr(story, "MOST", 4)

    for words in (("explain", "invoice:4711"), ("explain", "invoice:4711", "--until", "2026-11-20T09:00", "--json")):
        here, elsewhere = billhook(*words), there(*words)
        assert (elsewhere.out, elsewhere.err, elsewhere.code) == (here.out, here.err, here.code)


def test_what_is_wrong_there_is_said_here(
    billhook: Billhook, served: str, token: Callable[[Role], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token("viewer")

    missing = billhook("--remote", served, "runs", "show", "nobody")
    strange = billhook("--remote", served, "runs", "--state", "strange")
    odd = billhook("--remote", served, "search", "runs", "since=yesterday")
    source = billhook("--remote", served, "workflows", "--source", "nowhere")
    acts = billhook("--remote", served, "freeze", "--yes", "--json")
    monkeypatch.setenv("BILLHOOK_TOKEN", "bhk_wrong")
    refused = billhook("--remote", served, "runs")

    assert (missing.code, strange.code, odd.code, source.code, acts.code, refused.code) == (1, 2, 2, 2, 1, 2)
    assert "there is no nobody" in missing.err and "known are" in strange.err and "unknown, revoked or too old" in refused.err
    assert "write a time" in odd.err and "known are shop" in source.err
    assert acts.json["type"] == "Forbidden" and "role operator" in acts.json["error"]
    assert "bhk_wrong" not in refused.err


def test_a_list_that_was_looked_through_in_part_there_is_warned_of_here(
    billhook: Billhook, made: Made, served: str, token: Callable[[Role], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token("viewer")
    monkeypatch.setattr(views, "AMONG", 0)

    part, whole = (billhook("--remote", served, "runs", *words) for words in (("--type", "auto-send"), ("--customer", "501")))

    assert part.code == 0 and "no index finds this" in part.err
    assert whole.err == "" and made.run in whole.out


def test_where_nothing_answers_is_said(billhook: Billhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLHOOK_TOKEN", "bhk_x")

    for words in (("runs",), ("freeze", "--yes")):
        ended = billhook("--remote", "http://127.0.0.1:1", *words)
        assert ended.code == 1 and "does not answer as one" in ended.err


@pytest.mark.parametrize("words", [("doctor",), ("tokens", "list"), ("invoices", "shop", "list"), ("prove",), ("trigger",)])
def test_what_no_page_does_is_not_done_elsewhere_and_not_here_by_mistake(billhook: Billhook, words: tuple[str, ...]) -> None:
    ended = billhook("--remote", "https://billhook.example.org", *words)

    assert ended.code == 2 and "done on the machine itself" in ended.err


@pytest.mark.parametrize("url", ["http://billhook.example.org", "ftp://127.0.0.1", "billhook.example.org", "https://a:b@c", "https://c?d"])
def test_a_token_is_sent_only_where_nobody_reads_it_on_the_way(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="--remote"):
        remote(url, {"BILLHOOK_TOKEN": "bhk_x"})


def test_a_token_is_taken_from_the_environment_alone(there: Billhook) -> None:
    assert remote("https://billhook.example.org/", {"BILLHOOK_TOKEN": " bhk_x\n"}).token == "bhk_x"
    with pytest.raises(SettingsInvalid, match="BILLHOOK_TOKEN is not set"):
        remote("https://billhook.example.org", {})
    assert there("--token", "bhk_x", "runs").code == 2


def test_a_token_stands_in_nothing_that_is_printed(there: Billhook, made: Made, store: Database, token: Callable[..., str]) -> None:
    secret = token("approver", "second")

    answers = [there("freeze", "--yes", "--json"), there("approve", "nobody", "--yes", "--json"), there("audit", "--json")]

    assert all(secret not in answer.out + answer.err for answer in answers)
    assert secret not in repr(remote("https://billhook.example.org", {"BILLHOOK_TOKEN": secret}))


Answered = tuple[int, str, str]


@contextlib.contextmanager
def answering(*answers: Answered | None) -> Iterator[tuple[Remote, list[tuple[str, dict[str, str]]]]]:
    """Something at an address that answers these, in turn; None hangs up. With what it was asked, and the headers."""
    left, asked = list(answers), list[tuple[str, dict[str, str]]]()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, dict(self.headers)))
            self.rfile.read(int(self.headers.get("content-length", 0)))
            answer = left.pop(0)
            if answer is None:
                self.connection.close()
                return
            status, kind, body = answer
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET

        def log_message(self, *_what: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Remote(f"http://127.0.0.1:{serving.server_address[1]}", "bhk_secret"), asked
        finally:
            serving.shutdown()
            thread.join()


JSON = "application/json"
MEANS: list[tuple[Answered, type[Exception], str]] = [
    ((400, JSON, '{"error": "state: known are done"}'), typer.BadParameter, "known are done"),
    ((401, JSON, '{"error": "revoked"}'), SettingsInvalid, "BILLHOOK_TOKEN: revoked"),
    ((403, JSON, '{"error": "takes the role approver"}'), Forbidden, "role approver"),
    ((404, JSON, '{"error": "no effect 1"}'), NotHere, "no effect 1"),
    ((409, JSON, '{"error": "look again"}'), StateConflict, "look again"),
    ((413, "text/plain; charset=utf-8", "A form has at most 65536 bytes."), NotReady, "65536"),
    ((421, JSON, '{"error": "add it to names"}'), SettingsInvalid, "names"),
    ((422, JSON, '{"error": "on: a day", "field": "on"}'), typer.BadParameter, "on: a day"),
    ((429, JSON, '{"error": "wait 7 seconds"}'), NotReady, "wait 7 seconds"),
    ((502, "text/html", "<html>bad gateway</html>"), NotReady, "answers 502"),
    ((503, JSON, '{"error": "The database does not answer"}'), NotReady, "database"),
    ((302, "text/html", ""), NotReady, "does not answer as one"),
    ((200, "text/html", "<html>a log-in</html>"), NotReady, "does not answer as one"),
    ((200, JSON, "not json"), NotReady, "does not answer as one"),
]


@pytest.mark.parametrize(("answer", "kind", "said"), MEANS, ids=[str(answer[0]) + answer[1] for answer, _, _ in MEANS])
def test_each_answer_is_an_error_that_says_what_to_do(answer: Answered, kind: type[Exception], said: str) -> None:
    with answering(answer) as (console, asked), pytest.raises(kind, match=said):
        console.look("now", {})

    assert asked[0][1]["authorization"] == "Bearer bhk_secret" and "bhk_" not in asked[0][0] and len(asked) == 1


def test_what_a_console_answers_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    with answering((409, JSON, '{"error": "refused \\u001b[2J\\u009b1m"}')) as (console, _), pytest.raises(StateConflict) as refused:
        console.look("now", {})
    complain("first\x1b[2J\nsecond\x9b1m")

    assert "refused" in str(refused.value) and str(refused.value).isprintable()
    assert capsys.readouterr().err == "billhook: first�[2J\nsecond�1m\n"


@pytest.mark.parametrize("first", [None, (504, "text/html", "<html>"), (503, JSON, '{"error": "The database does not answer"}')])
def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_word(first: Answered | None) -> None:
    with answering(first, (200, JSON, '{"rows": [], "done": true}')) as (console, asked):
        assert console.act("freeze", {"reason": "x"}, "word")["done"]

    assert len(asked) == 2


@pytest.mark.parametrize("second", [None, (502, "text/html", "<html>"), (409, JSON, '{"error": "look again"}')])
def test_where_both_answers_are_lost_nobody_knows_whether_it_was_done(second: Answered | None) -> None:
    with answering(None, second) as (console, _), pytest.raises(OutcomeUnknown, match="it may have been done"):
        console.act("freeze", {}, "word")


def test_a_preview_that_is_lost_did_nothing() -> None:
    with answering(None) as (console, asked), pytest.raises(NotReady):
        console.act("freeze", {})

    assert len(asked) == 1


def test_an_act_sends_no_field_it_has_not() -> None:
    with pytest.raises(ValueError, match="has no colour"):
        Remote("http://127.0.0.1:1", "bhk_x").act("freeze", {"colour": "red"})
