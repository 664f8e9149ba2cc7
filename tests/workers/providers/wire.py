"""A real socket on this machine that behaves as one test says: it answers, drips, breaks off or stays silent."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket, threading.Event], None]


class Peer:
    """Listens on a free port; `requests` are the raw bytes of each call it read to the end."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/1.0/api.php"
        self.requests: list[bytes] = []
        self.connected = 0
        self.accepted = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connected += 1
            self.accepted.set()
            with connection, suppress(OSError):
                request = read_request(connection)
                if request:
                    self.requests.append(request)
                    self._behave(connection, self._stop)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@contextmanager
def peer(behave: Behaviour) -> Iterator[Peer]:
    """A Peer for one test."""
    running = Peer(behave)
    running.start()
    try:
        yield running
    finally:
        running.close()


def read_request(connection: socket.socket) -> bytes:
    """Head and body of one request, or what came before the other side closed."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        part = connection.recv(65536)
        if not part:
            return raw
        raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0:
        part = connection.recv(65536)
        if not part:
            break
        body, missing = body + part, missing - len(part)
    return head + b"\r\n\r\n" + body


def answers(status: int, body: bytes, *headers: str) -> Behaviour:
    """A whole reply."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        head = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    return behave


def drips(body: bytes) -> Behaviour:
    """A byte every 30 ms, for ever: no single read takes long."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.03):
            connection.sendall(body[:1])

    return behave


def silent(connection: socket.socket, stop: threading.Event) -> None:
    """Reads and says nothing."""
    stop.wait(10)


def hangs_up(connection: socket.socket, stop: threading.Event) -> None:
    """Reads and closes."""


def breaks_off(connection: socket.socket, stop: threading.Event) -> None:
    """Half a reply, then the end."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"RESPONSE":')


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])
