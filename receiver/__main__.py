"""`python -m receiver`: the exposed process. Exit 2 where the settings or the address cannot be used.

Reads BILLHOOK_CONFIG and the rest of receiver/environment.py; loads no worker code. Waits, answering 503, for a schema that is ours.
"""

import gc
import socket
import sys

import uvicorn

from receiver.app import Receiver
from receiver.errors import SettingsInvalid
from receiver.log import configure, get_logger
from receiver.server import PatientProtocol
from receiver.settings import ReceiverSettings, Settings, load_settings

log = get_logger("receiver")


def server(app: Receiver, limits: ReceiverSettings) -> uvicorn.Server:
    """A uvicorn for `app`: httptools and uvloop, no access log (a path may hold a secret)."""
    protocol = type("Protocol", (PatientProtocol,), {"headers_s": limits.receive_timeout_s})
    return uvicorn.Server(
        uvicorn.Config(
            app, http=protocol, loop="uvloop", ws="none", lifespan="on", access_log=False, log_config=None, server_header=False,
            date_header=False, proxy_headers=True, forwarded_allow_ips=limits.forwarded_allow_ips, timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
        )
    )  # fmt: skip


def listen(limits: ReceiverSettings) -> socket.socket:
    """A bound socket; raises SettingsInvalid where the address is taken or not ours."""
    try:
        family = socket.AF_INET6 if ":" in limits.host else socket.AF_INET
        return socket.create_server((limits.host, limits.port), family=family, backlog=2048)
    except OSError as error:
        where = f"{limits.host}:{limits.port}"
        raise SettingsInvalid(f"cannot listen on {where}: set billhook.receiver.host and port, or BILLHOOK_PORT") from error


def run(settings: Settings) -> None:
    """Serve until told to stop."""
    app, listening = Receiver(settings), listen(settings.receiver)
    host, port = listening.getsockname()[:2]
    log.info("the door listens", address=f"http://{host}:{port}", sources=len(settings.sources))
    gc.freeze()
    server(app, settings.receiver).run(sockets=[listening])


def main() -> int:
    try:
        settings = load_settings()
        configure(settings.log_level, settings.log_format)
        run(settings)
    except SettingsInvalid as error:
        print(f"billhook receiver: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
