"""A sandbox's answer on the wire, with its fault made real: lost, late, in halves. Called by the routes of each kind."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from workers.sandbox.core import SandboxReply

BODY_MAX = 1024 * 1024
DROPPED = ("drop", "late", "truncate", "refuse", "dns", "tls")


class BrokenOff(Response):
    """An answer that ends before its length: the server closes the connection, the caller knows nothing."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.headers["content-length"] = str(len(body) + 1000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if self.body:
            await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})


async def felt(reply: SandboxReply) -> Response:
    """The reply with its fault made real on this wire. A connection that is already open cannot be refused: it is broken off."""
    fault = reply.fault
    if fault is not None and fault.kind in DROPPED:
        return BrokenOff(reply.body[: len(reply.body) // 2] if fault.kind == "truncate" else b"")
    if fault is not None and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault is not None and fault.kind == "drip":
        headers = {"content-length": str(len(reply.body)), "content-type": reply.content_type}
        return StreamingResponse(_drops(reply.body, fault.seconds), headers=headers)
    return Response(reply.body, status_code=reply.status, media_type=reply.content_type, headers=dict(reply.headers))


async def _drops(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    for at in range(len(body)):
        await asyncio.sleep(seconds / max(1, len(body)))
        yield body[at : at + 1]
