"""kill -9 of the receiver and of the worker at random instants under load, and the accounts afterwards.

`python -m tests.bench.kill [--kills 10] [--per-second 60] [--seed 1]`. Starts `billhook up` with the demo in an empty folder, posts
notifications until each was answered 2xx, kills both roles in turn, then waits until nothing is left to do and compares what was
accepted with what is stored, what was done with what the sandbox sent. Exits 1 where anything was lost or done twice.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.bench.demo import JSON, Demo, started_up
from tests.bench.machine import described

LEASE_S = 30
TWICE = (
    "SELECT count(*) FROM (SELECT 1 FROM slot s JOIN effect e ON e.id = s.effect_id WHERE e.state = 'done'"
    " GROUP BY s.source, s.object_id, s.purpose, s.version, s.generation HAVING count(*) > 1) AS doubled"
)


class Load:
    """Posts one notification after another, each until it is answered 2xx; counts what was accepted.

    `taken`: when each accepted post began, by the monotonic clock, and how many milliseconds its answer took.
    """

    def __init__(self, demo: Demo, rate: float) -> None:
        self._demo, self._pause = demo, 1 / rate
        self._ended = threading.Event()
        self.accepted = self.retries = 0
        self.taken: list[tuple[float, float]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(timeout=5) as client:
            while not self._ended.wait(self._pause):
                self._deliver(client, self._seeded(client))
                self.accepted += 1

    def _seeded(self, client: httpx.Client) -> bytes:
        """The next notification, once the sandbox is there to be told of its invoice."""
        while True:
            try:
                return self._demo.notification(client, 1_000_000 + self.accepted)
            except httpx.HTTPError:
                time.sleep(0.05)

    def _deliver(self, client: httpx.Client, body: bytes) -> None:
        """As a provider does: again until it is taken."""
        while True:
            begun = time.monotonic()
            try:
                if client.post(self._demo.url, content=body, headers=JSON).is_success:
                    self.taken.append((begun, 1000 * (time.monotonic() - begun)))
                    return
            except httpx.HTTPError:
                pass
            self.retries += 1
            time.sleep(0.05)


def pids_of(role: str, parent: int) -> list[int]:
    """The processes of one role below `parent`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if entry.name.isdigit() and role.encode() in words and int(entry.name) != parent and _below(int(entry.name), parent):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        status = Path(f"/proc/{pid}/status").read_text()
        pid = int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))
        if pid == ancestor:
            return True
    return False


def accounts(demo: Demo) -> dict[str, Any]:
    """What the database holds, for the numbers below."""
    counted = {
        "stored": "SELECT count(*) FROM delivery WHERE origin = 'push'",
        "unrouted": "SELECT count(*) FROM delivery WHERE routed_at IS NULL",
        "unfinished": "SELECT count(*) FROM run WHERE status IN ('ready', 'running', 'waiting')",
        "parked": "SELECT count(*) FROM parked WHERE closed_at IS NULL",
        "twice": TWICE,
    }
    effects = dict(demo.query("SELECT state, count(*) FROM effect GROUP BY state"))
    return {"effects": effects} | {name: demo.query(sql)[0][0] for name, sql in counted.items()}


def wait_until_idle(demo: Demo, limit_s: float) -> tuple[float, dict[str, Any]]:
    """Seconds until every run is done or waits for a person, and the accounts then."""
    started = time.monotonic()
    while True:
        found = accounts(demo)
        idle = found["unrouted"] == 0 and found["unfinished"] <= found["parked"]
        if idle or time.monotonic() - started > limit_s:
            return time.monotonic() - started, found
        time.sleep(0.25)


def measure(demo: Demo, kills: int, rate: float, chance: random.Random) -> bool:
    """Load, kill, wait, count, print; whether nothing was lost and nothing done twice."""
    load, killed, in_flight = Load(demo, rate), Counter[str](), 0
    for number in range(2 * kills):
        time.sleep(chance.uniform(1.0, 6.0))
        role = ("receiver", "worker")[number % 2]
        for pid in pids_of(role, demo.pid):
            os.kill(pid, signal.SIGKILL)
            killed[role] += 1
            in_flight += accounts(demo)["effects"].get("calling", 0) if role == "worker" else 0
    load.end()
    took, found = wait_until_idle(demo, LEASE_S + 60)
    sent = Counter(row["invoice_id"] for row in httpx.get(f"{demo.sandbox}/_sandbox/sent").json()["sent"])
    states = Counter(found["effects"])
    ended = states["done"] + sum(states[state] for state in ("rejected", "cancelled", "expired"))
    lost = load.accepted - found["stored"], load.accepted - ended - states["unknown"]
    twice = sum(count > 1 for count in sent.values())
    print(f"killed {dict(killed)}; accepted {load.accepted} (asked again {load.retries} times), stored {found['stored']}")
    print(f"effects: {dict(states)}; parked {states['unknown']}, calls in flight at the kills {in_flight}")
    print(f"idle {took:.1f} s after the last notification; slots done twice {found['twice']}, invoices sent twice {twice}, lost {lost}")
    return not any(lost) and not found["twice"] and not twice and states["unknown"] <= in_flight


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10, help="of each role")
    parser.add_argument("--per-second", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print(described())
    with tempfile.TemporaryDirectory(prefix="billhook-kill-") as name, started_up(Path(name)) as demo:
        return int(not measure(demo, chosen.kills, chosen.per_second, random.Random(chosen.seed)))


if __name__ == "__main__":
    sys.exit(main())
