"""`billhook console`: serve the operators' pages until told to stop. Exit 2 where the settings or the address cannot be used."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from receiver.db import Database
from receiver.errors import SettingsInvalid
from receiver.log import configure, get_logger
from receiver.settings import read_secret, require_strong
from workers.addresses import url_of
from workers.console import accounts
from workers.console.settings import ConsoleSettings, chosen_port
from workers.console.timebox import box
from workers.console.web.app import console
from workers.console.web.stream import Live
from workers.console.web.watch import METRICS_TOKEN
from workers.loading import load_folders
from workers.settings import WorkerSettings

READERS = 8

log = get_logger(__name__)


def run_console(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Serve; the exit code. Raises BillhookError where it cannot start."""
    chosen = WorkerSettings(config, environ)
    configure(chosen.settings.log_level, chosen.settings.log_format)
    database = Database(chosen.settings.database, read_pool=READERS)
    database.on_readers(lambda engine: box(engine, database.dialect))
    try:
        database.require_schema()
        token = read_secret(METRICS_TOKEN, environ, chosen.settings.secrets_dir)
        if token is not None:
            require_strong(METRICS_TOKEN, token)
        app = console(chosen, database, load_folders(chosen.settings.workflows), metrics_token=token)
        _warn_of_nobody(chosen, database)
        listening = listen(chosen.console, environ)
        log.info("the console listens", address=address(listening))
        server(app).run(sockets=[listening])
    finally:
        database.close()
    return 0


def _warn_of_nobody(chosen: WorkerSettings, database: Database) -> None:
    """Say so where people have to log in and there is nobody who could."""
    with database.read() as connection:
        if chosen.console.login == "accounts" and not accounts.listed(connection):
            log.warning("nobody can log in at the console yet: `billhook accounts add NAME --role approver` makes an account")


class Server(uvicorn.Server):
    """Ends the live streams when it is told to stop, which would else keep it from stopping."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, the streams first."""
        self._live.close()
        super().handle_exit(sig, frame)


def server(app: Starlette) -> uvicorn.Server:
    """A uvicorn for the console: no access log (a search may hold a name), no banner."""
    return Server(
        uvicorn.Config(
            app, loop="uvloop", http="httptools", ws="none", lifespan="on", access_log=False, log_config=None, server_header=False,
            proxy_headers=False, timeout_graceful_shutdown=3,
        ),
        app.state.live,
    )  # fmt: skip


def listen(settings: ConsoleSettings, environ: Mapping[str, str] = os.environ) -> socket.socket:
    """A bound socket; raises SettingsInvalid where the address is taken or not ours. BILLHOOK_CONSOLE_PORT beats the file."""
    port = chosen_port(settings, environ)
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, port), family=family, backlog=128)
    except OSError as error:
        where = f"{settings.host}:{port}"
        raise SettingsInvalid(
            f"the console cannot listen on {where} ({error.strerror}): set host and port in [billhook.console]"
        ) from error


def address(listening: socket.socket) -> str:
    """Where a browser finds it."""
    return url_of(*listening.getsockname()[:2])
