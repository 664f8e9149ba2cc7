"""The Dramatiq actors: one per duty, each taking one id.

A hint may be doubled, late or lost; the claim in the database decides who works. Actor names never change, so that any worker
understands any message.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError

from receiver.dispatch import ADVANCE, QUEUE, ROUTE, Link
from workers import engine, routing
from workers.edge import Edge
from workers.runtime import Runtime

WORKER_TIMEOUT_MS = 20
PREFETCH = 256
TOGETHER = 50


class Router:
    """Routes deliveries with what waits behind them, many in one transaction: one thread of a process at a time.

    Whoever finds a thread routing leaves its hint there and is done.
    """

    def __init__(self, runtime: Runtime, stopping: Callable[[], bool]) -> None:
        self._runtime, self._stopping = runtime, stopping
        self._hinted: deque[int] = deque()
        self._turn = threading.Lock()

    def hinted(self, delivery_id: int) -> None:
        """Route from the delivery on. The first run of a lone one is advanced here, without another trip through the broker."""
        self._hinted.append(delivery_id)
        while self._hinted and self._turn.acquire(blocking=False):
            try:
                ready = self._route_hinted()
            finally:
                self._turn.release()
            if ready and self._hinted:  # a run may take long, and what was hinted meanwhile must not wait for it
                self._runtime.announcer.announce_run(ready)
            elif ready:
                engine.advance(self._runtime, ready)

    def waiting(self, limit: int) -> int:
        """Route up to `limit` of what waits, hinted or not; how many. None while another thread is at it."""
        if not self._turn.acquire(blocking=False):
            return 0
        try:
            return self._route_from(0, limit)[0]
        finally:
            self._turn.release()

    def _route_hinted(self) -> str | None:
        """The run that a lone delivery made ready, or None."""
        hinted = [self._hinted.popleft() for _ in range(len(self._hinted))]
        return self._route_from(min(hinted), None)[1] if hinted else None

    def _route_from(self, first: int, limit: int | None) -> tuple[int, str | None]:
        count = 0
        while not self._stopping() and (limit is None or count < limit):
            with self._runtime.db.read() as connection:
                ids = routing.unrouted(connection, now=self._runtime.clock.business(connection), limit=TOGETHER, first=first)
            alone = len(ids) == 1 and limit is None
            found = routing.route_all(self._runtime, ids, inline=int(alone)) if ids else {}
            count += len(ids)
            if len(ids) < TOGETHER:
                ready = [run_id for routed in found.values() if routed for run_id in routed.ready]
                return count, ready[0] if alone and ready else None
            first = ids[-1] + 1
        return count, None


def consumer(
    broker: RedisBroker, runtime: Runtime, router: Router, edge: Edge, link: Link, *, threads: int, stopping: Callable[[], bool]
) -> dramatiq.Worker:
    """A Dramatiq worker of `threads` threads for both actors; not started.

    Dramatiq as shipped idles for up to a second and takes 2 messages a thread: both are set here (docs/operators.md).
    """

    def advance(run_id: str) -> None:
        if not stopping():
            engine.advance(runtime, run_id)

    for name, fn in ((ROUTE, router.hinted), (ADVANCE, advance)):
        dramatiq.Actor(_guarded(name, fn, edge), broker=broker, actor_name=name, queue_name=QUEUE, priority=0, options={})
    worker = dramatiq.Worker(broker, worker_timeout=WORKER_TIMEOUT_MS, worker_threads=threads)
    worker.queue_prefetch = PREFETCH
    for queue in (QUEUE, f"{QUEUE}.DQ"):
        logging.getLogger(f"dramatiq.worker.ConsumerThread({queue})").addFilter(LostLink(link))
    return worker


class LostLink(logging.Filter):
    """Hears a consumer thread of Dramatiq lose Redis, every three seconds and critical to it, and tells the link instead."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be logged as it is."""
        lost = record.levelno == logging.CRITICAL and _is_connection_trouble(record)
        if lost:
            self._link.lost()
        return not lost


def _is_connection_trouble(record: logging.LogRecord) -> bool:
    """Dramatiq passes what it calls a connection error as an argument, and a Redis that hangs as a surprise with its traceback."""
    error = record.exc_info[1] if record.exc_info else next(iter(record.args or ()), None)
    return isinstance(error, BrokerConnectionError | redis.RedisError)


def _guarded(name: str, fn: Callable[..., None], edge: Edge) -> Callable[[int | str], None]:
    """A failed hint is only logged: its row is still there, and the sweeper hints again."""

    def handle(id: int | str) -> None:
        edge.guarded("hint failed", lambda: fn(id), actor=name, id=id)

    return handle
