"""A billhook in an empty folder, as processes: what the benches load, kill and time.

Starts `billhook up` with its demo, or chosen roles by themselves; posts notifications that the sandbox knows about.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
import psycopg

from workers import demo

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests/payloads/monsum/webhook_invoice.created.unpaid.constructed.json"
JSON = {"content-type": "application/json"}
ZONE = ZoneInfo("Europe/Berlin")
HAS_BASELINE = "SELECT 1 FROM control WHERE name LIKE 'baseline:%' AND CAST(value AS TEXT) LIKE '%true%'"
UNCAPPED = "daily_cap = 1000000\nspike_floor = 1000000\n"  # of the policy that ends the demo's configuration


class Demo:
    """One running billhook. `url` is its sandbox's webhook URL, `sandbox` the sandbox's own address."""

    def __init__(self, place: Path, pid: int, running: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.place, self.pid, self.sandbox, self.redis = place, pid, running["sandboxes"][demo.SOURCE], str(running["redis"])
        self.environ = {**environ, "BILLHOOK_REDIS": self.redis}
        self.database = place / demo.DATA / "billhook.db"
        secret = (place / demo.SECRETS / "BILLHOOK_DOOR_SANDBOX_PATH").read_text().strip()
        self.url = f"{running['receiver']}/webhooks/sandbox/{secret}"
        self._sample = json.loads(SAMPLE.read_text())

    def notification(self, client: httpx.Client, number: int) -> bytes:
        """A notification of a completed invoice that the sandbox now has."""
        now = datetime.now(ZONE).strftime("%Y-%m-%d %H:%M:%S")
        invoice = {
            **self._sample["invoice"],
            "invoice_id": str(number),
            "invoice_number": str(number),
            "invoice_date": now,
            "due_date": now,
        }
        body = json.dumps({**self._sample, "id": number, "created": now, "invoice": invoice}).encode()
        client.post(f"{self.sandbox}/_sandbox/seed", content=body, headers=JSON).raise_for_status()
        return body

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, read beside whoever writes it; `?` stands for a value."""
        return _query(self.place, self.environ, sql, *values)


@contextmanager
def started_up(place: Path, environ: Mapping[str, str] | None = None) -> Iterator[Demo]:
    """`billhook up` in `place`, with its baseline read and no daily cap; ended by SIGTERM."""
    config = place / demo.write(place)
    if UNCAPPED not in config.read_text():
        config.write_text(config.read_text() + UNCAPPED)
    with _process(place, "up", environ or {}) as process:
        yield Demo(place, process.pid, _ready(place, process, environ or {}), environ or {})


@contextmanager
def one_more(demo: Demo, *words: str, environ: Mapping[str, str] | None = None) -> Iterator[int]:
    """The process id of another role on the same database and Redis, as on a second host; ended by SIGTERM."""
    process = _start(demo.place, words, {**demo.environ, **(environ or {})})
    try:
        yield process.pid
    finally:
        _end(process)


@contextmanager
def started_roles(demo: Demo, *roles: tuple[str, ...], redis: str = "") -> Iterator[None]:
    """Roles by themselves, with the Redis of an URL or none, where `demo` was and on its ports; ready after a moment."""
    environ = {**demo.environ, "BILLHOOK_REDIS": redis, "BILLHOOK_PORT": str(urlsplit(demo.url).port)}
    running: list[subprocess.Popen[bytes]] = []
    try:
        running += [_start(demo.place, words, environ) for words in roles]
        _answers(demo.url.partition("/webhooks")[0] + "/readyz")
        yield
    finally:
        for process in running:
            _end(process)


@contextmanager
def _process(place: Path, role: str, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = _start(place, (role,), environ)
    try:
        yield process
    finally:
        _end(process)


def _start(place: Path, words: tuple[str, ...], environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    with (place / f"{words[0]}.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "workers.cli.main", *words], cwd=place, env=environ, stdout=log, stderr=log)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def _ready(place: Path, process: "subprocess.Popen[bytes]", environ: Mapping[str, str]) -> dict[str, Any]:
    data, until = place / demo.DATA, time.monotonic() + 60
    while time.monotonic() < until:
        try:
            running: dict[str, Any] = json.loads((data / "run.json").read_text())
            if httpx.get(f"{running['receiver']}/readyz").is_success and _query(place, environ, HAS_BASELINE):
                return running
        except (OSError, ValueError, httpx.HTTPError, sqlite3.Error, psycopg.Error):
            pass
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"billhook never became ready:\n{(place / 'up.log').read_text()[-2000:]}")


def _answers(url: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SystemExit(f"{url} never answered")


def _query(place: Path, environ: Mapping[str, str], sql: str, *values: Any) -> list[tuple[Any, ...]]:
    url = environ.get("BILLHOOK_DATABASE", "")
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as remote:
            return list(remote.execute(sql.replace("?", "%s").encode(), values or None).fetchall())
    connection = sqlite3.connect(f"file:{place / demo.DATA / 'billhook.db'}?mode=ro", uri=True)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()
