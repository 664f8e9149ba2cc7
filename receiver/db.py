"""The database: one way to write, one way to read, on SQLite and PostgreSQL.

`Database.write(fn)` runs fn(connection) in a transaction and returns after COMMIT. On SQLite one writer thread per process
takes the turnstile, then commits whatever has queued, a savepoint each. On PostgreSQL fn runs in its own transaction in the
caller's thread and is repeated on serialization failure and deadlock, so fn must be free of effects of its own.
`Database.read()` gives a read-only connection. Nothing here knows a table.
"""

import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from receiver.errors import DatabaseBusy, SchemaOutdated, SettingsInvalid
from receiver.sqlite import Writer, sqlite_engine

# The revision of billhook's own tables this program was written for; tests compare it with the migrations.
CORE_HEAD = "core_0001"

URL_WRONG = "billhook.database cannot be used: write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"

T = TypeVar("T")

CLOCK_AGE_S = 5.0
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_WHICH_POSTGRES = sa.text("SELECT concat_ws(' ', system_identifier, current_database(), current_schema()) FROM pg_control_system()")
_REPEATABLE = {"40001", "40P01"}  # serialization_failure, deadlock_detected


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime: timestamptz on PostgreSQL, fixed-width text on SQLite. A naive value is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be aware")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(sa.types.TypeDecorator[Any]):
    """A JSON value as text, keys sorted: the same bytes on every database, so it can be hashed."""

    impl = sa.Text()
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else json.loads(value)


# A row id: 64 bits everywhere, and on SQLite the rowid itself.
BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def row_id() -> Any:
    """The primary key column of a table that counts up."""
    return sa.Column(BIGINT, primary_key=True, autoincrement=True)


def table_of(model: type[Any]) -> sa.Table:
    """The SQLAlchemy table of a SQLModel table class."""
    return model.__table__  # type: ignore[no-any-return]


def insert_of(connection: Connection, model: type[Any]) -> Any:
    """An INSERT of this database's dialect, for ON CONFLICT."""
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table_of(model))


def insert_new(connection: Connection, model: type[Any], values: dict[str, Any], *, unique: tuple[str, ...] = (), where: str = "") -> Any:
    """Insert a row unless one like it is there: its `id` where the table has one, or None where nothing was inserted.

    `unique` and `where` name the unique index that may be in the way; by default any.
    """
    statement = _insert_new(connection.dialect.name, table_of(model), unique, where)
    result = connection.execute(statement, values)
    return result.scalar_one_or_none() if result.returns_rows else None


@lru_cache
def _insert_new(dialect: str, table: sa.Table, unique: tuple[str, ...], where: str) -> Any:
    insert: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    target = {"index_elements": list(unique), "index_where": sa.text(where) if where else None} if unique else {}
    insert = insert.on_conflict_do_nothing(**target)
    return insert.returning(table.c.id) if "id" in table.c else insert


def canonical_json(value: Any) -> str:
    """`value` as JSON with sorted keys and no blanks; raises ValueError on NaN and Infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


_NEVER_KEPT = re.compile("[\x00\ud800-\udfff]")


def keepable(text: str) -> str:
    """`text` with U+FFFD for what no database takes in one: NUL (PostgreSQL) and half of a surrogate pair. JSON can write both."""
    return _NEVER_KEPT.sub("\N{REPLACEMENT CHARACTER}", text)


_SQLITE_TROUBLE = {5, 6, 8, 10, 13, 14}  # busy, locked, read-only, I/O error, full, cannot open
_POSTGRES_TROUBLE = {"08", "53", "57", "58", "55"}  # connection, resources, shutdown, system, not available


def is_trouble(error: BaseException) -> bool:
    """Whether an error is the database's own trouble (away, locked, full) and not a wrong statement: the same may go well later."""
    if isinstance(error, DatabaseBusy):
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    code, state = getattr(error.orig, "sqlite_errorcode", None), getattr(error.orig, "sqlstate", None)
    if code is not None:
        return code & 0xFF in _SQLITE_TROUBLE
    if state is not None:
        return state[:2] in _POSTGRES_TROUBLE or error.connection_invalidated
    return isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)


