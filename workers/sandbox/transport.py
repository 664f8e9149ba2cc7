"""A wire without a wire: a client's calls go straight into a sandbox, in process.

Owns where a fault is felt: the same places, with the same errors, as workers/providers/http.py. For the test kit and `simulate`.
"""

import base64
import binascii
from collections.abc import Callable
from urllib.parse import urlsplit

from receiver.errors import OutcomeUnknown, Retryable
from workers.providers.http import Answer, Ask
from workers.sandbox.core import MonsumSandbox, SandboxReply
from workers.sandbox.faults import Faults

NOT_CONNECTED = {"refuse": "connect", "dns": "dns", "tls": "tls"}
LOST = {"drop": "reset", "late": "reset", "slow": "timeout", "drip": "timeout", "truncate": "protocol"}


class LocalTransport:
    """Carries Asks to `sandbox`. Documents are served too."""

    def __init__(self, sandbox: MonsumSandbox) -> None:
        self._sandbox = sandbox

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        """The whole Answer. Raises Retryable before the first byte, OutcomeUnknown after it, as the faults ask."""
        if ask.method == "GET":
            return self._document(ask)
        login = basic_credentials(ask.headers.get("Authorization", ""))
        return carried(ask, self._sandbox.faults, _service(ask), lambda: self._sandbox.handle(ask.body, login), before_write)

    def _document(self, ask: Ask) -> Answer:
        name = urlsplit(ask.url).path.rpartition("/")[2]
        body = self._sandbox.document(name.removesuffix(".pdf"))
        return Answer(status=404) if body is None else Answer(status=200, headers={"content-type": "application/pdf"}, body=body)


def carried(
    ask: Ask, faults: Faults, service: str, reply_of: Callable[[], SandboxReply], before_write: Callable[[], None] | None
) -> Answer:
    """The whole Answer of a sandbox to one Ask. Raises Retryable before the first byte, OutcomeUnknown after it, as the faults ask."""
    planned = faults.peek(service)
    if planned is not None and planned.kind in NOT_CONNECTED:
        faults.take(service)
        raise Retryable(provider=ask.provider, kind=NOT_CONNECTED[planned.kind])
    if before_write is not None:
        before_write()
    reply = reply_of()
    if reply.fault is not None and reply.fault.kind in LOST:
        raise OutcomeUnknown(provider=ask.provider, kind=LOST[reply.fault.kind])
    headers = {"content-type": reply.content_type} | {name.lower(): value for name, value in reply.headers}
    return Answer(status=reply.status, headers=headers, body=reply.body)


def basic_credentials(header: str) -> tuple[str, str] | None:
    """User and password of an Authorization header, or None."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def _service(ask: Ask) -> str:
    """Only to look a fault up: the sandbox parses the body itself."""
    marker = b'"SERVICE":"'
    start = ask.body.find(marker)
    return ask.body[start + len(marker) :].split(b'"', 1)[0].decode("ascii", "replace") if start >= 0 else ""
