"""How much a request may bring: its body is read to the end, up to a limit and within a time, before anything looks at it."""

import asyncio
import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.console.web.headers import HEADERS

BODY_MAX = 65_536
BODY_S = 10.0
_CHARSET = re.compile(rb'charset(?:="?([^";\s]*))?')


class Body:
    """Answers 413 where a body is larger than BODY_MAX bytes, whatever its length header says, 408 where it is too slow, 415 in a charset
    that is not UTF-8."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        if not _is_utf8(scope):
            await PlainTextResponse("A form of the console is written in UTF-8.", 415, HEADERS)(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_S):
                body = await _read(receive)
        except TimeoutError:
            await PlainTextResponse("The request did not arrive in time.", 408, HEADERS)(scope, receive, send)
            return
        if body is None:
            await PlainTextResponse(f"A form of the console has at most {BODY_MAX} bytes.", 413, HEADERS)(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), send)


def _is_utf8(scope: Scope) -> bool:
    """Whether a form is in UTF-8, as browsers send it; some of Python's other charsets make what is no text."""
    said = [charset for name, value in scope["headers"] if name == b"content-type" for charset in _CHARSET.findall(value.lower())]
    return set(said) <= {b"utf-8"}


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None where it is too large; "" where the sender went away."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_MAX:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives the body once, then what the server has to tell."""
    left = [body]

    async def give() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return give
