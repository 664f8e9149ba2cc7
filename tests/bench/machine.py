"""What a figure was measured on, and databases of its own for each round."""

import os
import platform
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import psycopg
import sqlalchemy as sa

PACKAGES = ("starlette", "uvicorn", "dramatiq", "redis", "sqlalchemy", "psycopg", "pydantic")


def described() -> str:
    """One line: processor, cores, Python, SQLite and the packages that matter."""
    model = next((line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"


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
