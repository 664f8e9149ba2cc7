"""The worker and sweeper processes: their main loops, their signals, their drain.

`run_worker` consumes hints and, once a second, asks the database itself; `run_sweeper` holds the sweeper's role. Both stop by a
flag: a call under way is finished and settled, never interrupted.
"""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import redis
from sqlalchemy.engine import Connection

from receiver.dispatch import Announcer, Link, make_broker
from receiver.errors import SettingsInvalid
from receiver.log import configure, get_logger
from workers import actors, chain, claims, duties, engine, pulse, restored
from workers.edge import Edge
from workers.runtime import Runtime
from workers.settings import WorkerSettings, build
from workers.sweeper import Sweeper

log = get_logger(__name__)
POLL_S = 1.0
POLL_ALONE_S = 0.2
POLL_BATCH = 200
BUSY_S = 0.02
SWEEP_S = 0.5
DRAIN_MS = 30_000


class Stop:
    """The flag SIGTERM and SIGINT raise."""

    def __init__(self) -> None:
        self._event = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self._event.set()

    def __call__(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


def run_worker(config: Path | None = None) -> int:
    """Work until told to stop; the exit code."""
    runtime, chosen, link, stop = _ready(config)
    broker_url, threads = chosen.settings.redis, chosen.settings.worker.threads
    worker, router, edge = None, actors.Router(runtime, stop), Edge()
    if broker_url:
        worker = actors.consumer(make_broker(broker_url), runtime, router, edge, link, threads=threads, stopping=stop)
        worker.start()
    log.info("worker ready", owner=runtime.owner, threads=threads, broker=bool(broker_url))
    with ThreadPoolExecutor(threads, thread_name_prefix="billhook-poll") as pool:
        advancer = Advancer(runtime, pool, threads, edge)
        while not stop.wait(max(edge.rest_s, POLL_S if broker_url else POLL_ALONE_S)):
            edge.guarded("poll failed", lambda: _poll(router, advancer, stop))
            if link.away and _reachable(broker_url):
                link.found()
    if worker is not None:
        worker.stop(timeout=DRAIN_MS)
    return _done(runtime, "worker stopped")


def run_sweeper(config: Path | None = None) -> int:
    """Sweep until told to stop; the exit code."""
    runtime, chosen, _, stop = _ready(config)
    url, edge = chosen.settings.redis, Edge()
    sweeper = Sweeper(runtime=runtime, hints_max=2 * chosen.settings.worker.threads, stopping=stop)
    log.info("sweeper ready", owner=runtime.owner, broker=bool(url))
    pause = 0.0
    while not stop.wait(pause):
        sweeper.drives = not _reachable(url)
        done = edge.guarded("sweep failed", sweeper.sweep)
        edge.guarded("pulse not kept", lambda: pulse.beat(runtime))
        pause = 0.0 if sweeper.drives and done else max(SWEEP_S, edge.rest_s)
    edge.guarded("role not released", lambda: runtime.db.write(lambda c: duties.release(c, runtime.owner)))
    return _done(runtime, "sweeper stopped")


def require_noeviction(url: str) -> None:
    """Refuse a Redis that may throw hints away unasked; one that cannot be reached or asked is let be."""
    if not url:
        return
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
    except redis.RedisError:
        return
    except ValueError as error:
        raise SettingsInvalid("billhook.redis cannot be used: write redis://HOST:PORT/0 or unix:///path/to/socket") from error
    if policy and policy != "noeviction":
        raise SettingsInvalid(f"the Redis of billhook.redis evicts keys (maxmemory-policy {policy}): set maxmemory-policy noeviction")


def guard_restored(runtime: Runtime, directory: Path) -> str | None:
    """Freeze every effect where the database lacks what was acted on: a restored backup must not act again unasked."""

    def act(connection: Connection) -> str | None:
        why = chain.behind(connection, directory)
        if why:
            restored.freeze(connection, why, at=runtime.clock.business(connection))
        return why

    return runtime.db.write(act)


def _ready(config: Path | None) -> tuple[Runtime, WorkerSettings, Link, Stop]:
    chosen = WorkerSettings(config)
    configure(chosen.settings.log_level, chosen.settings.log_format)
    require_noeviction(chosen.settings.redis)
    stop = Stop()
    announcer = Announcer(chosen.settings.redis or None)
    runtime = build(chosen, announcer=announcer)
    runtime.db.require_schema()
    guard_restored(runtime, chosen.settings.ledger_head_dir)
    with runtime.db.read() as connection:
        chain.prune(chosen.settings.ledger_head_dir, chain.accepted_heads(connection))
    return runtime, chosen, announcer.link, stop


class Advancer:
    """Advances what is ready, hinted or not, in a pool of its own; a slow run keeps its thread and nobody else waiting."""

    def __init__(self, runtime: Runtime, pool: ThreadPoolExecutor, threads: int, edge: Edge) -> None:
        self._runtime, self._pool, self._threads, self._edge = runtime, pool, threads, edge
        self._busy: set[str] = set()
        self._turn = threading.Lock()

    def fill(self) -> int:
        """Give every free thread a ready run; how many were given. None while the database is in trouble."""
        with self._turn:
            busy = set(self._busy)
        free = self._threads - len(busy)
        if free <= 0 or self._edge.rest_s:
            return 0
        with self._runtime.db.read() as connection:
            business, machine = self._runtime.clock.business(connection), self._runtime.clock.machine(connection)
            ready = claims.claimable(connection, business=business, machine=machine, limit=self._threads + len(busy))
        chosen = [run_id for run_id in ready if run_id not in busy][:free]
        with self._turn:
            self._busy.update(chosen)
        for run_id in chosen:
            self._pool.submit(self._advance, run_id)
        return len(chosen)

    def _advance(self, run_id: str) -> None:
        self._edge.guarded("advance failed", lambda: engine.advance(self._runtime, run_id), run=run_id)
        with self._turn:
            self._busy.discard(run_id)


def _poll(router: actors.Router, advancer: Advancer, stop: Stop) -> None:
    """Route what waits and start what is ready, until nothing is left to begin now."""
    while not stop():
        routed, started = router.waiting(POLL_BATCH), advancer.fill()
        if routed < POLL_BATCH and (not started or stop.wait(BUSY_S)):
            return


def _reachable(url: str) -> bool:
    if not url:
        return False
    try:
        with redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _done(runtime: Runtime, message: str) -> int:
    started = time.monotonic()
    runtime.head.close()
    runtime.db.close()
    log.info(message, drained_s=round(time.monotonic() - started, 3))
    return 0
