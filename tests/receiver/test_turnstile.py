"""The turnstile: who waits comes before who just wrote, among workers and the door alike."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from receiver.commit import Row
from receiver.db import Database
from receiver.stores import SqliteStore

Write = Callable[[Callable[[], object]], object]
Opens = Callable[[Path], AbstractContextManager[Write]]


@contextmanager
def worker(path: Path) -> Iterator[Write]:
    """Writes as workers, sweeper and console do; what it is given happens while it holds the right to write."""
    database = Database(f"sqlite:///{path}")
    yield lambda inside: database.write(lambda connection: inside())
    database.close()


@contextmanager
def door(path: Path) -> Iterator[Write]:
    """Writes as the door does, batch by batch."""
    store = SqliteStore(path)

    def keep(inside: Callable[[], object]) -> object:
        def take() -> Sequence[Row]:
            inside()
            return []

        return store.keep(take)

    yield keep
    store.close()


def somebody_waits(path: Path) -> bool:
    """Whether `next` is held: while another one writes, by nobody but the one who waits."""
    file = os.open(path.with_name(path.name + ".next.lock"), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


class Scene:
    """One writes and at once wants to write again; meanwhile another one wants to write. `order` is who held the right when."""

    def __init__(self, path: Path, first: Opens, second: Opens) -> None:
        self._path, self._first, self._second = path, first, second
        self._begun, self._go_on = threading.Event(), threading.Event()
        self.order: list[str] = []

    def play(self) -> bool:
        """Whether the second was seen to wait while the first wrote."""
        with ThreadPoolExecutor(2) as pool:
            twice = pool.submit(self._write_twice)
            try:
                while not self._begun.is_set() and not twice.done():
                    wait([twice], timeout=0.001)
                waited = self._seen_waiting(pool.submit(self._write_once))
            finally:
                self._go_on.set()
            twice.result()
        return waited

    def _seen_waiting(self, once: "Future[Any]") -> bool:
        while not once.done():
            if somebody_waits(self._path):
                return True
            wait([once], timeout=0.001)
        return False

    def _write_twice(self) -> None:
        with self._first(self._path) as write:
            write(self._hold)
            write(lambda: self.order.append("first again"))

    def _hold(self) -> None:
        self.order.append("first")
        self._begun.set()
        self._go_on.wait()

    def _write_once(self) -> None:
        with self._second(self._path) as write:
            write(lambda: self.order.append("second"))


@pytest.mark.parametrize(("first", "second"), [(worker, worker), (door, worker), (worker, door)])
def test_one_that_just_wrote_does_not_come_before_one_that_waits(sqlite_url: str, first: Opens, second: Opens) -> None:
    scene = Scene(Path(sqlite_url.removeprefix("sqlite:///")), first, second)

    waited = scene.play()

    assert waited
    assert scene.order == ["first", "second", "first again"]
