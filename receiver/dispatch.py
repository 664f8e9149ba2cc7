"""Hints over Redis: a Dramatiq message of one id says "look there now", and nothing is lost where it is.

Owns the broker's set-up and the announcer of the door and the engine. The database is the truth: a hint may be dropped, doubled
or late, and the sweeper repeats what nobody claimed. Announcing never blocks its caller and never raises.
"""

import threading
from collections import deque
from collections.abc import Sequence

import redis
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from receiver.errors import SettingsInvalid
from receiver.log import get_logger
from receiver.metrics import HINTS_DROPPED, HINTS_SENT

QUEUE = "billhook"
ROUTE, ADVANCE = "route", "advance"
DEADLINE_S = 0.5
WAITING_MAX = 2048
BATCH_MAX = 64
PAUSE_AFTER_FAILURE_S = 1.0

log = get_logger(__name__)


def make_broker(redis_url: str, *, deadline_s: float = DEADLINE_S) -> RedisBroker:
    """A broker without any middleware: no retries, results, pipelines, time limits or shutdown exceptions.

    Every call to Redis ends within `deadline_s`, connecting included. `redis_url` is redis://… or unix:///path/to/socket.
    """
    try:
        pool = redis.ConnectionPool.from_url(redis_url, socket_timeout=deadline_s, socket_connect_timeout=deadline_s)
    except ValueError as error:
        raise SettingsInvalid("billhook.redis cannot be used: write redis://HOST:PORT/0 or unix:///path/to/socket") from error
    broker = RedisBroker(client=redis.Redis(connection_pool=pool), middleware=[])  # type: ignore[no-untyped-call]
    broker.declare_queue(QUEUE)
    return broker


def hint(actor: str, id: int | str) -> Message[None]:
    """The message that names one row to look at."""
    return Message(queue_name=QUEUE, actor_name=actor, args=(id,), kwargs={}, options={})


def gathered(hints: Sequence[tuple[str, int | str]]) -> list[tuple[str, int | str]]:
    """`hints` with those for deliveries as one, of the lowest: who is told of a delivery also looks at what waits behind it."""
    lowest = min((int(id) for actor, id in hints if actor == ROUTE), default=None)
    others = [(actor, id) for actor, id in hints if actor != ROUTE]
    return others if lowest is None else [(ROUTE, lowest), *others]


class Link:
    """Whether Redis is there for this process, as those who use it find; told once when it goes and once when it is back."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self.away = False

    def lost(self) -> None:
        """Redis did not answer."""
        with self._turn:
            told, self.away = self.away, True
        if not told:
            log.warning("redis is away: hints are dropped, the database is asked instead")

    def found(self) -> None:
        """Redis answered."""
        with self._turn:
            told, self.away = self.away, False
        if told:
            log.info("redis is back")


class Announcer:
    """Sends hints from a thread of its own. Without a Redis URL it does nothing.

    At most `WAITING_MAX` hints wait; further ones are dropped and counted, and so is all that waits while Redis is away.
    """

    def __init__(self, redis_url: str | None) -> None:
        self._broker = make_broker(redis_url) if redis_url else None
        self._waiting: deque[tuple[str, int | str]] = deque()
        self._wake = threading.Event()
        self._closed = False
        self.link = Link()
        self._lane: RedisBroker | None = None
        self._thread = threading.Thread(target=self._run, name="billhook-announcer", daemon=True)
        if self._broker is not None:
            self._thread.start()

    def announce_delivery(self, id: int) -> None:
        """Hint that a delivery waits to be routed."""
        self._put(ROUTE, id)

    def announce_run(self, id: int | str) -> None:
        """Hint that a run is ready."""
        self._put(ADVANCE, id)

    def close(self, timeout_s: float = 2.0) -> None:
        """Send what waits for at most `timeout_s`, then stop."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._broker is not None:
            self._broker.client.close()

    def _put(self, actor: str, id: int | str) -> None:
        if self._broker is None:
            return
        if len(self._waiting) >= WAITING_MAX:
            HINTS_DROPPED.inc()
            return
        self._waiting.append((actor, id))
        if not self._wake.is_set():
            self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                self._send([self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))])
            if self._closed:
                return

    def _send(self, hints: list[tuple[str, int | str]]) -> None:
        assert self._broker is not None
        try:
            hints = gathered(hints)
            self._hand_over(self._broker, [hint(actor, id) for actor, id in hints])
        except redis.RedisError:
            self._drop_all(len(hints))
        else:
            HINTS_SENT.inc(len(hints))
            self.link.found()

    def _hand_over(self, broker: RedisBroker, messages: list[Message[None]]) -> None:
        """Enqueue in one round trip: a third of the CPU of one each, and the door shares its CPU with this thread.

        The first hint goes alone, because with it Dramatiq asks Redis for the size of its Lua stack.
        """
        if self._lane is None:
            broker.enqueue(messages.pop(0))
            self._pipeline = broker.client.pipeline(transaction=False)
            self._lane = RedisBroker(client=self._pipeline, middleware=[])  # type: ignore[no-untyped-call]
        try:
            for message in messages:
                self._lane.enqueue(message)
            self._pipeline.execute()
        finally:
            self._pipeline.reset()

    def _drop_all(self, failed: int) -> None:
        """Redis is away: what waits is stale by the time it returns, and the sweeper finds it."""
        HINTS_DROPPED.inc(failed + len(self._waiting))
        self._waiting.clear()
        self.link.lost()
        if not self._closed:
            self._wake.clear()
            self._wake.wait(PAUSE_AFTER_FAILURE_S)