class Database:
    """A database by URL: `sqlite:///path` or `postgresql://…`. Safe to share between threads, not across a fork."""

    def __init__(self, url: str, *, read_pool: int = 8) -> None:
        self.url = url
        self.dialect = _backend(url)
        if self.dialect == "sqlite":
            self.path: Path | None = _sqlite_path(url)
            self._reader = sqlite_engine(self.path, read_only=True, pool=read_pool)
            self._file_writer: Writer | None = Writer(self.path)
            self._writer: Engine | None = None
        elif self.dialect == "postgresql":
            self.path = self._file_writer = None
            plain = sa.engine.make_url(url).set(drivername="postgresql+psycopg")
            self._writer = sa.create_engine(plain, pool_size=read_pool * 2, max_overflow=read_pool, hide_parameters=True)
            self._reader = self._writer.execution_options(postgresql_readonly=True)
        else:
            raise SettingsInvalid(URL_WRONG)
        self._ahead: tuple[float, datetime] | None = None

    def write(self, fn: Callable[[Connection], T], *, timeout_s: float | None = None) -> T:
        """What fn(connection) returned, after COMMIT.

        fn may run more than once and must not call a provider or another `write`. With `timeout_s`, raises DatabaseBusy if
        fn could not be started in time; a started fn is always waited for.
        """
        if self.dialect == "postgresql":
            return self._write_repeating(fn)
        assert self._file_writer is not None
        return self._file_writer.write(fn, timeout_s)  # type: ignore[no-any-return]

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only connection outside the writer's turn; keep it under two seconds."""
        with self._reader.connect() as connection:
            yield connection

    def on_readers(self, listen: Callable[[Engine], None]) -> None:
        """Let `listen` add listeners to the engine that reads, before it is first used. On PostgreSQL writers share its connections."""
        listen(self._writer if self._writer is not None else self._reader)

    def machine_now(self, connection: Connection) -> datetime:
        """The instant leases are measured by: the database's clock on PostgreSQL, the host's on SQLite. Aware UTC.

        PostgreSQL is asked every five seconds; between, the clock that counts from boot goes on from its answer.
        """
        if self.dialect == "sqlite":
            return datetime.now(UTC)
        boot_s = time.clock_gettime(_BOOT)
        if self._ahead is None or boot_s - self._ahead[0] > CLOCK_AGE_S:
            said = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC)
            self._ahead = (boot_s, said)
        asked_s, said = self._ahead
        return said + timedelta(seconds=boot_s - asked_s)

    def require_schema(self) -> None:
        """Raise SchemaOutdated unless the core tables are at this program's revision."""
        with self.read() as connection:
            known = sa.inspect(connection).has_table("alembic_version")
            heads = set(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars()) if known else set()
        if CORE_HEAD not in heads:
            raise SchemaOutdated(wanted=CORE_HEAD, found=",".join(sorted(heads)) or "nothing")

    def identity(self) -> str:
        """Which database this is: 16 hex digits, the same in every process that opened it, no secret. "" where there is no file yet.

        A copy of a SQLite file is another one, and so is a database of the same name on another PostgreSQL server.
        """
        if self.path is not None:
            if not self.path.exists():
                return ""
            found = self.path.stat()
            said = f"{found.st_dev} {found.st_ino}"
        else:
            with self.read() as connection:
                said = str(connection.execute(_WHICH_POSTGRES).scalar_one())
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def close(self) -> None:
        """Finish what has queued and let go of every connection."""
        if self._file_writer is not None:
            self._file_writer.close()
        if self._writer is not None:
            self._writer.dispose()
        self._reader.dispose()

    def _write_repeating(self, fn: Callable[[Connection], T]) -> T:
        assert self._writer is not None
        for attempt in range(8):
            committing = False
            try:
                with self._writer.begin() as connection:
                    result = fn(connection)
                    committing = True
                return result
            except sa.exc.DBAPIError as error:
                undone = getattr(error.orig, "sqlstate", None) in _REPEATABLE or (error.connection_invalidated and not committing)
                if attempt == 7 or not undone:
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
        raise AssertionError("unreachable")


def _backend(url: str) -> str:
    """The kind of database a URL names. The URL may hold a password, so no message quotes it."""
    try:
        return sa.engine.make_url(url).get_backend_name()
    except (sa.exc.SQLAlchemyError, ValueError):
        raise SettingsInvalid(URL_WRONG) from None


def _sqlite_path(url: str) -> Path:
    """The file, in a folder that is there; raises SettingsInvalid where either cannot be."""
    name = sa.engine.make_url(url).database
    if not name or name == ":memory:":
        raise SettingsInvalid("billhook.database cannot be used: an SQLite database must be a file; write sqlite:///path/to/billhook.db")
    path = Path(name)
    todo = "correct billhook.database, or BILLHOOK_DATABASE where that is set"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_folder = path.is_dir()
    except OSError as error:
        raise SettingsInvalid(f"the folder of the database {path} cannot be made or entered ({error.strerror}): {todo}") from error
    if is_folder:
        raise SettingsInvalid(f"the database {path} is a folder: {todo}")
    return path
