"""What watching costs the workers: runs per second while nobody looks, and while five people look at Now and Prometheus scrapes.

`python -m tests.bench.watching [--pairs 10] [--seconds 20] [--workers 1] [--stores sqlite,postgresql] [--deliveries 50000] [--keep DIR]`.
In each round the workers, each a process of 8 threads, advance a fixed number of runs of three steps (tests/bench/runs.py), in a database
that holds a business already (tests/bench/business.py). Pairs are interleaved, their order alternates. A watched round has a real
`billhook console` beside it: PEOPLE streams of Now, each with its charts once a minute as the browser asks them, and a scrape of /metrics
every SCRAPE_S. Nothing is scaled down: rounds last long enough to hold a scrape. Printed are the ratio of each pair, its median with the
interval that order statistics give (no less than 95 %), and the CPU that console and watchers took, which on few cores is the workers'.
"""

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import sqlalchemy as sa

from receiver.db import CORE_HEAD
from receiver.log import configure
from tests.bench.business import add_around, build, engine_url
from tests.bench.machine import described
from tests.bench.pages import postgres_at, sqlite_at
from tests.bench.runs import KEY, SOURCE, STEPS, USER, WARM, ZONE, ready_runs, runtime_on
from tests.bench.stage import HOST, cpu_s
from tests.servers import free_port
from workers import engine
from workers.sandbox.core import MonsumSandbox

PEOPLE, SCRAPE_S, CHARTS_S, THREADS, AIM = 5, 15.0, 60.0, 8, 0.02
TOML = (
    '[billhook]\ndatabase = "{url}"\nsecrets_dir = "{place}"\ndata_dir = "{place}"\nlog_level = "warning"\n'
    '[billhook.console]\nlogin = "header"\n[billhook.console.roles]\n{roles}\n[source.{name}]\nkind = "monsum"\n'
)
ROLES = "\n".join(f'p{place} = "viewer"' for place in range(PEOPLE))
NAMED = "billhook-console"


@dataclass(frozen=True, kw_only=True)
class Round:
    """One measured round: runs per second of all workers, their CPU milliseconds a run, and the CPU of who watches, in cores."""

    rate: float
    cpu_ms: float
    console: float = 0.0
    people: float = 0.0
    load: float = 0.0


def work(url: str, place: str, name: str, count: str) -> None:
    """A worker's process: makes its runs, says so, waits for a line, advances them all, prints seconds and CPU seconds."""
    configure("error", "console")
    public = "http://127.0.0.1:1"
    sandbox = MonsumSandbox("monsum", user=USER, key=KEY, zone=ZONE, clock=lambda: datetime.now(UTC), public_url=public)
    runtime = runtime_on(url, STEPS, sandbox, Path(place))
    ids = ready_runs(runtime, STEPS, [f"{name}-{number}" for number in range(int(count) + WARM)])
    for id in ids[:WARM]:
        assert engine.advance(runtime, id)
    print("ready", flush=True)
    sys.stdin.readline()
    started, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(lambda id: engine.advance(runtime, id), ids[WARM:]))
    print(json.dumps([time.perf_counter() - started, time.process_time() - used]), flush=True)
    runtime.head.close()
    runtime.db.close()


class House:
    """One database, its configuration, and the rounds that are played on it."""

    def __init__(self, url: str, place: Path, workers: int) -> None:
        self._url, self._place, self._workers, self._rounds = url, place, workers, 0
        self._config = place / "watching.toml"
        self._config.write_text(TOML.format(url=url, place=place, name=SOURCE, roles=ROLES))
        with sa.create_engine(engine_url(url)).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32))")
            connection.exec_driver_sql("DELETE FROM alembic_version")
            connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": CORE_HEAD})

    def play(self, count: int, *, watched: bool) -> Round:
        """One round of `count` runs for each worker."""
        with ExitStack() as stack:
            console = stack.enter_context(self._console()) if watched else None
            people = stack.enter_context(_people(console.port)) if console else None
            workers = [stack.enter_context(self._worker(count)) for _ in range(self._workers)]
            before = (console.cpu_s(), cpu_s(people.pid)) if console and people else (0.0, 0.0)
            began = time.perf_counter()
            for worker in workers:
                _say(worker)
            told = [json.loads(_heard(worker)) for worker in workers]
            took = time.perf_counter() - began
            after = (console.cpu_s(), cpu_s(people.pid)) if console and people else (0.0, 0.0)
        spent = [(now - then) / took for now, then in zip(after, before, strict=True)]
        cpu = 1000 * sum(cpu for _, cpu in told) / (count * self._workers)
        rate = sum(count / seconds for seconds, _ in told)
        return Round(rate=rate, cpu_ms=cpu, console=spent[0], people=spent[1], load=os.getloadavg()[0])

    @contextmanager
    def _worker(self, count: int) -> Iterator["subprocess.Popen[str]"]:
        """A worker that has its runs and waits to be told to begin."""
        self._rounds += 1
        name = f"{time.time_ns():x}-{self._rounds}"
        heads = str(self._place / f"heads{self._rounds % self._workers}")
        command = [sys.executable, "-m", "tests.bench.watching", "--work", self._url, heads, name, str(count)]
        with _running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            _heard(process)
            yield process

    @contextmanager
    def _console(self) -> Iterator["Console"]:
        port = free_port()
        said = {"BILLHOOK_CONFIG": str(self._config), "BILLHOOK_CONSOLE_PORT": str(port), "PGAPPNAME": NAMED}
        with _running([sys.executable, "-m", "workers.cli.main", "console"], env={**os.environ, **said}) as process:
            until = time.monotonic() + 60
            while not _answers(port):
                if time.monotonic() > until or process.poll() is not None:
                    raise SystemExit("the console under measurement did not start")
                time.sleep(0.05)
            yield Console(port, process.pid, self._url)


