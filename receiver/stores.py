"""How the door's batches get into table `delivery`: once for SQLite, once for PostgreSQL, for speed.

Owns the two statements and what they do about equal identities. Used only by the writer thread of receiver/commit.py;
everything else in billhook writes through `Database.write`.
"""

import sqlite3
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from receiver.commit import Row, Store, resolve
from receiver.db import URL_WRONG
from receiver.errors import RowNotKept, SettingsInvalid, StoreUnavailable
from receiver.inbox import NO_SOURCE, Kept
from receiver.turnstile import Turnstile

BUSY_MS = 700
_COLUMNS = "source, native_type, native_id, body_hash, received_at, headers, body, origin"
_IDENTITY = "source, native_type, native_id, body_hash"


def connector(url: str) -> Callable[[], Store]:
    """What opens the store of a database URL; called in the writer thread, raises StoreUnavailable."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        return lambda: SqliteStore(path)
    if parsed.get_backend_name() == "postgresql":
        plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        return lambda: PostgresStore(plain)
    raise SettingsInvalid(URL_WRONG)


class SqliteStore:
    """SQLite in WAL mode with full fsync, behind the turnstile."""

    def __init__(self, path: Path) -> None:
        try:
            if not path.is_file():
                raise StoreUnavailable(cause="store", detail="no such file")
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000, cached_statements=600)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._turnstile = Turnstile(path)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(detail=_short(error)) from error
        self._inserts: dict[int, str] = {}

    def keep(self, take: Callable[[], Sequence[Row]]) -> list[Kept]:
        try:
            with self._turnstile.held():
                rows = take()
                if not rows:
                    return []
                try:
                    self._db.execute("BEGIN IMMEDIATE")
                    answers = self._write(rows)
                    self._db.execute("COMMIT")
                except BaseException:
                    self._roll_back()
                    raise
                return answers
        except (sqlite3.OperationalError, OSError) as error:
            raise StoreUnavailable(detail=_short(error)) from error
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise RowNotKept(detail=_short(error)) from error

    def probe(self) -> None:
        row = _trial()
        try:
            with self._turnstile.held():
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute(self._insert(1), _with_text_times(list(row)))
                self._db.execute(f"DELETE FROM delivery WHERE ({_IDENTITY}) = (?,?,?,?)", row.identity)
                self._db.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._roll_back()
            raise StoreUnavailable(detail=_short(error)) from error

    def close(self) -> None:
        self._db.close()
        self._turnstile.close()

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _write(self, rows: Sequence[Row]) -> list[Kept]:
        """One statement for all; where it wrote fewer rows than it was given, look up which were there."""
        values: list[object] = []
        for row in rows:
            values += row
        written = self._db.execute(self._insert(len(rows)), _with_text_times(values))
        if written.rowcount == len(rows):
            first = (written.lastrowid or 0) - len(rows) + 1
            return [Kept(id, True) for id in range(first, first + len(rows))]
        wanted = [part for row in rows for part in row.identity]
        marks = ",".join(["(?,?,?,?)"] * len(rows))
        found = self._db.execute(f"SELECT id, {_IDENTITY} FROM delivery WHERE ({_IDENTITY}) IN (VALUES {marks})", wanted)
        ids = {(source, type, native, hash): id for id, source, type, native, hash in found}
        # Ids count up and nobody else writes now, so the rows just written are the last ones.
        new = sorted(ids.values())[len(ids) - written.rowcount :]
        answers = resolve([row.identity for row in rows], ids, set(new))
        self._count_repeats(rows, answers)
        return answers

    def _count_repeats(self, rows: Sequence[Row], answers: Sequence[Kept]) -> None:
        repeats = [(stored_time(row.received_at), kept.delivery_id) for row, kept in zip(rows, answers, strict=True) if not kept.new]
        self._db.executemany("UPDATE delivery SET repeats = repeats + 1, last_repeat_at = ? WHERE id = ?", repeats)

    def _insert(self, count: int) -> str:
        if count not in self._inserts:
            values = ",".join(["(?,?,?,?,?,?,?,'push')"] * count)
            self._inserts[count] = f"INSERT INTO delivery ({_COLUMNS}) VALUES {values} ON CONFLICT DO NOTHING"
        return self._inserts[count]


class PostgresStore:
    """PostgreSQL with one prepared statement; no wait on a lock or a lost connection is longer than the sender's patience."""

    def __init__(self, url: str) -> None:
        try:
            self._db = psycopg.connect(
                url, autocommit=True, connect_timeout=2, tcp_user_timeout=3000, application_name="billhook receiver",
                options=f"-c lock_timeout={BUSY_MS} -c statement_timeout=3000 -c synchronous_commit=on",
            )  # fmt: skip
        except psycopg.Error as error:
            raise StoreUnavailable(detail=_short(error)) from error

    def keep(self, take: Callable[[], Sequence[Row]]) -> list[Kept]:
        rows = take()
        if not rows:
            return []
        try:
            with self._db.transaction():
                return self._write(rows)
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, psycopg.errors.LockNotAvailable) as error:
            raise RowNotKept(detail=_short(error)) from error
        except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable) as error:
            raise StoreUnavailable(detail=_short(error)) from error
        except (psycopg.Error, ValueError) as error:
            raise RowNotKept(detail=_short(error)) from error

    def probe(self) -> None:
        try:
            row = _trial()
            with self._db.transaction():
                self._db.execute(_UNNEST, [[part] for part in row], prepare=True)
                self._db.execute(f"DELETE FROM delivery WHERE ({_IDENTITY}) = (%s,%s,%s,%s)", row.identity)
        except psycopg.Error as error:
            raise StoreUnavailable(detail=_short(error)) from error

    def close(self) -> None:
        self._db.close()

    def _write(self, rows: Sequence[Row]) -> list[Kept]:
        columns = [list(column) for column in zip(*rows, strict=True)]
        written = self._db.execute(_UNNEST, columns, prepare=True).fetchall()
        ids = {(source, type, native, hash): id for id, source, type, native, hash in written}
        new = set(ids.values())
        if len(ids) < len(rows):
            missing = [list(column) for column in zip(*{row.identity for row in rows} - ids.keys(), strict=True)]
            if missing:
                ids.update({(source, type, native, hash): id for id, source, type, native, hash in self._db.execute(_FIND, missing)})
        answers = resolve([row.identity for row in rows], ids, new)
        repeats = [(row.received_at, kept.delivery_id) for row, kept in zip(rows, answers, strict=True) if not kept.new]
        if repeats:
            with self._db.cursor() as cursor:
                cursor.executemany("UPDATE delivery SET repeats = repeats + 1, last_repeat_at = %s WHERE id = %s", repeats)
        return answers


_UNNEST = f"""
INSERT INTO delivery ({_COLUMNS})
SELECT *, 'push' FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::bytea[])
ON CONFLICT DO NOTHING RETURNING id, {_IDENTITY}"""
_FIND = f"""
SELECT d.id, d.source, d.native_type, d.native_id, d.body_hash
FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS w(source, native_type, native_id, body_hash)
JOIN delivery d USING ({_IDENTITY})"""


def _trial() -> Row:
    """A delivery nobody ever sees: it is taken away again before its commit."""
    return Row(NO_SOURCE, "billhook.trial", uuid.uuid4().hex, "", datetime.now(UTC), "", b"")


def stored_time(at: datetime) -> str:
    """An aware UTC time as UtcDateTime stores it on SQLite."""
    return at.replace(tzinfo=None).isoformat(" ", "microseconds")


def _with_text_times(values: list[object]) -> list[object]:
    for place in range(4, len(values), 7):
        at = values[place]
        assert isinstance(at, datetime)
        values[place] = stored_time(at)
    return values


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
