"""SQLite's side of the database: how a connection is set up, and the one thread per process that writes.

Used by receiver/db.py alone. The writer takes the turnstile, then commits whatever has queued, a savepoint each, and answers nobody
before COMMIT. A transaction that SQLite itself rolled back is run again, one job at a time.
"""

import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

from receiver.errors import DatabaseBusy
from receiver.turnstile import Turnstile

GROUP_MAX = 256


def sqlite_engine(path: Path, *, read_only: bool, pool: int) -> Engine:
    """An engine on the file: WAL, synchronous=FULL, and transactions that begin when they are told to."""
    engine = sa.create_engine(
        f"sqlite:///{path}",
        pool_size=pool,
        max_overflow=pool,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": 5.0},
    )

    @sa.event.listens_for(engine, "do_connect")
    def make(*_how: object) -> None:
        _make_private(path)

    @sa.event.listens_for(engine, "connect")
    def prepare(raw: DBAPIConnection, _record: object) -> None:
        assert isinstance(raw, sqlite3.Connection)
        raw.isolation_level = None
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA busy_timeout=5000")
        if read_only:
            raw.execute("PRAGMA query_only=ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _make_private(path: Path) -> None:
    """Make the file, where it is missing, for its owner alone: SQLite would let everybody read it. Its -wal and -shm take after it."""
    with suppress(OSError):  # it is there, or SQLite itself says why it cannot be
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


class _Job:
    """One function waiting for its turn in the writer thread."""

    __slots__ = ("_claimed", "done", "error", "fn", "result")

    def __init__(self, fn: Callable[[Connection], Any]) -> None:
        self.fn = fn
        self.done = threading.Event()
        self._claimed = threading.Lock()
        self.result: Any = None
        self.error: BaseException | None = None

    def claim(self) -> bool:
        """True for the first who asks: the writer thread to run it, or the caller to give it up."""
        return self._claimed.acquire(blocking=False)

    def fail(self, error: BaseException) -> None:
        """Answer the caller with an error, unless it was answered."""
        if not self.done.is_set():
            self.error = error
            self.done.set()


class Writer:
    """The writing thread of one process on one file; started at the first write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def write(self, fn: Callable[[Connection], Any], timeout_s: float | None) -> Any:
        """What fn returned, after COMMIT. Raises DatabaseBusy where fn could not be started within `timeout_s`."""
        job = _Job(fn)
        self._ensure_thread()
        self._jobs.put(job)
        if not job.done.wait(timeout_s):
            if job.claim():
                raise DatabaseBusy
            job.done.wait()
        if job.error is not None:
            raise job.error
        return job.result

    def close(self) -> None:
        """Finish what has queued and end the thread."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _ensure_thread(self) -> None:
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="billhook-writer", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        gate: _Gate | None = None
        while (job := self._jobs.get()) is not None:
            try:
                gate = gate or _Gate(self._path)
                with gate.turnstile.held():
                    ended = self._commit_group(gate.connection, job)
            except (OSError, sa.exc.SQLAlchemyError) as error:  # no descriptor, no disk: this job fails, the next one tries anew
                if gate is not None:
                    gate.close()
                gate, ended = None, False
                job.fail(sa.exc.OperationalError("opening the database", None, error))
            if ended:
                break
        if gate is not None:
            gate.close()

    def _commit_group(self, connection: Connection, first: _Job) -> bool:
        """Commit `first` and all that queued while the gate was awaited; true when told to end."""
        group, ended = [first], False
        while len(group) < GROUP_MAX:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                ended = True
                break
            group.append(job)
        group = [job for job in group if job.claim()]
        if len(group) == 1 or not _together(connection, group):
            for job in group:
                _alone(connection, job)
        for job in group:
            job.done.set()
        return ended


class _Gate:
    """The writer thread's turnstile and connection."""

    def __init__(self, path: Path) -> None:
        self.turnstile = Turnstile(path)
        try:
            self._engine = sqlite_engine(path, read_only=False, pool=1)
            self.connection = self._engine.connect()
        except BaseException:
            self.turnstile.close()
            raise

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()
        self.turnstile.close()


class _Torn(Exception):
    """SQLite itself rolled the whole transaction back: nothing of it is in the file, whatever its savepoints said."""


def _together(connection: Connection, group: list[_Job]) -> bool:
    """Run every job in one transaction, a savepoint each; false where the transaction was torn and each must run alone.

    A full disk or an I/O error makes SQLite roll back the whole transaction, also what earlier jobs were told is done.
    """
    try:
        with connection.begin():
            for job in group:
                try:
                    with connection.begin_nested():
                        job.result = job.fn(connection)
                except BaseException as error:
                    job.error = error
                if not _in_transaction(connection):
                    raise _Torn
    except _Torn:
        for job in group:
            job.result = job.error = None
        return False
    except BaseException as error:
        for job in group:
            job.error = job.error or error
    return True


def _alone(connection: Connection, job: _Job) -> None:
    """Run one job in a transaction of its own."""
    try:
        with connection.begin():
            job.result = job.fn(connection)
            if not _in_transaction(connection):
                raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("the transaction was rolled back"))
    except BaseException as error:
        job.error = error


def _in_transaction(connection: Connection) -> bool:
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))
