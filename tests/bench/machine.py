"""What a figure was measured on, and databases of its own for each round."""

import os
import platform
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.metadata import version

import psycopg
import sqlalchemy as sa

from tests.servers import ServerMissing, postgres_server

PACKAGES = ("starlette", "uvicorn", "dramatiq", "redis", "sqlalchemy", "psycopg", "pydantic")


def described() -> str:
    """One line: processor, cores, Python, SQLite and the packages that matter."""
    model = next((line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"


def postgres_if_there(stack: ExitStack) -> str | None:
    """The URL of a PostgreSQL that keeps what it commits and runs as long as `stack`, or None where this machine has none."""
    return if_there(stack, "postgresql", lambda: postgres_server(durable=True))


def if_there(stack: ExitStack, name: str, start: Callable[[], AbstractContextManager[str]]) -> str | None:
    """The URL of a server that runs as long as `stack`, or None where this machine has none, which is said."""
    try:
        return stack.enter_context(start())
    except ServerMissing as reason:
        print(f"{name} left out: {reason}")
        return None


@contextmanager
def new_postgres(server: str) -> Iterator[str]:
    """The URL of a new, empty database on `server`; dropped afterwards."""
    name = f"bench_{os.getpid()}_{time.time_ns()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield sa.engine.make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readlines()
    except OSError:
        return []
