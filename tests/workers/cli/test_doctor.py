"""The doctor at the door and at the database: whose receiver answers, where to send to, what was refused, what cannot be written."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from receiver import inbox
from receiver.db import Database
from tests.workers.cli.conftest import SECRETS, Billhook
from tests.workers.sandbox.test_app import Served
from workers import demo, runfile

Finding = dict[str, Any]


def findings(billhook: Billhook, area: str) -> list[Finding]:
    return [finding for finding in billhook("doctor", "--json").json if finding["area"] == area]


def refused(cause: str, at: datetime, source: str = "shop") -> inbox.RefusedRequest:
    return inbox.RefusedRequest(source=source, at=at, status=401, cause=cause, body=b"junk", body_size=4)


class Answering(HTTPServer):
    """A receiver that says `body`."""

    status = 503
    body = b'{"status": "the database takes nothing"}'


class Saying(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Answering)
        body = self.server.body
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Says nothing."""


@contextmanager
def answering(ready: dict[str, str] | None = None) -> Iterator[str]:
    """The URL at which somebody answers 503, or 200 with `ready`."""
    with Answering(("127.0.0.1", 0), Saying) as server:
        if ready is not None:
            server.status, server.body = 200, json.dumps(ready).encode()
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_it_prints_each_webhook_url_without_its_secret(billhook: Billhook, store: Database) -> None:
    texts = [finding["text"] for finding in findings(billhook, "source shop")]

    assert "webhook URL http://127.0.0.1:1/webhooks/shop/<secret>" in texts
    assert SECRETS["BILLHOOK_DOOR_SHOP_PATH"] not in str(texts)


def test_a_door_that_lets_anybody_in_is_told_once(billhook: Billhook, store: Database, place: Path) -> None:
    (place / "secrets" / "BILLHOOK_DOOR_SHOP_PATH").unlink()

    told = [finding["area"] for finding in billhook("doctor", "--json").json if "lets anybody in" in finding["text"]]

    assert told == ["source shop"]


def test_a_secret_used_twice_is_told_also_beside_a_door_that_has_none(billhook: Billhook, store: Database, place: Path) -> None:
    with (place / "billhook.toml").open("a") as toml:
        toml.write("".join(f'\n[source.{name}]\nkind = "fastbill"\n' for name in ("bare", "other")))
    (place / "secrets" / "BILLHOOK_DOOR_OTHER_PATH").write_text(SECRETS["BILLHOOK_DOOR_SHOP_PATH"])

    [found] = findings(billhook, "secrets")

    assert (found["state"], "also used by shop" in found["text"]) == ("wrong", True)


def test_it_tells_what_was_refused_in_the_last_hour(billhook: Billhook, store: Database) -> None:
    now = datetime.now(UTC)
    lately = [
        refused("credentials", now),
        refused("credentials", now - timedelta(minutes=50)),
        refused("payload", now - timedelta(hours=2)),
    ]
    store.write(lambda c: inbox.keep_refusals(c, [*lately, refused("source_unknown", now, inbox.NO_SOURCE)]))

    said = {finding["text"]: finding for finding in (*findings(billhook, "source shop"), *findings(billhook, "door"))}

    assert said["2 refused at shop in the last hour: credentials"]["todo"] == "billhook refusals --source shop"
    assert said["1 refused at no source in the last hour: source_unknown"]["state"] == "note"
    assert not [text for text in said if "payload" in text]


def test_a_receiver_that_is_not_ready_is_wrong_with_its_reason(billhook: Billhook, store: Database, place: Path) -> None:
    with answering() as url:
        (place / "data").mkdir()
        runfile.write(place / "data", runfile.Running(pid=os.getpid(), receiver=url, config=str(place / "billhook.toml")))
        [found] = findings(billhook, "receiver")

    assert (found["state"], found["text"]) == ("wrong", f"{url} answers 503: the database takes nothing")


def found_at(billhook: Billhook, place: Path, url: str) -> Finding:
    """What the doctor finds where billhook.toml names the port of `url`, and nothing was started here."""
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text().replace("port = 1\n", f"port = {url.rpartition(':')[2]}\n"))
    [found] = findings(billhook, "receiver")
    return found


def test_a_receiver_that_keeps_in_this_database_is_fine(billhook: Billhook, store: Database, place: Path) -> None:
    with answering({"status": "ready", "database": store.identity()}) as url:
        found = found_at(billhook, place, url)

    assert (found["state"], found["text"]) == ("fine", f"{url} would keep a delivery now")


