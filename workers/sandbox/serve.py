"""The process of `billhook sandbox`: a simulated provider for each of its sources, one clock, one control desk.

Owns where the secrets come from (the very variables and files of the source each stands for, so that door and sandbox agree without
being told twice) and the sockets. Holds nothing when it ends.
"""

import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import uvicorn

from receiver.errors import SettingsInvalid
from receiver.settings import read_secret
from workers.sandbox.app import create_app
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.desk import Simulated
from workers.sandbox.places import PATHS, Place, place_of, sandboxes, servable
from workers.sandbox.qvickly_core import QvicklySandbox
from workers.sandbox.sender import Sandbox, ScaledClock, Sender, Target
from workers.settings import WorkerSettings

UNMARKED = 8090  # where the sandbox of a source listens whose base_url leads elsewhere


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything one source's sandbox needs to know. `target` None: notifications are made and wait.

    `ids_after` moves every counter on: a sandbox forgets its objects when it ends, and must not use their ids again.
    """

    source: str
    place: Place
    kind: str
    zone: str
    user: str
    key: str = field(repr=False)
    target: Target | None = None
    context: int = 4
    polled: bool = False
    einvoice: bool = False
    ids_after: int = 0


def setups(
    chosen: WorkerSettings,
    source: str | None = None,
    *,
    port: int | None = None,
    receiver: str | None = None,
    einvoice: bool = False,
    ids_after: int = 0,
    environ: Mapping[str, str] = os.environ,
) -> list[Setup]:
    """The sandboxes of every source marked as one, or of `source` alone, marked or not; `receiver` is billhook's base URL.

    Raises SettingsInvalid naming the setting or secret that is missing or wrong.
    """
    found = places(chosen, source, port)
    made = []
    for name, place in found.items():
        said, api = chosen.settings.sources[name], chosen.apis[name]
        user, key = login(name, environ, chosen.settings.secrets_dir)
        target = target_of(name, receiver, environ, chosen.settings.secrets_dir) if receiver else None
        made.append(
            Setup(
                source=name, place=place, kind=said.kind, zone=said.zone, user=user, key=key, target=target, context=api.context,
                polled=api.poll, einvoice=einvoice, ids_after=ids_after,
            )
        )  # fmt: skip
    return made


def places(chosen: WorkerSettings, source: str | None, port: int | None) -> dict[str, Place]:
    """Where each sandbox is to listen. Raises SettingsInvalid."""
    marked = list(sandboxes(chosen))
    names = [chosen.settings.source(source).name] if source else marked
    if not names:
        raise SettingsInvalid("no source has sandbox = true: write it under [source.NAME.api], or name one with --source")
    if port is not None and len(names) > 1:
        raise SettingsInvalid(f"--port is for one source: add --source NAME, one of {', '.join(names)}")
    if chosen.settings.sources[names[0]].kind not in PATHS:
        raise SettingsInvalid(f"there is no sandbox of kind {chosen.settings.sources[names[0]].kind}: sign its events yourself")
    if port is not None or names[0] not in marked:
        return {names[0]: place_of(f"http://127.0.0.1:{port or UNMARKED}")}
    return servable(chosen, names)


def login(source: str, environ: Mapping[str, str], secrets_dir: Path | None) -> tuple[str, str]:
    """User and key that the sandbox asks for: the source's own. Raises SettingsInvalid naming what is missing."""
    name = source.upper().replace("-", "_")
    user = read_secret(f"BILLHOOK_API_{name}_USER", environ, secrets_dir)
    key = read_secret(f"BILLHOOK_API_{name}_KEY", environ, secrets_dir)
    if not user or not key:
        raise SettingsInvalid(
            f"BILLHOOK_API_{name}_USER and BILLHOOK_API_{name}_KEY must be set: the sandbox asks for them as the provider does"
        )
    return user, key


def target_of(source: str, receiver: str, environ: Mapping[str, str], secrets_dir: Path | None) -> Target:
    """The source's own webhook URL: Basic where its door has a user, else the first live path secret at the end of the address."""
    url, name = f"{receiver.rstrip('/')}/webhooks/{source}", source.upper().replace("-", "_")
    user = read_secret(f"BILLHOOK_DOOR_{name}_USER", environ, secrets_dir)
    password = read_secret(f"BILLHOOK_DOOR_{name}_PASSWORD", environ, secrets_dir)
    if user and password:
        return Target(url=url, user=user, password=_first(password))
    path = read_secret(f"BILLHOOK_DOOR_{name}_PATH", environ, secrets_dir)
    return Target(url=f"{url}/{quote(_first(path), safe='')}") if path else Target(url=url)


