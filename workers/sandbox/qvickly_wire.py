"""The simulated Qvickly behind a client: over HTTP, and in process without any wire.

Owns the addresses (POST /qvickly, /portal/customers…, POST /auth/login) and where a fault is felt in process: the same places, with the
same errors, as workers/providers/http.py.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workers.providers.http import Answer, Ask
from workers.sandbox.core import SandboxReply
from workers.sandbox.felt import BODY_MAX, felt
from workers.sandbox.qvickly_core import QvicklySandbox
from workers.sandbox.transport import carried

METHODS = ["GET", "POST", "PATCH", "DELETE"]


class QvicklyTransport:
    """Carries Asks to `sandbox`, by the path of their address."""

    def __init__(self, sandbox: QvicklySandbox) -> None:
        self._sandbox = sandbox

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        """The whole Answer. Raises Retryable before the first byte, OutcomeUnknown after it, as the faults ask."""
        parts, token = urlsplit(ask.url), ask.headers.get("Authorization", "").removeprefix("Bearer ")

        def reply_of() -> SandboxReply:
            return answer(self._sandbox, ask.method, parts.path, parts.query, token, ask.body)

        return carried(ask, self._sandbox.faults, ask.service, reply_of, before_write)


def answer(sandbox: QvicklySandbox, method: str, path: str, query: str, token: str, body: bytes) -> SandboxReply:
    """What the provider answers at this path."""
    _, _, rest = path.partition("/portal/")
    if rest.strip("/").split("/")[0] in ("customers", "merchant"):
        return sandbox.portal_api(method, rest.strip("/"), query, token, body)
    if path.rstrip("/").endswith("/auth/login") and method == "POST":
        return sandbox.log_in(body)
    if method == "POST" and path.rstrip("/").endswith("/qvickly"):
        return sandbox.payment_api(body)
    return SandboxReply(status=404, body=b"{}")


def qvickly_routes(sandbox: QvicklySandbox, wake: Callable[[], None]) -> list[Route]:
    """The provider's addresses; `wake` is called after each call, for something may be due."""

    async def provider(request: Request) -> Response:
        body = await request.body()
        if len(body) > BODY_MAX:
            return Response(status_code=413)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        reply = answer(sandbox, request.method, request.url.path, request.url.query, token, body)
        wake()
        return await felt(reply)

    served = [Route("/qvickly", provider, methods=["POST"]), Route("/auth/login", provider, methods=["POST"])]
    return [*served, Route("/portal/{rest:path}", provider, methods=METHODS)]
