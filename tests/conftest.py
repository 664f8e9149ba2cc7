"""What every test may ask for: a Redis, a PostgreSQL, and a database with billhook's tables.

A server that is missing skips its tests on a laptop and fails them where CI=true.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
import redis
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from receiver.db import Database
from tests.servers import ServerMissing, postgres_server, redis_server
from workers.loading import load_folders
from workers.migrate import heads
from workers.schema import METADATA

NUMBERS = count(1)
# A machine that is busy with something else makes no test fail.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def missing(reason: str) -> None:
    """Skip, or fail in CI."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def redis_session() -> Iterator[str]:
    """One Redis for the session."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(redis_server())
        except ServerMissing as reason:
            missing(str(reason))
        yield url


@pytest.fixture
def redis_url(redis_session: str) -> str:
    """An empty Redis."""
    client = redis.Redis.from_url(redis_session)
    client.flushdb()
    client.close()
    return redis_session


@pytest.fixture(scope="session")
def postgres_session() -> Iterator[str]:
    """One PostgreSQL server for the session; the URL of its maintenance database."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres_server())
        except ServerMissing as reason:
            missing(str(reason))
        yield url


@contextmanager
def new_postgres(server_url: str, template: str | None) -> Iterator[str]:
    """The URL of a new database on the session's server, from a template or empty; dropped afterwards."""
    name = f"billhook_test_{os.getpid()}_{next(NUMBERS)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        yield sa.engine.make_url(server_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_template(postgres_session: str) -> Iterator[str]:
    """The name of a database that holds billhook's tables and nothing else."""
    with new_postgres(postgres_session, None) as url:
        create_schema(sa.create_engine(sa.engine.make_url(url).set(drivername="postgresql+psycopg")))
        yield str(sa.engine.make_url(url).database)


@pytest.fixture
def empty_postgres_url(postgres_session: str) -> Iterator[str]:
    """A PostgreSQL database of this test alone, without tables."""
    with new_postgres(postgres_session, None) as url:
        yield url


SHAPE = """
SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM (
  SELECT concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull) AS line FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'public'::regnamespace
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
) AS lines
"""
WIPE = """
DO $$ DECLARE one record; found boolean; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', one.tablename) INTO found;
    IF found THEN EXECUTE format('TRUNCATE %I CASCADE', one.tablename); END IF;
  END LOOP;
  FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
    PERFORM setval(format('%I', one.sequencename)::regclass, 1, false);
  END LOOP;
END $$
"""
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
HEADS = "SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM alembic_version"


class Kept:
    """One PostgreSQL database for every test in turn: emptied after each, made anew after one that changed its shape."""

    def __init__(self, server_url: str, template: str) -> None:
        self._server_url, self._template = server_url, template
        self._made = ExitStack()
        self._make()

    def _make(self) -> None:
        self._made.close()
        self.url = self._made.enter_context(new_postgres(self._server_url, self._template))
        with psycopg.connect(self.url, autocommit=True) as connection:
            self._shape = self._seen(connection)

    def wipe(self) -> None:
        """Be as new."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(OTHERS)
            connection.execute(WIPE)
            same = self._seen(connection) == self._shape
        if not same:
            self._make()

    def _seen(self, connection: psycopg.Connection) -> object:
        return connection.execute(f"SELECT ({SHAPE}), ({HEADS})").fetchone()

    def close(self) -> None:
        self._made.close()


@pytest.fixture(scope="session")
def kept_postgres(postgres_session: str, postgres_template: str) -> Iterator[Kept]:
    """The database that the tests of this session use in turn."""
    kept = Kept(postgres_session, postgres_template)
    yield kept
    kept.close()


@pytest.fixture
def postgres_url(kept_postgres: Kept) -> Iterator[str]:
    """A PostgreSQL database of this test alone, with billhook's tables."""
    yield kept_postgres.url
    kept_postgres.wipe()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file that holds billhook's tables and nothing else."""
    path = tmp_path_factory.mktemp("template") / "billhook.db"
    create_schema(sa.create_engine(f"sqlite:///{path}"))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An SQLite database of this test alone, with billhook's tables."""
    path = tmp_path / "billhook.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A Database on SQLite."""
    database = Database(sqlite_url)
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[Database]:
    """A Database on PostgreSQL."""
    database = Database(postgres_url)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with billhook's tables, once on each kind."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A Database with billhook's tables, once on each kind."""
    database = Database(database_url)
    yield database
    database.close()


def create_schema(engine: sa.Engine) -> None:
    """Every table, and the mark that they are at this program's revision; a test compares this with the migrations."""
    load_folders()  # a shipped workflow's tables are declared where its file is imported
    with engine.begin() as connection:
        METADATA.create_all(connection)
        connection.execute(
            sa.text(
                "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
        )
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), [{"head": head} for head in heads()])
    engine.dispose()
