"""/_sandbox/: where tests, `billhook trigger`, `billhook provoke` and authors make things happen at the sandboxes of one process.

Takes triggers, seeds, faults, delivery and the clock as JSON from loopback addresses, and shows what came of them. `?source=NAME` names
one of the process's sources at any of its addresses; without it, the only one of that address is meant.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.sandbox.sender import Sandbox, ScaledClock, Sender

LOOPBACK = ("127.0.0.1", "::1", "testclient")
Handler = Callable[[Request], Awaitable[Response]]
Answer = Callable[[Sandbox, Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One source's simulated provider. `address`: the host and port that it listens on. `sender` None: notifications wait."""

    source: str
    sandbox: Sandbox
    sender: Sender | None = None
    address: tuple[str, int] = ("127.0.0.1", 0)


class ControlDesk:
    """One place for all sandboxes of a process, and for the clock they share."""

    def __init__(self, simulated: Sequence[Simulated], clock: ScaledClock) -> None:
        self._simulated, self._clock = {one.source: one for one in simulated}, clock

    def routes(self, here: Sequence[str]) -> list[Route]:
        """The desk at an address where the sources `here` are."""
        posts: dict[str, Answer] = {"trigger": trigger, "seed": seed, "faults": plan_faults, "delivery": set_delivery}
        gets: dict[str, Answer] = {
            "calls": calls, "sent": sent, "notifications": notifications, "faults": faults, "delivery": delivery,
        }  # fmt: skip
        common = [("GET", "health", self.health), ("GET", "clock", self.clock), ("POST", "clock", self.move_clock)]
        chosen = [("POST", name, self._chosen(run, here)) for name, run in posts.items()]
        chosen += [("GET", name, self._chosen(run, here)) for name, run in gets.items()]
        return [Route(f"/_sandbox/{name}", self._guarded(run), methods=[method]) for method, name, run in (*common, *chosen)]

    def wake(self) -> None:
        """Something may be due."""
        for one in self._simulated.values():
            if one.sender is not None:
                one.sender.wake.set()

    async def health(self, request: Request) -> Response:
        kinds = {name: one.sandbox.kind for name, one in self._simulated.items()}
        return JSONResponse({"sources": kinds, "now": self._clock().isoformat()})

    async def clock(self, request: Request) -> Response:
        return JSONResponse({"now": self._clock().isoformat(), "scale": self._clock.scale})

    async def move_clock(self, request: Request) -> Response:
        """{"advance_s": 3600, "scale": 60}: ahead by that many seconds, and how much faster than the wall from now on; never back."""
        said = await _json(request)
        self._clock.move(advance_s=float(said.get("advance_s", 0)), scale=float(said.get("scale", self._clock.scale)))
        return await self.clock(request)

    def _chosen(self, run: Answer, here: Sequence[str]) -> Handler:
        async def chosen(request: Request) -> Response:
            return JSONResponse(await run(self._named(request.query_params.get("source"), here), request))

        return chosen

    def _named(self, source: str | None, here: Sequence[str]) -> Sandbox:
        name = source or (here[0] if len(here) == 1 else "")
        if name not in self._simulated:
            raise ValueError(f"name the source with ?source=NAME: one of {', '.join(sorted(self._simulated))}")
        return self._simulated[name].sandbox

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


async def trigger(sandbox: Sandbox, request: Request) -> Any:
    """{"kind": "invoice.completed", "overrides": {"total": "119.00"}, "count": 1} → the ids of what was touched."""
    said = await _json(request)
    overrides = {str(name): str(value) for name, value in dict(said.get("overrides") or {}).items()}
    return {"made": [sandbox.trigger(str(said.get("kind")), overrides) for _ in range(min(10_000, int(said.get("count", 1))))]}


async def seed(sandbox: Sandbox, request: Request) -> Any:
    """The very bytes of a recorded notification → the ids of the objects made from it. Nothing is sent."""
    return {"made": [sandbox.seed(await request.body())]}


async def plan_faults(sandbox: Sandbox, request: Request) -> Any:
    """{"kind": "drop", "service": "invoice.sendbyemail", "times": 1, "skip": 0, "seconds": 30} or {"clear": true}."""
    said = await _json(request)
    if said.get("clear"):
        sandbox.faults.clear()
    else:
        named = {name: said[name] for name in ("service", "times", "skip", "seconds") if name in said}
        sandbox.faults.add(str(said.get("kind")), **named)
    return {"planned": len(sandbox.faults.planned)}


async def faults(sandbox: Sandbox, request: Request) -> Any:
    """What is still to go wrong, first come first used; `times` and `skip` are what is left of them."""
    return {"faults": [asdict(fault) for fault in sandbox.faults.planned]}


async def set_delivery(sandbox: Sandbox, request: Request) -> Any:
    """{"copies": 2, "disorder": true, "lose": 1, "delay_s": 0}: what happens to notifications from now on."""
    said, outbox = await _json(request), sandbox.outbox
    outbox.copies, outbox.lose = int(said.get("copies", outbox.copies)), int(said.get("lose", outbox.lose))
    outbox.disorder, outbox.delay_s = bool(said.get("disorder", outbox.disorder)), float(said.get("delay_s", outbox.delay_s))
    return await delivery(sandbox, request)


async def delivery(sandbox: Sandbox, request: Request) -> Any:
    outbox = sandbox.outbox
    return {"copies": outbox.copies, "lose": outbox.lose, "disorder": outbox.disorder, "delay_s": outbox.delay_s}


async def calls(sandbox: Sandbox, request: Request) -> Any:
    """Every API call, oldest first, without its data."""
    rows = [{"at": call.at.isoformat(), "service": call.service, "acted": call.acted, "status": call.status} for call in sandbox.calls]
    return {"calls": rows}


async def sent(sandbox: Sandbox, request: Request) -> Any:
    """Every mail and letter that went out."""
    return {"sent": sandbox.sent}


async def notifications(sandbox: Sandbox, request: Request) -> Any:
    """Every notification with its attempts."""
    rows = [
        {"type": letter.notification.type, "id": letter.notification.id, "attempts": letter.attempts, "taken": letter.taken}
        | {"given_up": letter.given_up, "due_at": letter.due_at.isoformat()}
        for letter in sandbox.outbox.letters
    ]
    return {"notifications": rows}


async def _json(request: Request) -> dict[str, Any]:
    said = json.loads(await request.body() or b"{}")
    if not isinstance(said, dict):
        raise ValueError("send a JSON object")
    return said
