"""What the console's tests share: the console of a configured directory, asked over HTTP without a server."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette

from receiver.db import Database
from tests.workers.cli.conftest import AT
from tests.workers.cli.conftest import Made as Made
from tests.workers.cli.conftest import made as made
from tests.workers.cli.conftest import place as place
from tests.workers.cli.conftest import router as router
from tests.workers.cli.conftest import store as store
from workers import ledger
from workers.console.web.app import console
from workers.loading import load_folders
from workers.settings import WorkerSettings


class Browser:
    """Somebody who looks at the console; cookies are kept. Asks the application itself, without a server."""

    def __init__(self, app: Starlette, portal: BlockingPortal) -> None:
        self.app, self._portal = app, portal
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8081")

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


@pytest.fixture
def browser(place: Path, store: Database) -> Iterator[Browser]:
    """The console of the directory, on its database."""
    app = console(WorkerSettings(place / "billhook.toml", {}), store, load_folders(()))
    with start_blocking_portal() as portal:
        yield Browser(app, portal)