@pytest.mark.parametrize("said", [{"status": "ready", "database": "0123456789abcdef"}, {"status": "ready"}])
def test_a_receiver_that_keeps_in_another_database_is_another_installations(
    billhook: Billhook, store: Database, place: Path, said: dict[str, str]
) -> None:
    with answering(said) as url:
        found = found_at(billhook, place, url)

    assert found["state"] == "wrong" and "another installation's" in found["text"]
    assert "set another port in [billhook.receiver]" in found["todo"]


def test_before_there_is_a_database_every_receiver_is_anothers(billhook: Billhook, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLHOOK_DATABASE", f"sqlite:///{place}/none.db")

    with answering({"status": "ready", "database": ""}) as url:
        found = found_at(billhook, place, url)

    assert found["state"] == "wrong" and "another installation's" in found["text"]


@pytest.mark.parametrize("folder", ["data", str(demo.DATA)])
def test_the_receiver_of_another_configuration_is_told_apart(billhook: Billhook, store: Database, place: Path, folder: str) -> None:
    (place / folder).mkdir(parents=True)
    other = str(place / demo.CONFIG)
    runfile.write(place / folder, runfile.Running(pid=os.getpid(), receiver="http://127.0.0.1:1", config=other))

    [found] = findings(billhook, "receiver")

    assert found["state"] == "wrong" and "stop that one" in found["todo"]
    assert f"is the receiver of {other} (process {os.getpid()}), not of billhook.toml" in found["text"]


def test_a_demo_on_another_port_is_nobodys_business(billhook: Billhook, store: Database, place: Path) -> None:
    (place / demo.DATA).mkdir(parents=True)
    runfile.write(place / demo.DATA, runfile.Running(pid=os.getpid(), receiver="http://127.0.0.1:2", config="demo.toml"))

    [found] = findings(billhook, "receiver")

    assert found["text"] == "no receiver answers at http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////proc/nope/x.db", "/proc/nope/x.db cannot be made or entered"),
        ("nonsense", "write sqlite:///PATH"),
        ("postgresql://nobody@127.0.0.1:1/none", "does not answer"),
    ],
)
def test_an_unusable_database_is_a_finding_and_no_traceback(
    billhook: Billhook, place: Path, monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    monkeypatch.setenv("BILLHOOK_DATABASE", url)

    [found] = findings(billhook, "database")
    listed = billhook("effects")

    assert found["state"] == "wrong" and says in found["text"]
    assert listed.code in (1, 2) and listed.err.startswith("billhook: ") and "Traceback" not in listed.err


def test_an_address_nobody_has_is_a_finding_too(billhook: Billhook, store: Database, place: Path) -> None:
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text().replace("port = 1\n", 'port = 1\nhost = "nobody.invalid"\n'))

    [found] = findings(billhook, "receiver")

    assert found["state"] in ("note", "wrong")


def test_a_disk_that_takes_nothing_more_is_wrong_although_it_can_be_read(billhook: Billhook, store: Database) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        [found] = findings(billhook, "database")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    [after] = findings(billhook, "database")

    assert found["state"] == "wrong" and found["text"].startswith("takes nothing: ")
    assert after["state"] == "fine"
    with store.read() as connection:
        assert inbox.unrouted(connection, now=datetime.now(UTC), limit=10) == []


def test_it_asks_each_provider_whether_it_lets_us_in(billhook: Billhook, store: Database, provider: Served, place: Path) -> None:
    right = findings(billhook, "source shop")
    (place / "secrets" / "BILLHOOK_API_SHOP_KEY").write_text("another-key")
    wrong = findings(billhook, "source shop")

    assert {"area": "source shop", "state": "fine", "text": "the provider lets us in", "todo": ""} in right
    assert [one["state"] for one in wrong if "refuses the login" in one["text"]] == ["wrong"]


def test_a_provider_that_is_away_is_noted_and_no_fault_here(billhook: Billhook, store: Database) -> None:
    assert [one["state"] for one in findings(billhook, "source shop") if "cannot be reached" in one["text"]] == ["note"]


def test_a_sandbox_is_not_asked(billhook: Billhook, store: Database, place: Path) -> None:
    toml = place / "billhook.toml"
    toml.write_text(toml.read_text().replace("base_url", "sandbox = true\nbase_url"))

    assert not [one for one in findings(billhook, "source shop") if "cannot be reached" in one["text"]]


def test_it_says_whether_deliveries_ever_came(billhook: Billhook, store: Database) -> None:
    before = [one["todo"] for one in findings(billhook, "source shop") if one["text"] == "no delivery ever came"]
    arrival = inbox.Arrival(source="shop", origin="push", native_type="x", native_id="1", body=b"{}", received_at=datetime.now(UTC))
    store.write(lambda c: inbox.append(c, arrival))
    after = [one["text"] for one in findings(billhook, "source shop") if one["text"].startswith("deliveries come")]

    assert "billhook connect shop" in before[0] and len(after) == 1
