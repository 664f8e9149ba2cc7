"""The console in a real browser: a server of its own on a database with a few stories, and Debian's Chromium driven by Playwright.

Where no Chromium is, or no Playwright, the tests skip and say so. BILLHOOK_PICTURES names a folder in which every picture is kept.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import InvoiceCompleted, InvoicePaid
from receiver.inbox import RefusedRequest
from tests.conftest import create_schema
from tests.processes import eventually
from tests.workers.cli.conftest import CONFIG, SECRETS
from workers import control, desk, events, ledger, routing, runs
from workers.console.web.app import console
from workers.console.web.serve import server
from workers.ids import new_id
from workers.loading import load_folders
from workers.settings import WorkerSettings, build
from workflows.dunning import tables

sync_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright: `make browser` installs it")

CHROMIUM = os.environ.get("BILLHOOK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'


@dataclass(frozen=True)
class Stories:
    """What is in the database: effects by what is asked about them."""

    proposed: tuple[str, ...]
    unknown: str
    hostile: int
    run: str


@pytest.fixture(scope="session")
def chromium() -> Iterator[sync_api.Browser]:
    """One browser for all."""
    if not CHROMIUM:
        pytest.skip("the browser tests need Chromium, and none is here: apt-get install chromium, or name one in BILLHOOK_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configured directory."""
    place = tmp_path_factory.mktemp("console")
    (place / "billhook.toml").write_text(CONFIG.format(database=f"sqlite:///{place}/billhook.db"))
    (place / "secrets").mkdir()
    for name, value in SECRETS.items():
        (place / "secrets" / name).write_text(value)
    return place


