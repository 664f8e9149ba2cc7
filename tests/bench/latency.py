"""From 2xx to the effect's intent while billhook is idle: on its private Valkey, on a Redis by URL, and with the sweeper alone.

`python -m tests.bench.latency [--samples 25]`. One notification every 1.3 seconds, so that every poll has backed off; the time is
taken from the answer of the door to `effect.intended_at`, both by this host's clock. The demo's hold is 0.
"""

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.bench.demo import JSON, Demo, started_roles, started_up
from tests.bench.machine import described
from tests.servers import ServerMissing, redis_server

PAUSE_S = 1.3


def sample(demo: Demo, client: httpx.Client, number: int) -> float:
    """Milliseconds of one notification."""
    body = demo.notification(client, number)
    client.post(demo.url, content=body, headers=JSON).raise_for_status()
    answered = datetime.now(UTC)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = demo.query("SELECT intended_at FROM effect WHERE object_id = ?", str(number))
        if found:
            return (datetime.fromisoformat(found[0][0]).replace(tzinfo=UTC) - answered).total_seconds() * 1000
        time.sleep(0.02)
    raise SystemExit(f"no effect for invoice {number} within 20 s")


def samples(demo: Demo, count: int, first: int) -> list[float]:
    """`count` samples, the first of each process thrown away."""
    found = []
    with httpx.Client(timeout=10) as client:
        for number in range(count + 1):
            time.sleep(PAUSE_S)
            found.append(sample(demo, client, first + number))
    return sorted(found[1:])


def show(name: str, found: list[float]) -> None:
    print(
        f"{name:24} p50 {statistics.median(found):7.1f} ms   p95 {found[int(len(found) * 0.95) - 1]:7.1f} ms   worst {found[-1]:7.1f} ms",
        flush=True,
    )


def main() -> None:
    """Print the three rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=25)
    count = parser.parse_args().samples
    print(described())
    with tempfile.TemporaryDirectory(prefix="billhook-latency-") as name, ExitStack() as stack:
        place = Path(name)
        with started_up(place) as demo:
            show("private Valkey", samples(demo, count, 2_000_000))
        try:
            url = stack.enter_context(redis_server())
        except ServerMissing as reason:
            print(f"no Redis: {reason}")
        else:
            with started_up(place, {"BILLHOOK_REDIS": url}) as demo:
                show("Redis by URL", samples(demo, count, 3_000_000))
        sandbox_port = demo.sandbox.rpartition(":")[2]
        with started_roles(demo, ("sandbox", "--port", sandbox_port), ("receiver",), ("sweeper",)):
            show("sweeper alone", samples(demo, count, 4_000_000))


if __name__ == "__main__":
    main()
