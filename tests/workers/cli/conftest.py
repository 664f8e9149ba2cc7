"""What the command line's tests share: a configured directory, and `billhook` as a function."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted
from tests.workers.sandbox.test_app import Served, serving
from workers import control, events, ledger, routing, runs
from workers.cli.main import run
from workers.console import tokens
from workers.console.roles import Role
from workers.console.web.app import console
from workers.console.web.serve import address, listen, server
from workers.ids import new_id
from workers.loading import load_folders
from workers.settings import WorkerSettings, build

CONFIG = """
[billhook]
database = "{database}"
data_dir = "data"
secrets_dir = "secrets"

[billhook.receiver]
port = 1

[source.shop]
kind = "monsum"

[source.shop.api]
base_url = "http://127.0.0.1:1/api/1.0/api.php"
"""
SECRETS = {
    "BILLHOOK_DOOR_SHOP_PATH": "c0ffee-c0ffee-1234567890",
    "BILLHOOK_API_SHOP_USER": "owner@example.com",
    "BILLHOOK_API_SHOP_KEY": "k-0123456789abcdef",
}


@dataclass(frozen=True)
class Printed:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Billhook = Callable[..., Printed]


@pytest.fixture
def place(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a billhook.toml, its secrets and a database."""
    monkeypatch.chdir(tmp_path)
    for name in ("BILLHOOK_CONFIG", "BILLHOOK_DATABASE", "BILLHOOK_REDIS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "billhook.toml").write_text(CONFIG.format(database=sqlite_url))
    (tmp_path / "secrets").mkdir()
    for name, value in SECRETS.items():
        (tmp_path / "secrets" / name).write_text(value)
    return tmp_path


@pytest.fixture
def store(place: Path, sqlite_url: str) -> Iterator[Database]:
    """The database of that directory, with a baseline."""
    database = Database(sqlite_url)
    at = datetime(2026, 11, 1, tzinfo=UTC)
    database.write(lambda c: control.put(c, "baseline:shop", {"at": at.isoformat(), "done": True}, at=at))
    yield database
    database.close()


@pytest.fixture
def billhook(place: Path, capsys: pytest.CaptureFixture[str]) -> Billhook:
    """Carry out one command line."""

    def call(*words: str) -> Printed:
        capsys.readouterr()
        code = run(list(words))
        out, err = capsys.readouterr()
        return Printed(code, out, err)

    return call


@dataclass(frozen=True)
class Made:
    """A story in the database: one delivery, its event, its run, and an effect."""

    delivery: int
    event: int
    run: str
    effect: str


AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def made(store: Database) -> Made:
    """Invoice 4711 was completed; an e-mail is proposed."""

    def write(connection: Connection) -> Made:
        body = b'{"note": "\\u001b[31mred"}'
        arrival = inbox.Arrival(source="shop", origin="push", native_type="invoice.created", native_id="464", body=body, received_at=AT)
        delivery = inbox.append(connection, arrival).delivery_id
        table = table_of(inbox.Delivery)
        connection.execute(sa.update(table).where(table.c.id == delivery).values(routed_at=AT, outcome="events", reason="1 events"))
        told = InvoiceCompleted(source="shop", at=AT, invoice_id="4711", customer_id="501")
        event = events.record(connection, told, "invoice.completed:4711", delivery_id=delivery, at=AT)
        assert event is not None
        run_id = runs.start(
            connection, source="shop", workflow="auto-send", key="4711", trigger_id=event.id, mode="propose", policy_id=None,
            customer_id="501", invoice_id="4711", at=AT,
        )  # fmt: skip
        assert run_id is not None
        plan = ledger.Plan(
            run_id=run_id, step="send e-mail", workflow="auto-send", source="shop", service="invoice.sendbyemail", object_kind="invoice",
            object_id="4711", customer_id="501", purpose="send", request={"INVOICE_ID": "4711"}, amount="119.00 EUR",
        )  # fmt: skip
        effect = new_id()
        assert ledger.take_slots(connection, effect, [ledger.Slot("shop", "4711", "send", "v1")]) is None
        ledger.intend(connection, effect, plan, state="proposed", at=AT)
        return Made(delivery, event.id, run_id, effect)

    return store.write(write)


@pytest.fixture
def router(store: Database) -> Iterator[None]:
    """A worker that routes, in this process."""
    runtime = build(WorkerSettings(), database=store)
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.01):
            with store.read() as connection:
                waiting = routing.unrouted(connection, now=datetime.now(UTC), limit=10)
            for id in waiting:
                routing.route(runtime, id)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.fixture
def provider(place: Path) -> Iterator[Served]:
    """The provider of source shop, served on this machine."""
    with serving() as served:
        toml = place / "billhook.toml"
        toml.write_text(toml.read_text().replace("http://127.0.0.1:1/", f"{served.url}/"))
        (place / "secrets" / "BILLHOOK_API_SHOP_USER").write_text("me@example.com")
        (place / "secrets" / "BILLHOOK_API_SHOP_KEY").write_text("k3y")
        yield served


@pytest.fixture
def served(place: Path, store: Database) -> Iterator[str]:
    """The URL of this directory's console, served."""
    chosen = WorkerSettings(place / "billhook.toml", {})
    listening = listen(chosen.console, {"BILLHOOK_CONSOLE_PORT": "0"})
    serving = server(console(chosen, store, load_folders(())))
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]})
    thread.start()
    yield address(listening)
    serving.should_exit = True
    thread.join()


@pytest.fixture
def token(store: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[Role], str]:
    """Puts a token of this role for the console into the environment."""

    def put(role: Role, name: str = "laptop") -> str:
        made = store.write(lambda c: tokens.add(c, name, role, days=366, at=AT, actor="test"))
        monkeypatch.setenv("BILLHOOK_TOKEN", made)
        return made

    return put


@pytest.fixture
def there(billhook: Billhook, served: str, token: Callable[[Role], str]) -> Billhook:
    """Carry out one command line at the console that is served, as an approver."""
    token("approver")
    return lambda *words: billhook("--remote", served, *words)
