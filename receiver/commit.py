"""Group commit: what the door accepted is durable before anybody is answered.

One thread owns one connection. It takes whatever has queued as soon as the last commit returned (no timer), writes it with one
statement, commits, and wakes the event loop once. A repeat is counted on the row that was there first, in the same transaction.
Nothing is answered before COMMIT has returned; whatever fails is answered with StoreUnavailable, and the sender comes again.
Measured: one INSERT of many rows instead of executemany is worth a quarter of the rate.
"""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

from receiver.errors import Overloaded, RowNotKept, StoreUnavailable
from receiver.inbox import Kept
from receiver.log import get_logger
from receiver.metrics import BATCH_ROWS, COMMIT_SECONDS, QUEUE_LENGTH
from receiver.repeats import Repeats

RECENT_S = 5.0
log = get_logger(__name__)


class Row(NamedTuple):
    """One push on its way into table `delivery`."""

    source: str
    native_type: str
    native_id: str
    body_hash: str
    received_at: datetime
    headers: str
    body: bytes

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return self[:4]


class Store(Protocol):
    """One database's way to keep a batch (receiver/stores.py). Used by the writer thread alone.

    `keep` calls `take` once it may write, commits, and answers in the batch's order; among equal identities of one batch the first
    is the new one. It raises StoreUnavailable where the database fails as a whole, and RowNotKept where one row may be the cause;
    then nothing is kept. `probe` writes as `keep` does, and leaves nothing behind.
    """

    def keep(self, take: Callable[[], Sequence[Row]]) -> list[Kept]: ...

    def probe(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Waiting:
    row: Row
    answer: "asyncio.Future[Kept]"
    since: float


@dataclass(slots=True, eq=False)
class _Probe:
    answer: "asyncio.Future[None]"


def resolve(identities: Sequence[tuple[str, str, str, str]], ids: dict[tuple[str, str, str, str], int], new: set[int]) -> list[Kept]:
    """Which of a batch are new: `ids` has every identity's row, `new` the rows this statement wrote. The first of equals is new."""
    unseen = set(new)
    answers = []
    for identity in identities:
        id = ids[identity]
        answers.append(Kept(id, id in unseen))
        unseen.discard(id)
    return answers


class GroupCommit:
    """The writer thread and the queue before it. `start`, `submit` and `close` belong to the event loop."""

    def __init__(self, connect: Callable[[], Store], *, queue_max: int, batch_max: int, timeout_s: float) -> None:
        self._connect, self._queue_max, self._batch_max, self._timeout_s = connect, queue_max, batch_max, timeout_s
        self._queue: queue.SimpleQueue[_Waiting | _Probe | None] = queue.SimpleQueue()
        self._open: deque[_Waiting] = deque()
        self._waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="billhook-door-writer", daemon=True)
        self._expiry: asyncio.TimerHandle | None = None
        self._taken: list[_Waiting] = []
        self._failures: Repeats[str] = Repeats()
        self._probing: asyncio.Task[None] | None = None
        self._committed_at = float("-inf")

    def start(self) -> None:
        """Begin to write, for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._expire()

    def submit(self, row: Row) -> "asyncio.Future[Kept]":
        """A future of where the row is, done after its COMMIT. Raises Overloaded where the queue is full."""
        if self._waiting >= self._queue_max:
            raise Overloaded
        assert self._loop is not None
        waiting = _Waiting(row, self._loop.create_future(), time.monotonic())
        self._waiting += 1
        self._open.append(waiting)
        self._queue.put(waiting)
        return waiting.answer

    @property
    def alive(self) -> bool:
        """Whether the writer thread runs."""
        return self._thread.is_alive()

    async def probe(self) -> None:
        """Return where a delivery would be kept now: the last commit went well and just now, or a write on trial does.

        Raises StoreUnavailable. Who asks meanwhile waits for the same write.
        """
        if time.monotonic() - self._committed_at <= RECENT_S:
            return
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._write_on_trial())
        await asyncio.shield(self._probing)

    async def _write_on_trial(self) -> None:
        assert self._loop is not None
        answer: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(_Probe(answer))
        try:
            await asyncio.wait_for(answer, self._timeout_s)
        except TimeoutError:
            raise StoreUnavailable from None

    async def close(self) -> None:
        """Write what has queued, then end the thread; waits for both at most ten seconds."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, 10.0)

    def _expire(self) -> None:
        """Answer those whose commit takes too long; one still in the queue is then not written at all."""
        assert self._loop is not None
        oldest = time.monotonic() - self._timeout_s
        while self._open and (self._open[0].answer.done() or self._open[0].since < oldest):
            waiting = self._open.popleft()
            if not waiting.answer.done():
                waiting.answer.set_exception(StoreUnavailable(cause="store_slow"))
        QUEUE_LENGTH.set(self._waiting)
        self._expiry = self._loop.call_later(min(0.05, self._timeout_s / 4), self._expire)

    def _run(self) -> None:
        """The writer thread: a database that fails is let go of and opened again for the next batch."""
        store: Store | None = None
        while (first := self._queue.get()) is not None:
            try:
                store = store or self._connect()
                if isinstance(first, _Probe):
                    store.probe()
                    self._went_well()
                    self._on_loop(partial(_settle, first.answer, None))
                else:
                    self._keep(store, [first])
            except StoreUnavailable as error:
                self._went_wrong(error)
                self._fail(first, error)
                if store is not None:
                    store.close()
                store = None
        if store is not None:
            store.close()

    def _went_wrong(self, error: StoreUnavailable) -> None:
        """No commit counts until one goes well again; told once, then counted."""
        self._committed_at = float("-inf")
        detail = str(error.context.get("detail"))
        if count := self._failures.due(detail):
            log.warning("the door's database takes nothing", cause=error.cause, detail=detail, count=count)

    def _went_well(self) -> None:
        self._committed_at = time.monotonic()
        if (untold := self._failures.over()) >= 0:
            log.warning("the door's database takes deliveries again", count=untold)

    def _fail(self, first: "_Waiting | _Probe", error: StoreUnavailable) -> None:
        """Answer `first`, and with a delivery everything that waits behind it, instead of asking a broken database for each."""
        if isinstance(first, _Probe):
            self._on_loop(partial(_settle, first.answer, error))
        elif first in self._taken:
            self._tell(self._taken, error)
        else:
            self._tell(self._drained([first]), error)
        self._taken = []

    def _drained(self, batch: list[_Waiting]) -> list[_Waiting]:
        """`batch` with what has queued behind it, without those nobody waits for any more."""
        while len(batch) < self._batch_max:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if not isinstance(waiting, _Waiting):
                self._queue.put(waiting)
                break
            batch.append(waiting)
        return batch

    def _keep(self, store: Store, batch: list[_Waiting]) -> None:
        """Write a batch, whatever has queued by the time the store may write, and answer it."""
        self._taken = batch
        began, wanted = 0.0, list[_Waiting]()

        def take() -> list[Row]:
            nonlocal began, wanted
            began = time.monotonic()
            wanted = [waiting for waiting in self._drained(batch) if not waiting.answer.done()]
            return [waiting.row for waiting in wanted]

        try:
            answers = store.keep(take)
        except RowNotKept as error:
            log.warning("a batch failed, its rows are written one by one", count=len(batch), detail=str(error.context.get("detail")))
            self._keep_each(store, batch)
            return
        if wanted:
            self._went_well()
        BATCH_ROWS.observe(len(wanted))
        COMMIT_SECONDS.observe(time.monotonic() - began)
        self._tell(batch, None, list(zip(wanted, answers, strict=True)))
        self._taken = []

    def _keep_each(self, store: Store, batch: list[_Waiting]) -> None:
        while batch:
            waiting = batch[0]
            rows = [] if waiting.answer.done() else [waiting.row]
            try:
                answers = store.keep(lambda rows=rows: rows)  # type: ignore[misc]
            except RowNotKept as error:
                log.error("one delivery cannot be kept", source=waiting.row.source, detail=str(error.context.get("detail")))
                self._tell([waiting], StoreUnavailable(cause="store_row"))
            else:
                self._tell([waiting], None, [(waiting, answer) for answer in answers])
            del batch[0]

    def _tell(self, batch: list[_Waiting], error: Exception | None, kept: Sequence[tuple[_Waiting, Kept]] = ()) -> None:
        """Wake the loop once for the whole batch: all of it has failed with `error`, or `kept` has those somebody still waits for."""

        def done() -> None:
            self._waiting -= len(batch)
            for waiting, where in kept:
                if not waiting.answer.done():
                    waiting.answer.set_result(where)
            if error is not None:
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
            while self._open and self._open[0].answer.done():
                self._open.popleft()

        self._on_loop(done)

    def _on_loop(self, call: Callable[[], None]) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)


def _settle(answer: "asyncio.Future[None]", error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
