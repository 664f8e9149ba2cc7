"""billhook as processes, for the tests that must see it from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.forked import command

ROOT = Path(__file__).parent.parent
MAIL_AT_ONCE = """
[policy.auto-send]
mode = "auto"
hold_minutes = 0
email_window = "00:00-24:00"
channel_map = { mail = "email" }
placeholder_domains = []
"""
SHOP_SECRETS = {
    "BILLHOOK_DOOR_SHOP_PATH": "c0ffee-c0ffee-1234567890",
    "BILLHOOK_API_SHOP_USER": "owner@example.com",
    "BILLHOOK_API_SHOP_KEY": "k-0123456789abcdef",
}
T = TypeVar("T")


def write_secrets(folder: Path, **more: str) -> None:
    """Files with what the source `shop` needs, and `more`, in a new folder."""
    folder.mkdir()
    for name, value in {**SHOP_SECRETS, **more}.items():
        (folder / name).write_text(value)


def real_account(place: Path, port: str) -> Path:
    """A directory's billhook.toml with one real source, whose provider nobody reaches."""
    (place / "data").mkdir(parents=True)
    write_secrets(place / "secrets")
    toml = place / "billhook.toml"
    toml.write_text(f"""[billhook]
database = "sqlite:///{place}/data/billhook.db"
data_dir = "{place}/data"
ledger_head_dir = "{place}/heads"
secrets_dir = "{place}/secrets"
[billhook.receiver]
port = {port}
[source.shop]
kind = "monsum"
[source.shop.api]
base_url = "http://127.0.0.1:1/api.php"
[policy.auto-send]
mode = "observe"
""")
    return toml


def eventually(look: Callable[[], T], within_s: float = 120.0, why: Callable[[], str] = lambda: "") -> T:
    """What `look` gives as soon as it is true. The only wait in the tests: other processes have clocks of their own."""
    until = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {within_s} s. {why()}")
        time.sleep(0.05)
    return found


class Shell:
    """A directory in which somebody works with billhook, and the environment of the shell."""

    def __init__(self, place: Path, **environ: str) -> None:
        self.place = place
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.environ: Mapping[str, str] = {**keep, "PYTHONPATH": str(ROOT), "TERM": "dumb", **environ}

    def billhook(self, *words: str, code: int | None = 0) -> str:
        """What the command printed; `code` is the exit code it must have, None for any."""
        done = command(words, cwd=self.place, env=self.environ, within_s=120)
        if code is not None:
            assert done.returncode == code, f"{words} ended with {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
        return done.stdout + ("" if code == 0 else done.stderr)

    def json(self, *words: str) -> Any:
        """The command's output with --json."""
        return json.loads(self.billhook(*words, "--json"))

    @contextmanager
    def running(self, *words: str, log: str = "log") -> Iterator[subprocess.Popen[bytes]]:
        """A role in the background; interrupted and awaited at the end."""
        with (self.place / f"{log}.txt").open("ab") as output:
            process = subprocess.Popen(
                self._command(words), cwd=self.place, env=self.environ, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def said(self, log: str = "log") -> str:
        """What a role in the background printed so far."""
        return (self.place / f"{log}.txt").read_text(encoding="utf-8")

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "workers.cli.main", *words]
