"""Runs one sandbox: `python -m workers.sandbox --port 8090 --receiver http://127.0.0.1:8080`.

Owns the options and where the secrets come from: the very variables and files of the source it stands for, so that door and
sandbox agree without being told twice. `billhook sandbox` calls `run`.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette

from receiver.errors import SettingsInvalid
from receiver.settings import read_secret
from workers.sandbox.app import create_app
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.autodns_wire import create_autodns_app
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.qvickly_core import QvicklySandbox
from workers.sandbox.qvickly_wire import create_qvickly_app
from workers.sandbox.sender import ScaledClock, Sender, Target


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything a running sandbox needs to know. `target` None: notifications are made and wait."""

    host: str = "127.0.0.1"
    port: int = 8090
    kind: str = "monsum"
    zone: str = "Europe/Berlin"
    user: str = ""
    key: str = field(default="", repr=False)
    target: Target | None = None
    scale: float = 1.0
    einvoice: bool = False
    ids_after: int = 0


def setup(
    *,
    source: str = "sandbox",
    receiver: str | None = None,
    notify_url: str | None = None,
    secrets_dir: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    host: str = "127.0.0.1",
    port: int = 8090,
    kind: str = "monsum",
    zone: str = "Europe/Berlin",
    scale: float = 1.0,
    einvoice: bool = False,
    ids_after: int = 0,
) -> Setup:
    """The sandbox of `source`: its API credentials and its door's secret read where the source's own are.

    `ids_after` moves every counter on: a sandbox forgets its objects when it ends, and must not use their ids again.
    `receiver` is billhook's base URL, `notify_url` any other address. Raises SettingsInvalid naming a missing secret.
    """
    name = source.upper().replace("-", "_")
    user = read_secret(f"BILLHOOK_API_{name}_USER", environ, secrets_dir)
    key = read_secret(f"BILLHOOK_API_{name}_KEY", environ, secrets_dir)
    if not user or not key:
        raise SettingsInvalid(
            f"BILLHOOK_API_{name}_USER and BILLHOOK_API_{name}_KEY must be set: the sandbox asks for them as the provider does"
        )
    url = notify_url or (f"{receiver.rstrip('/')}/webhooks/{source}" if receiver else None)
    target = _target(url, name, environ, secrets_dir) if url else None
    return Setup(
        host=host, port=port, kind=kind, zone=zone, user=user, key=key, target=target, scale=scale, einvoice=einvoice, ids_after=ids_after
    )


def _target(url: str, name: str, environ: Mapping[str, str], secrets_dir: Path | None) -> Target:
    """Basic where the door has a user, else the first live path secret at the end of the address."""
    user = read_secret(f"BILLHOOK_DOOR_{name}_USER", environ, secrets_dir)
    password = read_secret(f"BILLHOOK_DOOR_{name}_PASSWORD", environ, secrets_dir)
    if user and password:
        return Target(url=url, user=user, password=_first(password))
    path = read_secret(f"BILLHOOK_DOOR_{name}_PATH", environ, secrets_dir)
    return Target(url=f"{url}/{quote(_first(path), safe='')}") if path else Target(url=url)


def _first(secret: str) -> str:
    return secret.replace(",", " ").split()[0]


def greeting(chosen: Setup) -> str:
    """Where everything is; without the secret at the end of the notifications' address."""
    here = f"http://{f'[{chosen.host}]' if ':' in chosen.host else chosen.host}:{chosen.port}"
    goes = "wait: start it with --receiver URL to have them sent" if chosen.target is None else "are sent to billhook's door"
    api = {"qvickly": "/qvickly", "autodns": "/v1"}.get(chosen.kind, "/api/1.0/api.php")
    return (
        f"The sandbox ({chosen.kind}) listens at {here}; Ctrl-C stops it, and it forgets.\n"
        f"  API (base_url): {here}{api}\n"
        f"  faults: POST {here}/_sandbox/faults, see docs/practice.md\n"
        f"  its notifications {goes}\n"
    )


def run(chosen: Setup) -> None:
    """Serve until interrupted."""
    served = served_app(chosen, ScaledClock(chosen.scale))
    sys.stdout.write(greeting(chosen))
    sys.stdout.flush()
    uvicorn.run(served, host=chosen.host, port=chosen.port, log_level="warning", access_log=False)


def served_app(chosen: Setup, clock: ScaledClock) -> Starlette:
    """The ASGI app of the chosen kind; it sends notifications where there is a target."""
    if chosen.kind == "qvickly":
        merchant = _qvickly(chosen, clock)
        return create_qvickly_app(merchant, _sender(merchant, chosen))
    if chosen.kind == "autodns":
        user = _autodns(chosen, clock)
        return create_autodns_app(user, _sender(user, chosen))
    account = _monsum(chosen, clock)
    return create_app(account, _sender(account, chosen))


def _sender(sandbox: MonsumSandbox | QvicklySandbox | AutodnsSandbox, chosen: Setup) -> Sender | None:
    return Sender(sandbox, chosen.target, scale=chosen.scale) if chosen.target is not None else None


def _monsum(chosen: Setup, clock: ScaledClock) -> MonsumSandbox:
    public_url = f"http://{chosen.host}:{chosen.port}"
    sandbox = MonsumSandbox(
        chosen.kind,
        user=chosen.user,
        key=chosen.key,
        zone=chosen.zone,
        clock=clock,
        public_url=public_url,
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
    """Messages are pushed where there is an address, and polled otherwise."""
    style = "json" if chosen.target is not None else "poll"
    user = AutodnsSandbox(user=chosen.user, key=chosen.key, zone=chosen.zone, clock=clock, style=style)
    user.account.ids.update({name: count + chosen.ids_after for name, count in user.account.ids.items()})
    return user


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 2 where the options or secrets cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m workers.sandbox", description="A simulated Monsum, FastBill, Qvickly or AutoDNS account."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--kind", choices=("monsum", "fastbill", "qvickly", "autodns"), default="monsum")
    parser.add_argument("--source", default="sandbox", help="whose secrets to use: BILLHOOK_API_<SOURCE>_*, BILLHOOK_DOOR_<SOURCE>_*")
    parser.add_argument("--zone", default="Europe/Berlin")
    parser.add_argument("--receiver", help="billhook's base URL; notifications go to its /webhooks/<source>")
    parser.add_argument("--notify-url", help="any other address for notifications")
    parser.add_argument("--secrets-dir", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="how much faster than the wall its clock runs")
    parser.add_argument("--ids-after", type=int, default=0, help="how far to move every id on: another run used the first ones")
    parser.add_argument("--einvoice", action="store_true", help="embed an e-invoice in every document")
    try:
        run(setup(**vars(parser.parse_args(arguments))))
    except SettingsInvalid as wrong:
        print(wrong, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