def _first(secret: str) -> str:
    return secret.replace(",", " ").split()[0]


def greeting(chosen: Sequence[Setup]) -> str:
    """Where everything is; without the secret at the end of the notifications' addresses."""
    lines = [f"  {one.source} ({one.kind}): {one.place.url}{PATHS[one.kind]}" for one in chosen]
    goes = "wait: start it with --receiver URL to have them sent" if chosen[0].target is None else "are sent to billhook's door"
    return "\n".join(
        [
            "The sandbox listens; Ctrl-C stops it, and it forgets. API (base_url) of each source:",
            *lines,
            f"  control: {chosen[0].place.url}/_sandbox/, or `billhook provoke`: see docs/practice.md",
            f"  notifications {goes}",
            "",
        ]
    )


def run(chosen: Sequence[Setup], scale: float = 1.0) -> None:
    """Serve until interrupted. Raises SettingsInvalid for a port that is taken."""
    try:
        clock = ScaledClock(scale)
    except ValueError as wrong:
        raise SettingsInvalid(f"--scale {scale:g} cannot be used: {wrong}") from wrong
    sockets = listening(chosen)
    sys.stdout.write(greeting(chosen))
    sys.stdout.flush()
    served = create_app([simulated(one, clock) for one in chosen], clock)
    uvicorn.Server(uvicorn.Config(served, log_level="warning", access_log=False)).run(sockets=sockets)


def listening(chosen: Sequence[Setup]) -> list[socket.socket]:
    """A socket for each address, which sources may share. Raises SettingsInvalid naming the setting to change."""
    found: dict[tuple[str, int], socket.socket] = {}
    for one in chosen:
        host, port = one.place.address
        if (host, port) in found:
            continue
        try:
            found[host, port] = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            for opened in found.values():
                opened.close()
            raise SettingsInvalid(
                f"cannot listen on {host}:{port} ({error.strerror}): free it, or change source.{one.source}.api.base_url (or --port)"
            ) from error
    return list(found.values())


def simulated(chosen: Setup, clock: ScaledClock) -> Simulated:
    """The simulated provider of one source; it sends notifications where there is a target."""
    makers: dict[str, Callable[[Setup, ScaledClock], Sandbox]] = {"qvickly": _qvickly, "autodns": _autodns}
    made = makers.get(chosen.kind, _monsum)(chosen, clock)
    sender = Sender(made, chosen.target, clock) if chosen.target is not None else None
    return Simulated(source=chosen.source, sandbox=made, sender=sender, address=chosen.place.address)


def _monsum(chosen: Setup, clock: ScaledClock) -> MonsumSandbox:
    sandbox = MonsumSandbox(
        chosen.kind,
        user=chosen.user,
        key=chosen.key,
        zone=chosen.zone,
        clock=clock,
        public_url=chosen.place.url,
        einvoice=chosen.einvoice,
    )
    for counters in (sandbox.account.ids, sandbox.account.notices):
        counters.update({name: count + chosen.ids_after for name, count in counters.items()})
    return sandbox


def _qvickly(chosen: Setup, clock: ScaledClock) -> QvicklySandbox:
    merchant = QvicklySandbox(user=chosen.user, key=chosen.key, zone=chosen.zone, clock=clock)
    merchant.account.ids.update({name: count + chosen.ids_after for name, count in merchant.account.ids.items()})
    return merchant


def _autodns(chosen: Setup, clock: ScaledClock) -> AutodnsSandbox:
    """Messages are pushed where there is an address and the source does not poll."""
    style = "json" if chosen.target is not None and not chosen.polled else "poll"
    user = AutodnsSandbox(user=chosen.user, key=chosen.key, context=chosen.context, zone=chosen.zone, clock=clock, style=style)
    user.account.ids.update({name: count + chosen.ids_after for name, count in user.account.ids.items()})
    return user
