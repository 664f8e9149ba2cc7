"""`billhook up`: everything on one machine, without a server to install.

Makes the demo's configuration where there is none, migrates, finds free ports, then supervises a private Valkey, the sandboxes of the
sources marked so, the receiver, the worker and the sweeper. Ends when told to: the workers finish the call they are in. Holds no
state that matters: killed at any instant and started again, it goes on.
"""

import errno
import os
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from receiver import log
from receiver.db import Database
from receiver.environment import receiver_environment
from receiver.errors import SettingsInvalid
from receiver.settings import Settings, find_config, read_secret
from workers import demo, runfile, valkey
from workers.addresses import HIDDEN, door_address, url_of, webhook_url
from workers.console.settings import chosen_port
from workers.invocation import command_line
from workers.loading import load_folders
from workers.migrate import migrate
from workers.notify import ENDPOINT, URLS
from workers.sandbox import doable
from workers.sandbox.places import sandboxes, servable
from workers.settings import WorkerSettings
from workers.supervisor import Child, Supervisor
from workers.worker import require_noeviction

ROLES = ("receiver", "worker", "sweeper")
DRAIN_S = 25.0
LOOK_S = 0.2
PORTS_TRIED = 50

logger = log.get_logger(__name__)


def run_up(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run until SIGINT or SIGTERM; the exit code. Raises BillhookError where it cannot start."""
    path = configuration(config, environ)
    chosen = WorkerSettings(path, environ)
    settings = chosen.settings
    log.configure(settings.log_level, settings.log_format)
    require_usable(chosen)
    with runfile.only_one(settings.data_dir):
        up = Up(chosen, path, environ)
        up.choose_port()
        _migrate(settings)
        try:
            up.start()
            return up.watch()
        finally:
            up.drain()


def configuration(config: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration in use; the demo's, made now, where there is none."""
    try:
        return find_config(config, environ)
    except SettingsInvalid:
        if config is not None or environ.get("BILLHOOK_CONFIG"):
            raise
        return demo.write()


def require_usable(chosen: WorkerSettings) -> None:
    """Raise SettingsInvalid for what a role would not start with: policies, secrets, a sandbox's address, a Redis that evicts."""
    chosen.settings.all_door_secrets()
    for source in chosen.settings.sources.values():
        chosen.client(source)
    servable(chosen, sandboxes(chosen))
    chosen.check_policies(load_folders(chosen.settings.workflows))
    require_noeviction(chosen.settings.redis)


def free_port(host: str, wanted: int, promised: Collection[int] = (), setting: str = "host and port in [billhook.receiver]") -> int:
    """`wanted`, or the next port of `host` that nobody holds and that is not `promised` to another.

    Raises SettingsInvalid, naming the `setting` to change.
    """
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)) if wanted else (0,):
        if port in promised:
            continue
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise SettingsInvalid(f"cannot listen on {host}:{port} ({error.strerror}): set {setting}") from error
            return int(probe.getsockname()[1])
    raise SettingsInvalid(f"no free port at {host} from {wanted} on: set {setting}")


def sandbox_port(config: Path, source: str, address: tuple[str, int], promised: Collection[int]) -> int:
    """The port of a sandbox: its own, or in the demo, where that is taken, the next free one, which its base_url then names.

    Raises SettingsInvalid.
    """
    host, wanted = address
    port = free_port(host, wanted, promised, f"source.{source}.api.base_url")
    if port != wanted:
        if not demo.is_demo(config):
            raise SettingsInvalid(f"the sandbox's port {wanted} is taken: free it, or change source.{source}.api.base_url in {config}")
        demo.move_sandbox(wanted, port, config)
        sys.stdout.write(f"Port {wanted} is taken: the sandbox of {source} listens on {port}.\n")
    return port


def unused_ids(now_s: float) -> int:
    """How far a sandbox moves its ids on: it forgets its objects when it ends, and billhook does not."""
    return max(0, int(now_s) - 1_793_000_000) * 100


