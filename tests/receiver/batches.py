"""Group commit without a door: rows, a store that the test holds back, and the answers."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from receiver.commit import GroupCommit, Row, Store
from receiver.errors import RowNotKept, StoreUnavailable
from receiver.inbox import Delivery, Kept
from receiver.signing import body_hash
from receiver.stores import connector

DELIVERY: sa.Table = Delivery.__table__  # type: ignore[attr-defined]


def row(native_id: str, body: bytes = b"{}") -> Row:
    return Row("shop", "a.b", native_id, body_hash(body), datetime(2026, 11, 21, 8, 0, 0, 5, UTC), "{}", body)


class Gate:
    """A store of the test's own: it keeps nothing, waits to be let through, and fails as told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go = threading.Semaphore(0)
        self.errors: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self.bad: set[str] = set()
        self.full, self.trials = False, 0

    def keep(self, take: Callable[[], Sequence[Row]]) -> list[Kept]:
        self.go.acquire()
        rows = take()
        if not self.errors.empty() and (error := self.errors.get()) is not None:
            raise error
        if self.bad & {one.native_id for one in rows}:
            raise RowNotKept
        self.batches.append([one.native_id for one in rows])
        return [Kept(int(one.native_id), True) for one in rows]

    def probe(self) -> None:
        self.trials += 1
        if self.full:
            raise StoreUnavailable

    def close(self) -> None:
        return


def group(connect: Callable[[], Store], *, queue_max: int = 100, batch_max: int = 50, timeout_s: float = 20.0) -> GroupCommit:
    return GroupCommit(connect, queue_max=queue_max, batch_max=batch_max, timeout_s=timeout_s)


def kept_on(url: str, rows: Sequence[Row]) -> list[Kept]:
    """The answers to `rows`, submitted at once."""

    async def main() -> list[Kept]:
        commit = group(connector(url), queue_max=1000)
        commit.start()
        futures = [commit.submit(one) for one in rows]
        answers = await asyncio.gather(*futures)
        await commit.close()
        return answers

    return asyncio.run(main())
