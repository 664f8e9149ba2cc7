"""The turnstile: who of several processes writes to the SQLite file next.

SQLite's own busy handler starves the one who sleeps. Two lock files beside the database give an order: take `next`, take
`main`, drop `next`, write, drop `main`; whoever waits owns `next`, so the one who just wrote cannot barge in again. A lock is
released by the kernel when its holder dies. Fairness only: SQLite's own lock still guards correctness.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turnstile:
    """One process's pair of lock files. Not shared between threads: the writer thread owns it."""

    def __init__(self, database: Path) -> None:
        self._next = _open(database.with_name(database.name + ".next.lock"))
        self._main = _open(database.with_name(database.name + ".main.lock"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the right to write; waits its turn."""
        fcntl.flock(self._next, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._main, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._main, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._next)
        os.close(self._main)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
