"""The load of the door's bench: prepared signed requests, and a client that sends them over 64 connections.

The client is wrk where it is installed, else one of our own on raw sockets (slower, so it understates the server). It takes
requests of equal length from a file, so every request has a fresh webhook-id and a real signature at no cost while measuring.
"""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from receiver.signing import signature

LUA = Path(__file__).with_name("wrk.lua")
BODY_SIZE = 2048
NUMBER = "#########"


@dataclass(frozen=True, slots=True)
class Result:
    """One measured run. Latencies in milliseconds."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float
    cpu_us: float = 0.0
    routed: float = 0.0
    routing_us: float = 0.0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def body() -> bytes:
    """A completed invoice as a JSON message of BODY_SIZE bytes, with as many items as its notification would have; its id is NUMBER."""
    lines = [
        {"article_number": f"A-{n:04d}", "description": "Hosting", "quantity": 1, "unit_price": 59, "sort_order": n} for n in range(1, 18)
    ]
    data = {"invoice_id": NUMBER, "customer_id": "4711", "items": lines, "filler": ""}
    message = {"type": "invoice.completed", "timestamp": "2026-11-21T08:00:00Z", "data": data}
    data["filler"] = "x" * (BODY_SIZE - len(json.dumps(message, separators=(",", ":"))))
    return json.dumps(message, separators=(",", ":")).encode()


def prepare(path: Path, *, host: str, source: str, key: bytes, count: int) -> int:
    """Write `count` signed requests to `path`; the length of one in bytes."""
    pattern, now, run = body(), str(int(time.time())).encode(), base64.b32encode(os.urandom(5)).decode()
    size = 0
    with path.open("wb") as file:
        for number in range(count):
            content = pattern.replace(NUMBER.encode(), b"%09d" % number)
            id = f"msg_{run}_{number:09d}".encode()
            head = (
                f"POST /webhooks/{source} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nUser-Agent: billhook-bench\r\n"
                f"Content-Length: {len(content)}\r\n"
            ).encode()
            head += b"webhook-id: %b\r\nwebhook-timestamp: %b\r\nwebhook-signature: %b\r\n\r\n" % (
                id,
                now,
                signature(key, id, now, content),
            )
            size = file.write(head + content)
    return size


def run(path: Path, size: int, *, host: str, port: int, connections: int, seconds: int, offset: int) -> Result:
    """Send for `seconds`, from the request numbered `offset` on."""
    if shutil.which("wrk"):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(LUA), f"http://{host}:{port}/", "--", str(path)]
        told = subprocess.run([*command, str(size), str(offset)], capture_output=True, text=True, check=True).stdout
        words = next(line for line in told.splitlines() if line.startswith("RESULT")).split()
        return Result(int(words[1]), int(words[2]) / 1e6, int(words[3]), float(words[4]), float(words[5]))
    command = [sys.executable, "-m", "tests.bench.load", str(path), str(size), host, str(port), str(connections), str(seconds), str(offset)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Result(*json.loads(told))


class _Client(asyncio.Protocol):
    """One connection that always has one request out."""

    def __init__(self, load: "_Load") -> None:
        self.load, self.began, self.seen = load, 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.load.next())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.seen += data
        head, found, rest = self.seen.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self.seen = rest[length:]
        self.load.took.append(time.perf_counter() - self.began)
        self.load.errors += b" 200 " not in head[:16]
        if time.perf_counter() < self.load.until:
            self.send()


class _Load:
    def __init__(self, path: str, size: int, offset: int, until: float) -> None:
        self.file, self.size, self.until = Path(path).open("rb"), size, until  # noqa: SIM115  closed with the process
        self.file.seek(offset * size)
        self.took: list[float] = []
        self.errors = 0

    def next(self) -> bytes:
        prepared = self.file.read(self.size)
        if len(prepared) < self.size:
            self.file.seek(0)
            prepared = self.file.read(self.size)
        return prepared


async def _send(path: str, size: int, host: str, port: int, connections: int, seconds: float, offset: int) -> Result:
    began = time.perf_counter()
    load = _Load(path, size, offset, began + seconds)
    loop = asyncio.get_running_loop()
    transports = [(await loop.create_connection(lambda: _Client(load), host, port))[0] for _ in range(connections)]
    await asyncio.sleep(began + seconds - time.perf_counter())
    took, count = sorted(load.took), len(load.took)
    elapsed = time.perf_counter() - began
    for transport in transports:
        transport.close()
    return Result(count, elapsed, load.errors, took[count // 2] * 1000, took[count * 99 // 100] * 1000)


if __name__ == "__main__":
    given = sys.argv[1:]
    result = asyncio.run(_send(given[0], int(given[1]), given[2], int(given[3]), int(given[4]), float(given[5]), int(given[6])))
    print(json.dumps([result.requests, result.seconds, result.errors, result.p50, result.p99]))
