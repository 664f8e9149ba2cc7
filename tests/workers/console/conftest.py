"""What the console's tests share: the console of a configured directory, asked over HTTP without a server."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import argon2
import httpx
import pytest
import sqlalchemy as sa
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette

from receiver.db import Database, table_of
from tests.workers.cli.conftest import Made as Made
from tests.workers.cli.conftest import made as made
from tests.workers.cli.conftest import place as place
from tests.workers.cli.conftest import router as router
from tests.workers.cli.conftest import store as store
from workers import control, ledger
from workers.console import accounts, tokens
from workers.console.passwords import Passwords
from workers.console.roles import Role
from workers.console.web.app import console
from workers.loading import load_folders
from workers.settings import WorkerSettings

PASSWORD = "correct horse battery"
QUICK = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Browser:
    """Somebody who looks at the console; cookies are kept. Asks the application itself, without a server."""

    def __init__(self, app: Starlette, portal: BlockingPortal, *, peer: str = "127.0.0.1", at: str = "http://127.0.0.1:8081") -> None:
        self.app, self._portal, self.at = app, portal, at
        transport = httpx.ASGITransport(app=app, client=(peer, 40_000))
        self._client = httpx.AsyncClient(transport=transport, base_url=at)

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def request(self, method: str, path: str, **what: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            return await self._client.request(method, path, **what)

        return self._portal.call(ask)

    def text(self, path: str) -> str:
        """The page without its tags, blanks made one."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return words(answer.text)

    def log_in(self, name: str = "anna", password: str = PASSWORD, **fields: str) -> httpx.Response:
        """Open the log-in's page, fill it in and send it."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/login").text)
        assert found
        return self.request("POST", "/login", data={"csrf": found[1], "name": name, "password": password, **fields})

    def token(self) -> str:
        """The token of a form, as the page shows it."""
        found = re.search(r'name="csrf" content="([^"]+)"', self.get("/runs").text)
        assert found
        return found[1]

    def post(self, path: str, **fields: str) -> httpx.Response:
        """A form of ours, sent."""
        return self.request("POST", path, data={"csrf": self.token(), **fields})


def make_unknown(store: Database, effect: str) -> None:
    """Let the effect be asked of a provider that never answers."""
    for before, after in (("proposed", "approved"), ("approved", "intended"), ("intended", "calling"), ("calling", "unknown")):
        store.write(lambda c, before=before, after=after: ledger.move(c, effect, after, since=[before], at=AT))  # type: ignore[misc]


def words(html: str) -> str:
    """The text of a page."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@dataclass
class House:
    """A console with people: anna approves, ben operates, vera views; each with PASSWORD."""

    app: Starlette
    portal: BlockingPortal
    store: Database

    def browser(self, peer: str = "127.0.0.1", at: str = "http://127.0.0.1:8081") -> Browser:
        return Browser(self.app, self.portal, peer=peer, at=at)

    def inside(self, name: str = "anna") -> Browser:
        """The browser of somebody who logged in."""
        browser = self.browser()
        assert browser.log_in(name).status_code == 303
        return browser

    def audit(self) -> list[tuple[str, str, str, str]]:
        """(act, actor, subject, reason), oldest first."""
        table = table_of(control.Audit)
        with self.store.read() as connection:
            return [
                tuple(row)
                for row in connection.execute(sa.select(table.c.act, table.c.actor, table.c.subject, table.c.reason).order_by(table.c.id))
            ]

    def new_token(self, role: Role = "viewer", name: str = "program") -> str:
        return self.store.write(lambda c: tokens.add(c, name, role, days=1, at=datetime.now(UTC), actor="test"))


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as made:
        yield made


@pytest.fixture
def house(place: Path, store: Database, portal: BlockingPortal) -> Callable[..., House]:
    """Makes a console whose table [billhook.console] says this, with accounts in it."""

    def make(*, metrics_token: str | None = None, **table: object) -> House:
        written = (place / "billhook.toml").read_text()
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items() if name != "roles")
        roles = "".join(f'\n"{name}" = "{role}"' for name, role in cast(dict[str, str], table.get("roles", {})).items())
        (place / "console.toml").write_text(f"{written}\n[billhook.console]\n{lines}\n[billhook.console.roles]{roles}\n")
        chosen = WorkerSettings(place / "console.toml", {})
        kept = QUICK.hash(PASSWORD)
        people: list[tuple[str, Role]] = [("anna", "approver"), ("ben", "operator"), ("vera", "viewer")]
        for name, role in people if chosen.console.login == "accounts" else []:
            store.write(lambda c, name=name, role=role: accounts.add(c, name, kept, role, at=AT, actor="test"))
        return House(console(chosen, store, load_folders(()), metrics_token=metrics_token, passwords=QUICK), portal, store)

    return make


@pytest.fixture
def people(house: Callable[..., House]) -> House:
    """A console with accounts."""
    return house(login="accounts")


@pytest.fixture
def browser(place: Path, store: Database) -> Iterator[Browser]:
    """The console of the directory, on its database."""
    app = console(WorkerSettings(place / "billhook.toml", {}), store, load_folders(()))
    with start_blocking_portal() as portal:
        yield Browser(app, portal)
