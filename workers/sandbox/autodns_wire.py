"""The simulated AutoDNS behind a client: over HTTP, and in process without any wire.

Owns the addresses (/v1/customer…, /v1/account, /v1/invoice…, /v1/poll…) and where a fault is felt in process: the same places, with the
same errors, as workers/providers/http.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from receiver.errors import OutcomeUnknown, Retryable
from workers.providers.http import Answer, Ask
from workers.sandbox.app import BODY_MAX, ControlDesk, felt
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.sender import Sender
from workers.sandbox.transport import LOST, NOT_CONNECTED, basic_credentials

PREFIX = "/v1/"
CONTEXT = "X-Domainrobot-Context"


class AutodnsTransport:
    """Carries Asks to `sandbox`, by the path of their address."""

    def __init__(self, sandbox: AutodnsSandbox) -> None:
        self._sandbox = sandbox

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        """The whole Answer. Raises Retryable before the first byte, OutcomeUnknown after it, as the faults ask."""
        planned = self._sandbox.faults.peek(ask.service)
        if planned is not None and planned.kind in NOT_CONNECTED:
            self._sandbox.faults.take(ask.service)
            raise Retryable(provider=ask.provider, kind=NOT_CONNECTED[planned.kind])
        if before_write is not None:
            before_write()
        login = basic_credentials(ask.headers.get("Authorization", ""))
        path = urlsplit(ask.url).path.partition(PREFIX)[2]
        reply = self._sandbox.handle(ask.method, path, login, ask.headers.get(CONTEXT, ""), ask.body)
        if reply.fault is not None and reply.fault.kind in LOST:
            raise OutcomeUnknown(provider=ask.provider, kind=LOST[reply.fault.kind])
        return Answer(status=reply.status, headers={name.lower(): value for name, value in reply.headers}, body=reply.body)


def create_autodns_app(sandbox: AutodnsSandbox, sender: Sender | None = None) -> Starlette:
    """The ASGI app of one sandbox; with a `sender` it also posts messages while it runs."""
    desk = ControlDesk(sandbox, sender)

    async def provider(request: Request) -> Response:
        body = await request.body()
        if len(body) > BODY_MAX:
            return Response(status_code=413)
        login = basic_credentials(request.headers.get("authorization", ""))
        reply = sandbox.handle(request.method, request.path_params["rest"], login, request.headers.get(CONTEXT, ""), body)
        desk.wake()
        return await felt(reply)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        posting = asyncio.create_task(sender.run()) if sender is not None else None
        yield
        if posting is not None:
            posting.cancel()
            with suppress(asyncio.CancelledError):
                await posting

    return Starlette(routes=[Route("/v1/{rest:path}", provider, methods=["GET", "POST", "PUT"]), *desk.routes()], lifespan=lifespan)