@dataclass(frozen=True)
class Console:
    """A running console."""

    port: int
    pid: int
    url: str

    def cpu_s(self) -> float:
        """The CPU seconds it has used, those of its connections' processes in PostgreSQL with it."""
        pids = [self.pid]
        if self.url.startswith("postgres"):
            with psycopg.connect(self.url) as connection:
                rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", (NAMED,)).fetchall()
            pids += [row[0] for row in rows]
        return sum(cpu_s(pid) for pid in pids)


@contextmanager
def _people(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Those who watch, in a process of their own, until the end of the block."""
    with _running([sys.executable, "-m", "tests.bench.watchers", HOST, str(port), str(PEOPLE), str(CHARTS_S), str(SCRAPE_S)]) as process:
        yield process
        if process.poll() is not None:
            raise SystemExit("somebody who watched was sent away: see above")


@contextmanager
def _running(command: list[str], **how: object) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(command, **how)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _say(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


def _heard(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise SystemExit("a worker under measurement ended early: see above")
    return line


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


def interval(values: Sequence[float], at_least: float = 0.95) -> tuple[float, float, float]:
    """(low, high, coverage) of the narrowest interval between order statistics that holds the median with this certainty.

    >>> interval([float(n) for n in range(1, 11)])
    (2.0, 9.0, 0.978515625)
    """
    ordered, count = sorted(values), len(values)
    outside = 0
    for left_out in range(count // 2):
        outside += math.comb(count, left_out)
        next_outside = outside + math.comb(count, left_out + 1)
        if 1 - 2 * next_outside / 2**count < at_least:
            return ordered[left_out], ordered[count - 1 - left_out], 1 - 2 * outside / 2**count
    return ordered[0], ordered[-1], 1.0


def show(store: str, house: House, pairs: int, seconds: float, workers: int) -> bool:
    """Print the figures of one store; whether watching costs no more than the aim."""
    trial = house.play(500, watched=False)
    count = max(100, round(trial.rate / workers * seconds))
    print(f"\n{store}: {workers} worker(s), {count} runs each a round; {PEOPLE} streams of Now, /metrics every {SCRAPE_S:.0f} s")
    print(f"{'pair':>4} {'alone /s':>9} {'watched /s':>10} {'ratio':>7} {'CPU ratio':>10} {'console':>8} {'people':>7} {'load':>5}")
    found = []
    for pair in range(pairs):
        order = (False, True) if pair % 2 == 0 else (True, False)
        by = {watched: house.play(count, watched=watched) for watched in order}
        alone, watched = by[False], by[True]
        found.append((watched.rate / alone.rate, watched.cpu_ms / alone.cpu_ms, watched))
        said = f"{alone.rate:>9.1f} {watched.rate:>10.1f} {found[-1][0]:>7.3f} {found[-1][1]:>10.3f}"
        print(f"{pair + 1:>4} {said} {watched.console:>8.3f} {watched.people:>7.3f} {watched.load:>5.1f}", flush=True)
    for name, place in (("runs a second, watched to alone", 0), ("CPU a run, watched to alone", 1)):
        values = [float(one[place]) for one in found]  # type: ignore[arg-type]
        low, high, sure = interval(values)
        print(f"{name}: median {statistics.median(values):.4f}, {100 * sure:.0f} % interval {low:.4f} to {high:.4f}")
    cores = statistics.median(one[2].console for one in found)
    print(f"the console took {100 * cores:.1f} % of a core, {100 * cores / (os.cpu_count() or 1):.1f} % of this machine (medians)")
    return 1 - statistics.median(one[0] for one in found) <= AIM


def main() -> int:
    """Measure on each store; 1 where watching costs more than the aim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long a round of nobody watching lasts")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--stores", default="sqlite,postgresql")
    parser.add_argument("--deliveries", type=int, default=50_000)
    parser.add_argument("--keep", type=Path, help="the databases that `tests.bench.pages --keep` left there")
    parser.add_argument("--work", nargs=4, metavar=("URL", "HEADS", "NAME", "RUNS"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work(*chosen.work)
        return 0
    print(described())
    within = True
    with ExitStack() as stack:
        place = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bh-watching-")))
        for store in chosen.stores.split(","):
            url, new = sqlite_at(place) if store == "sqlite" else postgres_at(stack, kept=chosen.keep is not None)
            (build if new else add_around)(url, chosen.deliveries)
            within &= show(store, House(url, place, chosen.workers), chosen.pairs, chosen.seconds, chosen.workers)
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())
