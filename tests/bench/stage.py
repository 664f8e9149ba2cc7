"""The processes of one measured round of the door's bench: a receiver on an empty database, or bare Starlette, and who works beside it.

A variant is "bare" or a store, then what stands beside the receiver: "sqlite", "postgresql+workers" (one worker and one sweeper drain
the same stream through a Redis), "sqlite+hung redis" (a Redis that takes connections and never answers).
"""

import base64
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
import sqlalchemy as sa

from receiver.db import CORE_HEAD
from tests.servers import free_port
from workers.schema import METADATA

HOST = "127.0.0.1"
WORKERS, HUNG = "workers", "hung redis"
_HERTZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Servers:
    """What every round stands on, by URL; None where this machine has none."""

    postgres: str | None
    redis: str | None


def make_tables(url: sa.URL) -> None:
    """Every table at this program's revision."""
    engine = sa.create_engine(url)
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32))")
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": CORE_HEAD})
    engine.dispose()


class Stage:
    """Started processes; `stop` ends them. Bare Starlette has no database."""

    def __init__(self, variant: str, place: Path, servers: Servers, key: bytes) -> None:
        store, _, self.beside = variant.partition("+")
        self._place, self._ended = place, ExitStack()
        self.port = free_port()
        self._url = self._database(store, servers)
        self._environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.getcwd(),
            "BILLHOOK_HOST": HOST,
            "BILLHOOK_PORT": str(self.port),
            "BILLHOOK_CONFIG": str(self._config()),
            "BILLHOOK_REDIS": self._redis(servers),
            "BILLHOOK_DOOR_BENCH_SIGNING": "whsec_" + base64.b64encode(key).decode(),
        }
        self.server = self._start("tests.bench.bare" if store == "bare" else "receiver")
        self._wait()
        roles = ("worker", "sweeper") if self.beside == WORKERS else ()
        self.roles = [self._start("workers.cli.main", role) for role in roles]
        if self._url:
            self._look = sa.create_engine(self._url.set(drivername=f"{self._url.get_backend_name()}{'+psycopg' * (store != 'sqlite')}"))

    def cpu_s(self) -> tuple[float, float]:
        """The CPU seconds that the server and the processes beside it have used."""
        return cpu_s(self.server.pid), sum(cpu_s(role.pid) for role in self.roles)

    def routed(self) -> int:
        """How many deliveries became an event so far."""
        return self._count("SELECT coalesce(max(id), 0) FROM event") if self.beside == WORKERS else 0

    def wait_for_roles(self) -> None:
        """Until the worker has begun to route."""
        until = time.monotonic() + 60
        while self.roles and not self.routed():
            if time.monotonic() > until:
                raise SystemExit("the worker under measurement did not start")
            time.sleep(0.01)

    def stop(self) -> int:
        """End every process; how many deliveries the database holds."""
        for process in (*self.roles, self.server):
            process.terminate()
        for process in (*self.roles, self.server):
            process.wait(60)
        self._ended.close()
        return self._count("SELECT count(*) FROM delivery") if self._url else 0

    def _count(self, sql: str) -> int:
        with self._look.connect() as connection:
            return int(connection.execute(sa.text(sql)).scalar_one())

    def _database(self, store: str, servers: Servers) -> sa.URL | None:
        """A new database with every table."""
        if store == "bare":
            return None
        if store == "sqlite":
            url = sa.engine.make_url(f"sqlite:///{self._place}/billhook.db")
            make_tables(url)
            return url
        assert servers.postgres is not None
        name = f"bench_{self.port}_{time.time_ns()}"
        with psycopg.connect(servers.postgres, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        url = sa.engine.make_url(servers.postgres).set(database=name)
        make_tables(url.set(drivername="postgresql+psycopg"))
        return url

    def _config(self) -> Path:
        database = self._url.render_as_string(hide_password=False) if self._url else "sqlite:///unused"
        config = self._place / "billhook.toml"
        config.write_text(
            f'[billhook]\ndatabase = "{database}"\nlog_level = "warning"\ndata_dir = "{self._place}"\n'
            f'ledger_head_dir = "{self._place}/heads"\n[source.bench]\nkind = "standard"\n[policy.auto-send]\nmode = "off"\n'
        )
        return config

    def _redis(self, servers: Servers) -> str:
        """An empty Redis for the workers, one that never answers, or none."""
        if self.beside == HUNG:
            listening = self._ended.enter_context(socket.create_server((HOST, 0), backlog=16))
            return f"redis://{HOST}:{listening.getsockname()[1]}/0"
        if self.beside != WORKERS:
            return ""
        assert servers.redis is not None
        with redis.Redis.from_url(servers.redis) as client:
            client.flushall()
        return servers.redis

    def _start(self, module: str, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-m", module, *words], env=self._environ, cwd=self._place)

    def _wait(self) -> None:
        """Until /readyz is 200."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"http://{HOST}:{self.port}/readyz", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                if self.server.poll() is not None:
                    break
                time.sleep(0.05)
        raise SystemExit("the server under measurement did not start")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _HERTZ