@pytest.fixture(scope="session")
def store(place: Path) -> Iterator[Database]:
    """Its database."""
    url = f"sqlite:///{place}/billhook.db"
    create_schema(sa.create_engine(url))
    database = Database(url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def stories(store: Database) -> Stories:
    """The stories everybody reads; a test that changes one makes its own."""
    at = datetime.now(UTC) - timedelta(hours=2)
    store.write(lambda c: control.put(c, "baseline:shop", {"at": (at - timedelta(days=9)).isoformat(), "done": True}, at=at))
    proposed = tuple(make_story(store, str(4711 + number), str(501 + number % 2), at=at + timedelta(minutes=number)) for number in range(5))
    unknown = make_story(store, "4800", "501", at=at)
    make_unknown(store, unknown, at)
    store.write(lambda c: desk.alert(c, source="shop", subject="shop/4711", reason="request_changed", at=at))
    arrival = inbox.Arrival(
        source="shop", origin="push", native_type="invoice.created", native_id=HOSTILE[:40], body=f'{{"note": "{HOSTILE}"}}'.encode(),
        received_at=at,
    )  # fmt: skip
    hostile = store.write(lambda c: inbox.append(c, arrival)).delivery_id
    store.write(lambda c: inbox.mark_routed(c, {hostile: ("nothing", HOSTILE)}, at=at))
    store.write(lambda c: wait_and_miss(c, at))
    refused = RefusedRequest(source="shop", at=datetime.now(UTC), status=401, cause="credentials", method="POST", peer="203.0.113.9")
    store.write(lambda c: inbox.keep_refusals(c, [refused]))
    with store.read() as connection:
        effect = ledger.load(connection, proposed[0])
    assert effect is not None
    return Stories(proposed, unknown, hostile, effect["run_id"])


def make_story(store: Database, invoice: str, customer: str, *, at: datetime, workflow: str = "auto-send") -> str:
    """A delivery, its event, its run and a proposed e-mail; the effect's id."""

    def write(connection: Connection) -> str:
        body = f'{{"invoice": {{"INVOICE_ID": "{invoice}"}}}}'.encode()
        arrival = inbox.Arrival(source="shop", origin="push", native_type="invoice.created", native_id=invoice, body=body, received_at=at)
        delivery = inbox.append(connection, arrival).delivery_id
        inbox.mark_routed(connection, {delivery: ("events", "1 event")}, at=at)
        told = InvoiceCompleted(source="shop", at=at, invoice_id=invoice, customer_id=customer)
        event = events.record(connection, told, f"invoice.completed:{invoice}", delivery_id=delivery, at=at)
        assert event is not None
        run = runs.start(
            connection, source="shop", workflow=workflow, key=invoice, trigger_id=event.id, mode="propose", policy_id=None,
            customer_id=customer, invoice_id=invoice, at=at,
        )  # fmt: skip
        assert run is not None
        plan = ledger.Plan(
            run_id=run, step="send e-mail", workflow=workflow, source="shop", service="invoice.sendbyemail", object_kind="invoice",
            object_id=invoice, customer_id=customer, purpose="send", amount="119.00 EUR",
            request={"INVOICE_ID": invoice, "RECIPIENT": {"TO": "ap@example.org"}, "SUBJECT": f"Rechnung {invoice}"},
        )  # fmt: skip
        effect = new_id()
        assert ledger.take_slots(connection, effect, [ledger.Slot("shop", invoice, "send", "v1")]) is None
        ledger.intend(connection, effect, plan, state="proposed", at=at, reason="mode_propose")
        waiting = sa.update(table_of(runs.RunRow)).where(table_of(runs.RunRow).c.id == run)
        connection.execute(waiting.values(status="waiting", ready_at=None, wake_at=at + timedelta(days=3)))
        return effect

    return store.write(write)


def wait_and_miss(connection: Connection, at: datetime) -> None:
    """Invoice 4711 waits to be known as sent, and a sweep found that 4712 was paid."""
    tables.put_ladder(connection, "shop", "4711", customer_id="501", currency="EUR", reason="not_sent", next_name="L0", at=at)
    arrival = inbox.Arrival(
        source="shop", origin="poll", native_type="poll.invoice", native_id="4712:1-x", body=b"{}", received_at=at,
        actor="scan:open-invoices",
    )  # fmt: skip
    delivery = inbox.append(connection, arrival).delivery_id
    inbox.mark_routed(connection, {delivery: ("events", "1 event")}, at=at)
    events.record(connection, InvoicePaid(source="shop", at=at, invoice_id="4712", n=1), "paid", delivery_id=delivery, at=at)


def make_unknown(store: Database, effect: str, at: datetime) -> None:
    """Let the effect be asked of a provider that never answers."""
    for before, after in (("proposed", "approved"), ("approved", "calling"), ("calling", "unknown")):
        store.write(lambda c, before=before, after=after: ledger.move(c, effect, after, since=[before], at=at))  # type: ignore[misc]
    asked = {"kind": "unknown", "source": "shop", "subject": f"effect:{effect}", "reason": "no_answer", "effect_id": effect}
    store.write(lambda c: desk.park(c, **asked, at=at))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def base(place: Path, store: Database, stories: Stories) -> Iterator[str]:
    """The address of the console; a router works beside it."""
    chosen = WorkerSettings(place / "billhook.toml", {"BILLHOOK_SECRETS_DIR": str(place / "secrets")})
    serving = server(console(chosen, store, load_folders(())))
    serving.config.port, over = 0, threading.Event()
    runtime = build(chosen, database=store)

    def route() -> None:
        while not over.wait(0.02):
            with store.read() as connection:
                waiting = routing.unrouted(connection, now=datetime.now(UTC), limit=10)
            for id in waiting:
                routing.route(runtime, id)

    threads = [threading.Thread(target=serving.run), threading.Thread(target=route)]
    for thread in threads:
        thread.start()
    eventually(lambda: serving.started)
    yield f"http://127.0.0.1:{serving.servers[0].sockets[0].getsockname()[1]}"
    serving.should_exit = True
    over.set()
    for thread in threads:
        thread.join()


@dataclass
class Visit:
    """A page open in the browser. Anything a page's script complains about fails the test."""

    page: sync_api.Page
    base: str
    pictures: str
    complaints: list[str]

    def go(self, path: str) -> sync_api.Page:
        self.page.goto(self.base + path, wait_until="load")
        return self.page

    def picture(self, name: str) -> None:
        """Keep what is seen, where a folder for it is named."""
        if self.pictures:
            self.page.screenshot(path=f"{self.pictures}/{name}.png")


@pytest.fixture
def visit(chromium: sync_api.Browser, base: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """Open the console: `dark`, on a `phone`, or with no `script` at all."""
    pictures, open_, made = os.environ.get("BILLHOOK_PICTURES", ""), [], []

    def start(*, dark: bool = False, phone: bool = False, script: bool = True) -> Visit:
        size: sync_api.ViewportSize = {"width": 390, "height": 844} if phone else {"width": 1360, "height": 900}
        theme = "dark" if dark else "light"
        context = chromium.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce", java_script_enabled=script)
        page, complaints = context.new_page(), list[str]()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" and "status of 4" not in said.text else None)
        open_.append(context)
        made.append(Visit(page, base, pictures, complaints))
        return made[-1]

    yield start
    for context in open_:
        context.close()
    assert [complaint for one in made for complaint in one.complaints] == []
