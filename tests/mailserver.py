"""A real SMTP server on this machine for tests: one thread, one connection after the other, with answers and failures by request."""

import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field


@dataclass
class Mailserver:
    """What it took, and how it answers. `answers`: verb -> its whole line in place of the usual one; None: it hangs up instead.

    `silent`: it takes the text and hangs up without an answer. `logins`: what came with AUTH PLAIN.
    `tls`: what it proves itself with, after STARTTLS or, `wrapped`, from the first byte. `secured`: whether each text came through it.
    """

    port: int = 0
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    answers: dict[str, str | None] = field(default_factory=dict)
    silent: bool = False
    logins: list[tuple[str, str]] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    wrapped: bool = False
    secured: list[bool] = field(default_factory=list)


USUAL = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go ahead", "TEXT": "250 taken", "AUTH": "235 ok", "STARTTLS": "220 go ahead"}


@contextmanager
def mailserver(tls: ssl.SSLContext | None = None, *, wrapped: bool = False) -> Iterator[Mailserver]:
    """A server that listens until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    server, over = Mailserver(port=listener.getsockname()[1], tls=tls, wrapped=wrapped), threading.Event()
    thread = threading.Thread(target=_serve, args=(server, listener, over))
    thread.start()
    try:
        yield server
    finally:
        over.set()
        thread.join()
        listener.close()


def _serve(server: Mailserver, listener: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        try:
            wire, _ = listener.accept()
        except TimeoutError:
            continue
        wire.settimeout(10)
        with wire, ExitStack() as opened:
            try:
                _talk(server, wire, opened)
            except OSError:
                continue


def _talk(server: Mailserver, wire: socket.socket, opened: ExitStack) -> None:
    """One connection, from the greeting to the end of the line."""
    if server.wrapped and server.tls is not None:
        wire = opened.enter_context(server.tls.wrap_socket(wire, server_side=True))
    lines, sender, recipient = wire.makefile("rb"), "", ""
    _say(wire, "220 mail.example.org")
    while line := lines.readline().decode().strip():
        verb = line.split(" ")[0].upper()
        answer = server.answers.get(verb, USUAL.get(verb))
        if verb == "EHLO":
            answer = "250-mail.example.org\r\n" + ("250-STARTTLS\r\n" if server.tls else "") + "250 AUTH PLAIN"
        if answer is None:
            return
        _say(wire, answer)
        if verb == "MAIL":
            sender = line.partition("<")[2].partition(">")[0]
        elif verb == "RCPT":
            recipient = line.partition("<")[2].partition(">")[0]
        elif verb == "AUTH":
            _, user, password = b64decode(line.split(" ")[2]).decode().split("\0")
            server.logins.append((user, password))
        elif verb == "STARTTLS" and server.tls is not None:
            wire = opened.enter_context(server.tls.wrap_socket(wire, server_side=True))
            lines = wire.makefile("rb")
        elif verb == "DATA" and answer.startswith("354"):
            text = b"".join(iter(lines.readline, b".\r\n"))
            last = server.answers.get("TEXT", USUAL["TEXT"])
            if last is not None and last.startswith("250"):
                server.taken.append((sender, recipient, text))
                server.secured.append(isinstance(wire, ssl.SSLSocket))
            if server.silent or last is None:
                return
            _say(wire, last)


def _say(wire: socket.socket, text: str) -> None:
    wire.sendall(f"{text}\r\n".encode())
