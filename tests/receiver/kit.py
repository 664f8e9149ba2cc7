"""A receiver in this process, and as a process: what the door's tests share.

`Asked` is one request through the ASGI interface itself, so a test decides how a body arrives; `running` is the real thing, started
with `python -m receiver` on a port of its own.
"""

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import sqlalchemy as sa

from receiver.app import Receiver
from receiver.db import Database
from receiver.inbox import Delivery
from receiver.settings import Settings, load_settings
from receiver.signing import signature

T = TypeVar("T")
PAYLOADS = Path(__file__).parents[1] / "payloads" / "monsum"
USER, PASSWORD, PATH_SECRET = "hooks", "kE4-ruW8mzQ2pLx9", "v7Tq2nXb81LmPz0s"
KEY = b"a key of thirty-two bytes, truly"
ENVIRON = {
    "BILLHOOK_DOOR_SHOP_USER": USER,
    "BILLHOOK_DOOR_SHOP_PASSWORD": PASSWORD,
    "BILLHOOK_DOOR_CORE_PATH": PATH_SECRET,
    "BILLHOOK_DOOR_MAIL_SIGNING": "whsec_" + base64.b64encode(KEY).decode(),
}
BASIC = (b"authorization", b"Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()))
JSON = (b"content-type", b"application/json")
SOURCES = """
[source.shop]
kind = "monsum"
[source.core]
kind = "fastbill"
[source.mail]
kind = "standard"
about = "shop"
"""


def config_file(folder: Path, database: str, door: str = "", sources: str = SOURCES) -> Path:
    """A billhook.toml; `door` is the text of [billhook.receiver]."""
    path = folder / "billhook.toml"
    path.write_text(f'[billhook]\ndatabase = "{database}"\nsecrets_dir = "{folder}/secrets"\n[billhook.receiver]\n{door}\n{sources}')
    return path


def settings_of(
    database: str, door: str = "", *, redis: str = "", environ: dict[str, str] | None = None, sources: str = SOURCES
) -> Settings:
    """Settings with the three sources above, or those of `sources`."""
    with tempfile.TemporaryDirectory() as folder:
        path = config_file(Path(folder), database, door, sources)
        return load_settings(path, {**ENVIRON, "BILLHOOK_REDIS": redis, **(environ or {})})


def payload(name: str) -> bytes:
    """A recorded notification, such as "invoice.created"."""
    return (PAYLOADS / f"webhook_{name}.json").read_bytes()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asked:
    """Requests to one app, over ASGI."""

    def __init__(self, app: Receiver) -> None:
        self.app = app

    async def post(
        self,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        headers: Sequence[tuple[bytes, bytes]] = (JSON, BASIC),
        *,
        method: str = "POST",
        query: bytes = b"",
        client: str = "127.0.0.1",
        stuck: bool = False,
    ) -> Answer:
        """One request. A sequence of bodies arrives as chunks; a `stuck` one never ends."""
        chunks = [body] if isinstance(body, bytes) else list(body)
        messages = [
            {"type": "http.request", "body": chunk, "more_body": stuck or left > 0}
            for left, chunk in zip(range(len(chunks))[::-1], chunks, strict=True)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            if not messages:
                await asyncio.Event().wait()
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode("utf-8", "replace"), "query_string": query}
        scope |= {"headers": list(headers), "client": (client, 4711), "server": ("127.0.0.1", 80), "scheme": "http", "http_version": "1.1"}
        scope |= {"asgi": {"version": "3.0"}, "root_path": ""}
        await self.app(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:]))

    async def get(self, path: str) -> Answer:
        return await self.post(path, headers=(), method="GET")


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Asked]:
    """A receiver between its start and its end."""
    app, inbox, outbox = Receiver(settings), asyncio.Queue[Any](), asyncio.Queue[Any]()
    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        yield Asked(app)
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await life


def with_door(settings: Settings, talk: Callable[[Asked], Coroutine[Any, Any, T]]) -> T:
    """What `talk` returned, on a receiver of its own."""

    async def main() -> T:
        async with serving(settings) as door:
            return await talk(door)

    return asyncio.run(main())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Running:
    """A receiver process."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def running(
    folder: Path, database: str, door: str = "", *, wait: str = "/healthz", environ: dict[str, str] | None = None
) -> Iterator[Running]:
    """`python -m receiver` as a process, answering `wait` with 200."""
    port = free_port()
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **ENVIRON, **(environ or {})}
    own |= {"BILLHOOK_CONFIG": str(config_file(folder, database, door)), "BILLHOOK_PORT": str(port), "BILLHOOK_HOST": "127.0.0.1"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "receiver"], env=own, stderr=log, cwd=folder)
    started = Running(process, port)
    try:
        transport = httpx.HTTPTransport(retries=12)
        with httpx.Client(transport=transport, timeout=10, trust_env=False) as client:
            until_ok(lambda: client.get(started.url + wait).status_code == 200, process)
        yield started
    finally:
        process.terminate()
        process.wait(15)


def until_ok(look: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Ask again until it holds; the process must not have ended."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, "the receiver ended"
        try:
            if look():
                return
        except httpx.TransportError:
            continue
    raise AssertionError("it never came to hold")


def deliveries(database: Database) -> list[sa.Row[tuple[object, ...]]]:
    """What was kept, in order."""
    with database.read() as connection:
        return list(connection.execute(sa.select(Delivery.__table__).order_by(sa.text("id"))))  # type: ignore[attr-defined]


def posted(url: str, *bodies: bytes, path: str = "/webhooks/shop", door: str = "") -> list[Answer]:
    """The answers to `bodies`, sent one after another with the right credentials."""

    async def talk(asked: Asked) -> list[Answer]:
        return [await asked.post(path, body) for body in bodies]

    return with_door(settings_of(url, door), talk)


def signed(id: str, body: bytes, *, at: int, key: bytes = KEY) -> list[tuple[bytes, bytes]]:
    """The headers of a body signed at a second since 1970."""
    stamp = str(at).encode()
    mark = signature(key, id.encode(), stamp, body)
    return [JSON, (b"webhook-id", id.encode()), (b"webhook-timestamp", stamp), (b"webhook-signature", mark)]
