"""The receiver as a process: what it loads and sees, what its connections survive, and how it starts and stops."""

import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from receiver.db import Database
from receiver.environment import receiver_environment
from receiver.inbox import Delivery
from tests.receiver.kit import ENVIRON, PASSWORD, USER, Running, config_file, payload, running, until_ok

ROOT = Path(__file__).parents[2]
FOREIGN = ("workers", "workflows", "httpx", "httpcore", "requests", "alembic", "typer")


def closed_after(port: int, *parts: bytes, wait_s: float = 8.0) -> bytes:
    """What the server sends until it closes, having been sent `parts`."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        for part in parts:
            connection.sendall(part)
        seen = b""
        try:
            while chunk := connection.recv(65536):
                seen += chunk
        except ConnectionResetError:
            pass
        return seen


def test_the_process_loads_no_worker_and_sees_no_api_credential(tmp_path: Path, sqlite_url: str) -> None:
    environ = {
        "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "AWS_SECRET_ACCESS_KEY": "canary-a", "BILLHOOK_API_SHOP_KEY": "canary-b",
        "BILLHOOK_WORKFLOWS": "canary-c", "BILLHOOK_LEDGER_HEAD_DIR": "canary-d", "BILLHOOK_CONFIG": str(config_file(tmp_path, sqlite_url)),
        "PYTHONPATH": str(ROOT), **ENVIRON,
    }  # fmt: skip
    script = (
        "import os, sys; from receiver.__main__ import load_settings, Receiver, server; app = Receiver(load_settings());"
        "server(app, load_settings().receiver).config.load(); print(' '.join(sys.modules)); print(os.environ)"
    )

    ran = subprocess.run(
        [sys.executable, "-c", script], env=receiver_environment(environ), capture_output=True, text=True, check=True, cwd=ROOT
    )

    modules, seen = ran.stdout.splitlines()[:2]
    assert [name for name in modules.split() if name.partition(".")[0] in FOREIGN] == []
    assert "canary" not in seen and "BILLHOOK_DOOR_SHOP_PASSWORD" in seen and "C.UTF-8" in seen


def test_slow_headers_endless_headers_and_no_headers_are_closed_while_others_are_served(tmp_path: Path, sqlite_url: str) -> None:
    with running(tmp_path, sqlite_url, "receive_timeout_s = 1.0", wait="/readyz") as receiver:
        idle = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(200)]
        answer = post(receiver, payload("invoice.created"))
        silent = closed_after(receiver.port)
        drip = closed_after(receiver.port, b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nx: ")
        endless = closed_after(receiver.port, b"POST / HTTP/1.1\r\nHost: a\r\n", *[b"x: " + b"y" * 1000 + b"\r\n" for _ in range(80)])
        nonsense = closed_after(receiver.port, b"\x16\x03\x01\x00\x00 hello\r\n\r\n")
        for connection in idle:
            connection.close()

    assert answer.status_code == 200
    assert (silent, drip, endless) == (b"", b"", b"")
    assert nonsense.startswith(b"HTTP/1.1 400")


def test_a_body_that_stops_half_way_is_408_and_one_of_eleven_mebibytes_413(tmp_path: Path, sqlite_url: str) -> None:
    with running(tmp_path, sqlite_url, "receive_timeout_s = 1.0", wait="/readyz") as receiver:
        head = b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        stopped = closed_after(receiver.port, head)
        large = post(receiver, b"x" * 11 * 1024 * 1024)
        chunked = httpx.post(f"{receiver.url}/webhooks/shop", content=(b"x" * 65536 for _ in range(176)), trust_env=False)

    assert stopped.startswith(b"HTTP/1.1 408")
    assert [(answer.status_code, answer.json()) for answer in (large, chunked)] == [(413, {"error": "too_large"})] * 2


@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
def test_a_term_signal_ends_it_in_order_with_everything_answered_kept(tmp_path: Path, database: Database) -> None:
    with running(tmp_path, database.url, wait="/readyz") as receiver:
        receipts = [post(receiver, b'{"id":%d,"type":"a.b"}' % number).json()["receipt"] for number in range(20)]
        receiver.process.send_signal(signal.SIGTERM)
        code = receiver.process.wait(15)

    with database.read() as connection:
        kept = [str(id) for (id,) in connection.execute(sa.select(Delivery.id).order_by(sa.text("id")))]  # type: ignore[arg-type, call-overload]
    assert (code, kept) == (-signal.SIGTERM, receipts) or (code, kept) == (0, receipts)


def test_it_opens_when_the_schema_arrives(tmp_path: Path, empty_sqlite_url: str, sqlite_template: Path) -> None:
    with running(tmp_path, empty_sqlite_url) as receiver, httpx.Client(trust_env=False, timeout=5) as client:
        before = post(receiver, payload("customer.created"))
        source = sa.create_engine(f"sqlite:///{sqlite_template}")
        target = sa.create_engine(empty_sqlite_url)
        with source.connect() as old, target.begin() as new:
            for (statement,) in old.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"):
                new.exec_driver_sql(statement)
            for values in old.exec_driver_sql("SELECT version_num FROM alembic_version"):
                new.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", tuple(values))
        source.dispose()
        target.dispose()
        until_ok(lambda: client.get(f"{receiver.url}/readyz").status_code == 200, receiver.process)
        after = post(receiver, payload("customer.created"))

    assert (before.status_code, before.headers["retry-after"], after.status_code) == (503, "1", 200)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
def test_a_disk_that_takes_nothing_more_is_503_at_readyz_until_it_does_again(tmp_path: Path, sqlite_url: str) -> None:
    with (
        running(tmp_path, sqlite_url, wait="/readyz") as receiver,
        httpx.Client(base_url=receiver.url, trust_env=False, timeout=5) as client,
    ):
        kept = post(receiver, payload("customer.created"))
        limit(receiver, 4096)
        refused = post(receiver, payload("invoice.created"))
        full = [client.get("/readyz") for _ in range(3)]
        limit(receiver, resource.RLIM_INFINITY)
        ready = client.get("/readyz")
        again = post(receiver, payload("invoice.created"))
        said = (tmp_path / "log").read_text()

    assert (kept.status_code, refused.status_code, again.status_code) == (200, 503, 200)
    assert ([answer.status_code for answer in full], ready.status_code) == ([503, 503, 503], 200)
    assert full[0].json() == {"status": "the database takes nothing", "do": "billhook doctor"}
    assert said.count("takes nothing") == said.count("takes deliveries again") == 1


def limit(receiver: Running, size: int) -> None:
    """Let the process write no file beyond `size` bytes: to it, the disk is full."""
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.parametrize(
    "wrong",
    [
        {"BILLHOOK_DOOR_SHOP_PASSWORD": "short"},
        pytest.param({"BILLHOOK_CONFIG": "missing.toml"}, marks=pytest.mark.slow),
        pytest.param({"BILLHOOK_HOST": "192.0.2.1"}, marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_used_exits_2_and_says_which(tmp_path: Path, sqlite_url: str, wrong: dict[str, str]) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        **ENVIRON,
        "BILLHOOK_CONFIG": str(config_file(tmp_path, sqlite_url)),
        **wrong,
    }

    ran = subprocess.run([sys.executable, "-m", "receiver"], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert "billhook receiver: " in ran.stderr and PASSWORD not in ran.stderr


def post(receiver: Running, body: bytes) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return httpx.post(f"{receiver.url}/webhooks/shop", content=body, headers=headers, auth=(USER, PASSWORD), trust_env=False, timeout=15)
