"""The sandbox on HTTP: the provider's API, its documents, and a control desk on this machine only.

Owns routes and how faults are felt on the wire. POST /api/1.0/api.php speaks like the provider; /_sandbox/ takes triggers, seeds and
faults as JSON from loopback addresses. Called by `billhook sandbox` and by tests.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.core import MonsumSandbox, SandboxReply
from workers.sandbox.qvickly_core import QvicklySandbox
from workers.sandbox.sender import Sender
from workers.sandbox.transport import basic_credentials

BODY_MAX = 1024 * 1024
LOOPBACK = ("127.0.0.1", "::1", "testclient")
DROPPED = ("drop", "late", "truncate", "refuse", "dns", "tls")
XML_ERROR = {
    "REQUEST": {"SERVICE": ""},
    "RESPONSE": {"ERRORS": ["billhook's sandbox speaks JSON only: send Content-Type application/json"]},
}
Handler = Callable[[Request], Awaitable[Response]]


class BrokenOff(Response):
    """An answer that ends before its length: the server closes the connection, the caller knows nothing."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.headers["content-length"] = str(len(body) + 1000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if self.body:
            await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})


def create_app(sandbox: MonsumSandbox, sender: Sender | None = None) -> Starlette:
    """The ASGI app of one sandbox; with a `sender` it also posts notifications while it runs."""
    desk = ControlDesk(sandbox, sender)

    async def api(request: Request) -> Response:
        if "json" not in request.headers.get("content-type", "application/json").lower():
            return JSONResponse(XML_ERROR, status_code=415)
        body = await request.body()
        if len(body) > BODY_MAX:
            return Response(status_code=413)
        reply = sandbox.handle(body, basic_credentials(request.headers.get("authorization", "")))
        desk.wake()
        return await felt(reply)

    async def document(request: Request) -> Response:
        body = sandbox.document(request.path_params["name"].removesuffix(".pdf"))
        return Response(status_code=404) if body is None else Response(body, media_type="application/pdf")

    routes = [
        Route("/api/1.0/api.php", api, methods=["POST"]),
        Route("/documents/{name}", document, methods=["GET"]),
        *desk.routes(),
    ]
    return Starlette(routes=routes, lifespan=posting(sender))


def posting(sender: Sender | None) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """The lifespan of a sandbox's app: a `sender` posts while it runs."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(sender.run()) if sender is not None else None
        yield
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return lifespan


class ControlDesk:
    """/_sandbox/: what tests, `billhook trigger` and authors use to make things happen."""

    def __init__(self, sandbox: MonsumSandbox | QvicklySandbox | AutodnsSandbox, sender: Sender | None) -> None:
        self._sandbox, self._sender = sandbox, sender

    def routes(self) -> list[Route]:
        posts: dict[str, Handler] = {"trigger": self.trigger, "seed": self.seed, "faults": self.faults, "delivery": self.delivery}
        gets: dict[str, Handler] = {"health": self.health, "calls": self.calls, "sent": self.sent, "notifications": self.notifications}
        made = [Route(f"/_sandbox/{name}", self._guarded(run), methods=["POST"]) for name, run in posts.items()]
        return made + [Route(f"/_sandbox/{name}", self._guarded(run), methods=["GET"]) for name, run in gets.items()]

    def wake(self) -> None:
        """Something may be due."""
        if self._sender is not None:
            self._sender.wake.set()

    async def trigger(self, request: Request) -> Response:
        """{"kind": "invoice.completed", "overrides": {"total": "119.00"}, "count": 1} → the ids of what was touched."""
        said = await _json(request)
        overrides = {str(name): str(value) for name, value in dict(said.get("overrides") or {}).items()}
        made = [self._sandbox.trigger(str(said.get("kind")), overrides) for _ in range(min(10_000, int(said.get("count", 1))))]
        return JSONResponse({"made": made})

    async def seed(self, request: Request) -> Response:
        """The very bytes of a recorded notification → the ids of the objects made from it. Nothing is sent."""
        return JSONResponse({"made": [self._sandbox.seed(await request.body())]})

    async def faults(self, request: Request) -> Response:
        """{"kind": "drop", "service": "invoice.sendbyemail", "times": 1, "skip": 0, "seconds": 30} or {"clear": true}."""
        said = await _json(request)
        if said.get("clear"):
            self._sandbox.faults.clear()
        else:
            named = {name: said[name] for name in ("service", "times", "skip", "seconds") if name in said}
            self._sandbox.faults.add(str(said.get("kind")), **named)
        return JSONResponse({"planned": len(self._sandbox.faults.planned)})

    async def delivery(self, request: Request) -> Response:
        """{"copies": 2, "disorder": true, "lose": 1, "delay_s": 0}: what happens to notifications from now on."""
        said = await _json(request)
        outbox = self._sandbox.outbox
        outbox.copies, outbox.lose = int(said.get("copies", outbox.copies)), int(said.get("lose", outbox.lose))
        outbox.disorder, outbox.delay_s = bool(said.get("disorder", outbox.disorder)), float(said.get("delay_s", outbox.delay_s))
        return JSONResponse({"copies": outbox.copies, "lose": outbox.lose, "disorder": outbox.disorder, "delay_s": outbox.delay_s})

    async def health(self, request: Request) -> Response:
        return JSONResponse({"kind": self._sandbox.kind, "now": self._sandbox.clock().isoformat()})

    async def calls(self, request: Request) -> Response:
        """Every API call, oldest first, without its data."""
        rows = [
            {"at": call.at.isoformat(), "service": call.service, "acted": call.acted, "status": call.status} for call in self._sandbox.calls
        ]
        return JSONResponse({"calls": rows})

    async def sent(self, request: Request) -> Response:
        """Every mail and letter that went out."""
        return JSONResponse({"sent": self._sandbox.sent})

    async def notifications(self, request: Request) -> Response:
        """Every notification with its attempts."""
        rows = [
            {"type": letter.notification.type, "id": letter.notification.id, "attempts": letter.attempts, "taken": letter.taken}
            | {"given_up": letter.given_up, "due_at": letter.due_at.isoformat()}
            for letter in self._sandbox.outbox.letters
        ]
        return JSONResponse({"notifications": rows})

    def _guarded(self, run: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if request.client is None or request.client.host not in LOOPBACK:
                return JSONResponse({"error": "only from this machine"}, status_code=403)
            # A page in a browser cannot send this type across origins without asking first.
            if request.method == "POST" and not request.headers.get("content-type", "").startswith("application/json"):
                return JSONResponse({"error": "send Content-Type application/json"}, status_code=415)
            try:
                return await run(request)
            except (ValueError, TypeError) as wrong:
                return JSONResponse({"error": str(wrong)}, status_code=400)
            finally:
                self.wake()

        return guarded


async def _json(request: Request) -> dict[str, Any]:
    said = json.loads(await request.body() or b"{}")
    if not isinstance(said, dict):
        raise ValueError("send a JSON object")
    return said


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