class Up:
    """One run of `billhook up`."""

    def __init__(self, chosen: WorkerSettings, path: Path, environ: Mapping[str, str]) -> None:
        self._chosen, self._settings = chosen, chosen.settings
        self._console = ""
        self._promised: set[int] = set()
        self._path = path
        self._environ = {**environ, "BILLHOOK_CONFIG": str(path)}
        self._children = Supervisor()
        self._stop = threading.Event()
        self._signals = 0
        self._receiver = ""
        self._sandboxes: dict[str, str] = {}
        self._redis = chosen.settings.redis

    def choose_port(self) -> None:
        """Find the receiver's port. The demo's moves where it is taken; a real account's may not, for its proxy looks there.

        Raises SettingsInvalid.
        """
        host, wanted = self._settings.receiver.host, self._settings.receiver.port
        port = free_port(host, wanted)
        if wanted not in (0, port):
            if not self._may_move():
                raise SettingsInvalid(f"port {wanted} of {host} is taken{_holder(wanted)}, or set port in [billhook.receiver]")
            sys.stdout.write(f"Port {wanted} is taken: the receiver listens on {port}.\n")
        self._receiver = door_address(self._settings, port)
        self._environ["BILLHOOK_PORT"] = str(port)
        self._promised.add(port)
        self._choose_console()

    def _choose_console(self) -> None:
        """The console's port may move: only people type it, and they are told."""
        console = self._chosen.console
        wanted = chosen_port(console, self._environ)
        port = free_port(console.host, wanted, self._promised)
        self._promised.add(port)
        if wanted not in (0, port):
            sys.stdout.write(f"Port {wanted} is taken: the console listens on {port}.\n")
        self._console = url_of(console.host, port)
        self._environ["BILLHOOK_CONSOLE_PORT"] = str(port)

    def start(self) -> None:
        """Start everything, in the order of need."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._told)
        self._start_redis()
        self._start_sandbox()
        self._start_roles()
        config = str(self._path.resolve())
        running = runfile.Running(
            pid=os.getpid(), receiver=self._receiver, console=self._console, sandboxes=self._sandboxes, redis=self._redis, config=config
        )
        runfile.write(self._settings.data_dir, running)

    def watch(self) -> int:
        """Keep everything running until told to stop. Raises SettingsInvalid where a role cannot use its configuration."""
        greeted = False
        with httpx.Client(timeout=1.0, trust_env=False) as client:
            while not self._stop.wait(LOOK_S):
                self._children.look()
                if (role := self._children.refused) is not None:
                    raise SettingsInvalid(f"the {role.name} refuses to run, so everything was stopped: its own line above says why")
                if not greeted and self._ready(client):
                    greeted = True
                    sys.stdout.write(self._greeting())
                    sys.stdout.flush()
        return 0

    def drain(self) -> None:
        """Stop taking in, let the workers finish their call, then end the rest; a second signal ends everything at once."""
        logger.info("stopping", after_s=DRAIN_S)
        late = self._children.stop(ROLES, DRAIN_S, hurry=lambda: self._signals > 1)
        late += self._children.stop([child.name for child in self._children.children], 5.0)
        runfile.remove(self._settings.data_dir)
        if late:
            logger.warning("did not end in time and was killed", names=",".join(late))
        logger.info("stopped")

    def _start_redis(self) -> None:
        if self._redis:
            return
        server = valkey.find_server()
        if server is None:
            logger.warning("no redis here: the sweeper alone drives every run, more slowly")
            return
        listens = valkey.socket_path(self._settings.data_dir)
        valkey.stop_leftover(listens)
        self._children.start(Child(name="valkey", command=valkey.command(server, listens), output=self._settings.data_dir / "valkey.log"))
        self._redis = self._environ["BILLHOOK_REDIS"] = valkey.url_of(listens)

    def _start_sandbox(self) -> None:
        """One process for every source marked as a sandbox; it reads where each listens in the configuration."""
        places = servable(self._chosen, sandboxes(self._chosen))
        if not places:
            return
        wanted = {place.address: name for name, place in places.items()}
        ports = {}
        for address, name in wanted.items():
            others = {port for _, port in wanted} - {address[1]}
            ports[address] = sandbox_port(self._path, name, address, self._promised | others)
            self._promised.add(ports[address])
        self._sandboxes = {name: url_of(place.host, ports[place.address]) for name, place in places.items()}
        options = ["--receiver", self._receiver, "--einvoice", "--ids-after", str(unused_ids(time.time()))]
        self._start("sandbox", ["-m", "workers.cli.main", "sandbox", *options])

    def _start_roles(self) -> None:
        self._start("receiver", ["-m", "receiver"], environ=receiver_environment(self._environ))
        self._start("console", ["-m", "workers.cli.main", "console"])
        if read_secret(URLS, self._environ, self._settings.secrets_dir):
            self._start("notifier", ["-m", "workers.notices"])
        if self._environ.get(ENDPOINT):
            self._start("tracer", ["-m", "workers.traces"])
        for role in ("worker", "sweeper"):
            self._start(role, ["-m", "workers.cli.main", role], on_orphaned=signal.SIGTERM)  # it may finish its call when we are killed

    def _start(
        self, name: str, arguments: list[str], *, environ: Mapping[str, str] | None = None, on_orphaned: signal.Signals = signal.SIGKILL
    ) -> None:
        command = [sys.executable, *arguments]
        self._children.start(Child(name=name, command=command, environ=dict(environ or self._environ), on_orphaned=on_orphaned))

    def _may_move(self) -> bool:
        """Whether nobody else knows the door's address: in the demo, with no provider but the sandbox."""
        return demo.is_demo(self._path) and all(self._chosen.apis[name].sandbox for name in self._settings.sources)

    def _ready(self, client: httpx.Client) -> bool:
        """Whether the door is open and every sandbox answers."""
        urls = [f"{self._receiver}/readyz", *(f"{url}/_sandbox/health" for url in dict.fromkeys(self._sandboxes.values()))]
        try:
            return all(client.get(url).status_code == 200 for url in urls)
        except httpx.HTTPError:
            return False

    def _greeting(self) -> str:
        """What a newcomer needs: the URL, and lines for a second shell."""
        billhook = command_line()
        urls = [f"  {name}: {self._webhook_url(name)}" for name in self._settings.sources]
        lines = ["", f"billhook is ready ({self._path}). Ctrl-C stops it.", "", "Webhook URL", *urls, ""]
        lines += [f"Console: {self._console}", ""]
        lines += ["In a second shell:", f"cd {shlex.quote(os.getcwd())}"]
        for name in list(self._sandboxes)[:1]:
            named = f" --source {name}" if len(self._sandboxes) > 1 else ""
            lines += [f"{billhook} trigger {doable.FIRST[self._settings.sources[name].kind]}{named}"]
        lines += [f"{billhook} effects", f"{billhook} deliveries", f"{billhook} doctor", ""]
        return "\n".join(lines) + "\n"

    def _webhook_url(self, name: str) -> str:
        door = self._settings.door_secrets(name)
        shown = door.paths[0] if name == demo.SOURCE and demo.is_demo(self._path) else HIDDEN
        return webhook_url(self._receiver, name, door, secret=shown)

    def _told(self, _number: int, _frame: object) -> None:
        self._signals += 1
        self._stop.set()


def _holder(port: int) -> str:
    """Who has the port and what to do, as far as is known."""
    other = runfile.read(demo.DATA)
    ours = other is not None and urlsplit(other.receiver).port == port
    return f" by the demo (process {other.pid}): stop it with Ctrl-C" if other and ours else " by another program: free it"


def _migrate(settings: Settings) -> None:
    database = Database(settings.database)
    try:
        migrated = migrate(database, settings.workflows)
    finally:
        database.close()
    if migrated.before != migrated.after:
        logger.info("database migrated", head=",".join(migrated.after))
