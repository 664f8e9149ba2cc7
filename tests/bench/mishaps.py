"""What may happen to a running billhook, one function each: they return once it is over. Used by tests/bench/faults.py.

The clock of a second host is set wrong by a small library put before the C library (built by the machine's compiler), so that the
process sees another time of day and everything else is as it was.
"""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import redis

from tests.bench.demo import Demo, one_more
from tests.bench.kill import pids_of
from tests.servers import Postgres

LEASE_S = 30
HUNG_S = 60.0
AWAY_S = 20.0
FULL_S, LOCKED_S = 8.0, 8.0
SKEW_S = 180
SHIFTED_CLOCK = Path(__file__).with_name("shifted_clock.c")

Mishap = Callable[[Demo], None]


def kill(role: str) -> Mishap:
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
    """The worker stands still until its leases have ended and a second one has taken over, then wakes and goes on."""
    with one_more(demo, "worker"):
        with stopped(pids_of("worker", demo.pid)):
            time.sleep(LEASE_S + 2)
        time.sleep(2)


def valkey_of(demo: Demo) -> list[int]:
    """The private Redis of a demo."""
    return [pid for name in ("valkey-server", "redis-server") for pid in _named(name, demo.pid)]


def redis_killed(demo: Demo) -> None:
    """SIGKILL to Redis; it keeps nothing, and comes back empty."""
    for pid in valkey_of(demo):
        os.kill(pid, signal.SIGKILL)


def redis_flushed(demo: Demo) -> None:
    """Everything in Redis is gone, ten times."""
    for _ in range(10):
        redis.Redis.from_url(demo.redis).flushall()
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
        time.sleep(AWAY_S)


def provider_drips(demo: Demo) -> None:
    """The provider acts, then answers byte by byte, for longer than any timeout that is counted per read."""
    unknown = "SELECT count(*) FROM effect WHERE state = 'unknown'"
    before, until = demo.query(unknown), time.monotonic() + 60
    fault = {"kind": "drip", "service": "invoice.sendbyemail", "times": 1, "seconds": 120}
    httpx.post(f"{demo.sandbox}/_sandbox/faults", json=fault).raise_for_status()
    while demo.query(unknown) == before:
        if time.monotonic() > until:
            raise SystemExit("no call was given up while the provider was slow")
        time.sleep(0.1)


def postgres_stopped(server: Postgres) -> Mishap:
    """An immediate stop of PostgreSQL, five seconds without it, and a start with recovery."""

    def act(demo: Demo) -> None:
        server.stop_at_once()
        time.sleep(5)
        server.start()

    return act


def clock_off(seconds: int, place: Path) -> Mishap:
    """A second host works beside the first one, with its clock wrong by `seconds`, and the first one's worker is killed meanwhile."""

    def act(demo: Demo) -> None:
        wrong = {"LD_PRELOAD": str(shifting(place)), "SHIFTED_BY_S": str(seconds)}
        with one_more(demo, "worker", environ=wrong), one_more(demo, "sweeper", environ=wrong):
            time.sleep(10)
            kill("worker")(demo)
            kill("sweeper")(demo)
            time.sleep(10)

    return act


def shifting(place: Path) -> Path:
    """The library that moves a process's time of day. Raises SystemExit where this machine has no compiler."""
    made, compiler = place / "shifted_clock.so", shutil.which("cc")
    if compiler is None:
        raise SystemExit("no C compiler here: leave the clock-... faults out with --only")
    if not made.exists():
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(made), str(SHIFTED_CLOCK), "-ldl"], check=True)
    return made


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
