"""The simulated AutoDNS behind a client: over HTTP, and in process without any wire.

Owns the addresses (/v1/customer…, /v1/account, /v1/invoice…, /v1/poll…) and where a fault is felt in process: the same places, with the
same errors, as workers/providers/http.py.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.providers.http import Answer, Ask
from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.core import SandboxReply
from workers.sandbox.felt import BODY_MAX, felt
from workers.sandbox.transport import basic_credentials, carried

PREFIX = "/v1/"
CONTEXT = "X-Domainrobot-Context"


class AutodnsTransport:
    """Carries Asks to `sandbox`, by the path of their address."""

    def __init__(self, sandbox: AutodnsSandbox) -> None:
        self._sandbox = sandbox

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        """The whole Answer. Raises Retryable before the first byte, OutcomeUnknown after it, as the faults ask."""
        login, path = basic_credentials(ask.headers.get("Authorization", "")), urlsplit(ask.url).path.partition(PREFIX)[2]

        def reply_of() -> SandboxReply:
            return self._sandbox.handle(ask.method, path, login, ask.headers.get(CONTEXT, ""), ask.body)

        return carried(ask, self._sandbox.faults, ask.service, reply_of, before_write)


def autodns_routes(sandbox: AutodnsSandbox, wake: Callable[[], None]) -> list[Route]:
    """The provider's addresses; `wake` is called after each call, for something may be due."""

    async def provider(request: Request) -> Response:
        body = await request.body()
        if len(body) > BODY_MAX:
            return Response(status_code=413)
        login = basic_credentials(request.headers.get("authorization", ""))
        reply = sandbox.handle(request.method, request.path_params["rest"], login, request.headers.get(CONTEXT, ""), body)
        wake()
        return await felt(reply)

    return [Route("/v1/{rest:path}", provider, methods=["GET", "POST", "PUT"])]
