"""One HTTPS call to a provider: whole-call deadline, bounded reply, and an honest word on whether anything was asked.

Owns sockets, TLS and HTTP/1.1 for every provider client and for the sandbox's notifications. It never retries, never follows a
redirect, never reuses a connection. Before the first byte every failure is Retryable; after it every failure is OutcomeUnknown.
Errors hold a kind and a provider's name: no credentials, no body, no address.
"""

import base64
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol
from urllib.parse import urlsplit

import h11

from receiver.errors import OutcomeUnknown, Retryable, SettingsInvalid

FIRST_BYTE_S = 5.0
TOTAL_S = 20.0
REPLY_MAX = 16 * 1024 * 1024
_HEADERS_MAX = 64 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


def boot_clock() -> float:
    """Seconds since boot, counting sleep: a laptop that slept past a deadline has passed it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@cache
def trust() -> ssl.SSLContext:
    """TLS with the certificates this machine trusts, for every client; reading them takes tens of milliseconds."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `headers` may hold credentials: an Ask is never logged. `service` names what is asked, where the body does not."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    provider: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One whole reply; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class Transport(Protocol):
    """Sends one Ask and returns the whole Answer, or raises Retryable (nothing was asked) or OutcomeUnknown."""

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer: ...


@dataclass(frozen=True, kw_only=True)
class Metered:
    """A transport that calls take() before each request; what that raises, it raises, and nothing is sent."""

    transport: Transport
    take: Callable[[], None]

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        self.take()
        return self.transport.send(ask, before_write=before_write, started=started)


def basic_auth(user: str, password: str) -> str:
    """The value of an Authorization header for HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def is_loopback(url: str) -> bool:
    """The URL's host is this machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def require_safe_url(url: str, setting: str) -> None:
    """Raises SettingsInvalid unless `url` is https, or http on this machine: credentials go along with every call."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and is_loopback(url):
        return
    raise SettingsInvalid(f"{setting} must be an https URL (http only on this machine): calls carry your API key")


class HttpTransport:
    """The real wire. `total_s` bounds the whole call and `first_byte_s` its beginning, both counted from `started`."""

    def __init__(
        self,
        *,
        first_byte_s: float = FIRST_BYTE_S,
        total_s: float = TOTAL_S,
        reply_max: int = REPLY_MAX,
        clock: Callable[[], float] = boot_clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._first_byte_s, self._total_s, self._reply_max, self._clock = first_byte_s, total_s, reply_max, clock
        self._tls = tls or trust()

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        """The whole Answer. Raises Retryable before the first byte, OutcomeUnknown after it."""
        begun = self._clock() if started is None else started
        try:
            connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADERS_MAX)
            request = _request_bytes(connection, ask)
        except h11.LocalProtocolError:
            raise Retryable(provider=ask.provider, kind="request") from None
        sock = self._connect(ask, begun + self._first_byte_s)
        try:
            if before_write is not None:
                before_write()
            if self._clock() > begun + self._first_byte_s:
                raise Retryable(provider=ask.provider, kind="late")
            return self._exchange(ask, connection, request, sock, begun + self._total_s)
        finally:
            sock.close()

    def _connect(self, ask: Ask, until: float) -> socket.socket:
        parts = urlsplit(ask.url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            sock = self._open(self._resolve(host, port, until), until)
        except OSError as cause:
            raise Retryable(provider=ask.provider, kind=_kind(cause, "connect")) from cause
        if parts.scheme != "https":
            return sock
        try:
            sock.settimeout(self._left(until))
            return self._tls.wrap_socket(sock, server_hostname=host)
        except (OSError, ValueError) as cause:
            sock.close()
            raise Retryable(provider=ask.provider, kind="tls") from cause

    def _resolve(self, host: str, port: int, until: float) -> list[Address]:
        # getaddrinfo takes no timeout: it runs in a thread that may outlive its use.
        found: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

        def look() -> None:
            try:
                rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                found.put([(row[0], row[4]) for row in rows])  # type: ignore[misc]
            except (OSError, UnicodeError) as cause:
                found.put(cause if isinstance(cause, OSError) else OSError("name"))

        threading.Thread(target=look, name="resolve", daemon=True).start()
        try:
            result = found.get(timeout=self._left(until))
        except queue.Empty:
            raise TimeoutError("name") from None
        if isinstance(result, OSError):
            raise result
        return result

    def _open(self, addresses: list[Address], until: float) -> socket.socket:
        failure: OSError = OSError("no address")
        for family, address in addresses:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(self._left(until))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
            except OSError as cause:
                sock.close()
                failure = cause
        raise failure

    def _exchange(self, ask: Ask, connection: h11.Connection, request: bytes, sock: socket.socket, until: float) -> Answer:
        waiting = memoryview(request)
        try:
            while waiting:
                sock.settimeout(self._left(until))
                waiting = waiting[sock.send(waiting) :]
            return self._receive(connection, sock, until)
        except (OSError, h11.ProtocolError) as cause:
            raise OutcomeUnknown(provider=ask.provider, kind=_kind(cause, "reset")) from cause

    def _receive(self, connection: h11.Connection, sock: socket.socket, until: float) -> Answer:
        head: h11.Response | None = None
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                # A timeout is per read; what is left of the whole call is what this read may take.
                sock.settimeout(self._left(until))
                connection.receive_data(sock.recv(65536))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._reply_max:
                    raise OSError("reply too large")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
                return Answer(status=head.status_code, headers=headers, body=bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("closed")

    def _left(self, until: float) -> float:
        left = until - self._clock()
        if left <= 0:
            raise TimeoutError("deadline")
        return left


def _request_bytes(connection: h11.Connection, ask: Ask) -> bytes:
    parts = urlsplit(ask.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": "billhook",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Length": str(len(ask.body)),
    }
    request = h11.Request(method=ask.method, target=target, headers=list((headers | dict(ask.headers)).items()))
    sent = [connection.send(request), connection.send(h11.Data(data=ask.body)), connection.send(h11.EndOfMessage())]
    return b"".join(part or b"" for part in sent)


def _kind(cause: BaseException, otherwise: str) -> str:
    if isinstance(cause, socket.gaierror):
        return "dns"
    if isinstance(cause, TimeoutError):
        return "timeout"
    return "protocol" if isinstance(cause, h11.ProtocolError) else otherwise
