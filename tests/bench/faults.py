"""Faults on real processes under load, and how long billhook takes to be whole again after each.

`python -m tests.bench.faults [--rounds 5] [--per-second 20] [--only kill-worker,redis-hung]`. Starts `billhook up` with the demo in an
empty folder, posts notifications all the time, lets one thing go wrong, and measures from its end until every run begun before then is
done or waits for a person. Afterwards the accounts must balance: nothing lost, nothing twice. Exits 1 where they do not.
"""

import argparse
import os
import random
import resource
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import redis

from tests.bench.demo import Demo, started_up
from tests.bench.kill import TWICE, Load, accounts, pids_of, wait_until_idle
from tests.bench.machine import described

LEASE_S = 30
HUNG_S = 20.0
FULL_S, LOCKED_S = 8.0, 8.0


def kill(role: str) -> Callable[[Demo], None]:
    """SIGKILL to every process of a role; the supervisor starts it again."""

    def act(demo: Demo) -> None:
        for pid in pids_of(role, demo.pid):
            os.kill(pid, signal.SIGKILL)

    return act


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """The processes stand still."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def zombie(demo: Demo) -> None:
    """The worker stands still until its leases have ended and another has taken over, then wakes and goes on."""
    with stopped(pids_of("worker", demo.pid)):
        time.sleep(LEASE_S + 2)


def valkey_of(demo: Demo) -> list[int]:
    """The private Redis of a demo."""
    return [pid for name in ("valkey-server", "redis-server") for pid in _named(name, demo.pid)]


def redis_killed(demo: Demo) -> None:
    for pid in valkey_of(demo):
        os.kill(pid, signal.SIGKILL)


def redis_flushed(demo: Demo) -> None:
    """Everything in Redis is gone, ten times."""
    sockets = list((demo.place / ".billhook").rglob("*.sock"))
    for _ in range(10):
        for path in sockets:
            redis.Redis.from_url(f"unix://{path}").flushall()
        time.sleep(0.3)


def redis_hung(demo: Demo) -> None:
    """Redis takes connections and answers nothing."""
    with stopped(valkey_of(demo)):
        time.sleep(HUNG_S)


def locked(demo: Demo) -> None:
    """Another program holds SQLite's write lock."""
    connection = sqlite3.connect(demo.database, isolation_level=None, timeout=10)
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(LOCKED_S)
    connection.execute("ROLLBACK")
    connection.close()


def disk_full(demo: Demo) -> None:
    """No process may make the database's files any longer."""
    wal = demo.database.with_name(demo.database.name + "-wal")
    limit = max(wal.stat().st_size if wal.exists() else 0, 32_768)
    pids = [pid for role in ("receiver", "worker", "sweeper") for pid in pids_of(role, demo.pid)]
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    time.sleep(FULL_S)
    for pid in pids:
        if Path(f"/proc/{pid}").exists():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def provider_hung(demo: Demo) -> None:
    """The provider takes calls and answers none."""
    with stopped(pids_of("sandbox", demo.pid)):
        time.sleep(HUNG_S)


FAULTS: dict[str, Callable[[Demo], None]] = {
    "kill-receiver": kill("receiver"),
    "kill-worker": kill("worker"),
    "kill-sweeper": kill("sweeper"),
    "zombie-worker": zombie,
    "redis-killed": redis_killed,
    "redis-flushed": redis_flushed,
    "redis-hung": redis_hung,
    "sqlite-locked": locked,
    "disk-full": disk_full,
    "provider-hung": provider_hung,
}


def recovered_s(demo: Demo) -> float:
    """Seconds until what is in the database now is done or waits for a person."""
    started = time.monotonic()
    (last,) = demo.query("SELECT coalesce(max(id), 0) FROM delivery")[0]
    before = (
        "SELECT (SELECT count(*) FROM delivery WHERE routed_at IS NULL AND id <= :last) + (SELECT count(*) FROM run r JOIN event e"
        " ON e.id = r.trigger_id WHERE r.status IN ('ready', 'running', 'waiting') AND e.delivery_id <= :last"
        " AND NOT EXISTS (SELECT 1 FROM parked p WHERE p.run_id = r.id AND p.closed_at IS NULL))"
    ).replace(":last", str(last))
    while demo.query(before)[0][0]:
        if time.monotonic() - started > 180:
            raise SystemExit(f"not recovered within 180 s: {accounts(demo)}")
        time.sleep(0.05)
    return time.monotonic() - started


def measure(demo: Demo, chosen: list[str], rounds: int, rate: float, chance: random.Random) -> bool:
    """Every fault `rounds` times in random order, then the accounts; whether they balance."""
    load, took = Load(demo, rate), {name: list[float]() for name in chosen}
    for name in chance.sample(chosen * rounds, len(chosen) * rounds):
        time.sleep(chance.uniform(1.0, 3.0))
        FAULTS[name](demo)
        took[name].append(recovered_s(demo))
        print(f"{name}: {took[name][-1]:.1f} s", flush=True)
    load.end()
    _, found = wait_until_idle(demo, LEASE_S + 120)
    print(f"\n{'fault':<16}{'median s':>10}{'worst s':>10}")
    for name, seconds in took.items():
        print(f"{name:<16}{statistics.median(seconds):>10.1f}{max(seconds):>10.1f}")
    sent = Counter(row["invoice_id"] for row in httpx.get(f"{demo.sandbox}/_sandbox/sent").json()["sent"])
    states = Counter(found["effects"])
    ended = sum(states[state] for state in ("done", "rejected", "cancelled", "expired", "unknown"))
    lost, twice = (load.accepted - found["stored"], load.accepted - ended), sum(count > 1 for count in sent.values())
    print(f"accepted {load.accepted} (asked again {load.retries} times), stored {found['stored']}, effects {dict(states)}, lost {lost}")
    print(f"slots done twice {demo.query(TWICE)[0][0]}, invoices sent twice {twice}")
    return lost == (0, 0) and not found["twice"] and not twice


def _named(program: str, parent: int) -> list[int]:
    """Processes of a program below `parent`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(os.readlink(entry / "exe")).name == program and _parent(int(entry.name)) == parent:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--per-second", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(FAULTS))
    options = parser.parse_args()
    print(described())
    with tempfile.TemporaryDirectory(prefix="billhook-faults-") as name, started_up(Path(name)) as demo:
        return int(not measure(demo, options.only.split(","), options.rounds, options.per_second, random.Random(options.seed)))


if __name__ == "__main__":
    sys.exit(main())
