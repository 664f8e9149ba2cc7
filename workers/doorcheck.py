"""What is right and wrong at the door: who answers there, where notifications go, and what was refused. A part of workers/checkup.py.

No secret is in a finding: a URL that holds one shows <secret>.
"""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.errors import SettingsInvalid
from receiver.settings import Settings
from workers import demo, runfile
from workers.addresses import door_address, webhook_url
from workers.finding import FINE, NOTE, WRONG, Finding

REFUSED_LATELY = timedelta(hours=1)
LOOK_S = 2.0


def receiver(settings: Settings, running: runfile.Running | None) -> Iterator[Finding]:
    """Whether a receiver of this configuration answers, and would keep a delivery now."""
    url = running.receiver if running else door_address(settings)
    stranger = _stranger(settings, running, url)
    if stranger is not None:
        text = f"what answers at {url} is the receiver of {stranger.config} (process {stranger.pid}), not of {settings.config}"
        yield Finding("receiver", WRONG, text, "stop that one with Ctrl-C, then `billhook up`")
        return
    try:
        answer = httpx.get(f"{url}/readyz", timeout=LOOK_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        yield _silent(settings, url)
        return
    if answer.status_code == 200:
        yield Finding("receiver", FINE, f"{url} would keep a delivery now")
    else:
        yield Finding("receiver", WRONG, f"{url} answers {answer.status_code}: {_said(answer)}", "look at its log, and below")


def addresses(settings: Settings, running: runfile.Running | None) -> Iterator[Finding]:
    """Where each source's notifications go. Before a proxy the path stays and the address is the proxy's."""
    base = running.receiver if running else door_address(settings)
    for name in settings.sources:
        try:
            door = settings.door_secrets(name)
        except SettingsInvalid:
            continue  # said where the secrets are looked at
        yield Finding(f"source {name}", FINE, f"webhook URL {webhook_url(base, name, door)}")


def refused(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """What the door turned away lately."""
    for source, cause, count in inbox.refused_since(connection, datetime.now(UTC) - REFUSED_LATELY):
        area = f"source {source}" if source in settings.sources else "door"
        where = source if source in settings.sources else "no source"
        yield Finding(area, NOTE, f"{count} refused at {where} in the last hour: {cause}", f"billhook refusals --source {source}")


def _stranger(settings: Settings, running: runfile.Running | None, url: str) -> runfile.Running | None:
    """The `billhook up` of another configuration that answers at our address, or None."""
    ours = str(settings.config.resolve()) if settings.config else ""
    for other in (running, runfile.read(demo.DATA)):
        if other is not None and other.receiver == url and other.config not in ("", ours):
            return other
    return None


def _silent(settings: Settings, url: str) -> Finding:
    host, port = settings.receiver.host, settings.receiver.port
    if _taken(host, port):
        return Finding("receiver", WRONG, f"port {port} is taken by another program", "free it, or set port in [billhook.receiver]")
    return Finding("receiver", NOTE, f"no receiver answers at {url}", "`billhook up`")


def _said(answer: httpx.Response) -> str:
    """The status our receiver gives as its reason; a stranger's answer is not quoted."""
    try:
        return str(answer.json()["status"])[:60]
    except (ValueError, KeyError, TypeError):
        return "not billhook's words"


def _taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
