"""What is right and wrong at the door: who answers there, where notifications go, and what was refused. A part of workers/checkup.py.

No secret is in a finding: a URL that holds one shows <secret>.
"""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import Database
from receiver.errors import BillhookError, SettingsInvalid
from receiver.settings import Settings
from workers import demo, runfile
from workers.addresses import door_address, webhook_url
from workers.finding import FINE, NOTE, WRONG, Finding

REFUSED_LATELY = timedelta(hours=1)
LOOK_S = 2.0


def receiver(settings: Settings, running: runfile.Running | None) -> Iterator[Finding]:
    """Whether a receiver of this configuration and this database answers, and would keep a delivery now."""
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
        yield _kept(settings, url, answer)
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


def _kept(settings: Settings, url: str, answer: httpx.Response) -> Finding:
    """Whether a receiver that keeps deliveries keeps them in our database."""
    try:
        ours = _our_identity(settings)
    except (sa.exc.SQLAlchemyError, BillhookError):
        text = f"a receiver at {url} would keep a delivery now; whether in this database cannot be told"
        return Finding("receiver", NOTE, text, "see “database” below")
    if ours and _word(answer, "database") == ours:
        return Finding("receiver", FINE, f"{url} would keep a delivery now")
    text = f"what answers at {url} keeps deliveries elsewhere, not in the database of {settings.config}: it is another installation's"
    todo = "stop that one, or set another port in [billhook.receiver]; then `billhook up`. If it is yours, start it again"
    return Finding("receiver", WRONG, text, todo)


def _our_identity(settings: Settings) -> str:
    database = Database(settings.database, read_pool=1)
    try:
        return database.identity()
    finally:
        database.close()


def _silent(settings: Settings, url: str) -> Finding:
    host, port = settings.receiver.host, settings.receiver.port
    if _taken(host, port):
        return Finding("receiver", WRONG, f"port {port} is taken by another program", "free it, or set port in [billhook.receiver]")
    return Finding("receiver", NOTE, f"no receiver answers at {url}", "`billhook up`")


def _said(answer: httpx.Response) -> str:
    """The status our receiver gives as its reason; a stranger's answer is not quoted."""
    return _word(answer, "status")[:60] or "not billhook's words"


def _word(answer: httpx.Response, name: str) -> str:
    """What an answer in JSON says under `name`, or "" where it says nothing of the kind."""
    try:
        return str(answer.json()[name])
    except (ValueError, KeyError, TypeError):
        return ""


def _taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
