"""The sandboxes of one process on HTTP: each source at its own address, one control desk, one clock.

Owns which address speaks for which sources, and that notifications are posted while the app runs. Sources may share an address
where their kinds answer at different paths. Called by `billhook sandbox` and by tests.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from workers.sandbox.autodns_core import AutodnsSandbox
from workers.sandbox.autodns_wire import autodns_routes
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.desk import ControlDesk, Simulated
from workers.sandbox.monsum_wire import monsum_routes
from workers.sandbox.qvickly_wire import qvickly_routes
from workers.sandbox.sender import ScaledClock

Address = tuple[str, int]


def create_app(simulated: Sequence[Simulated], clock: ScaledClock) -> Starlette:
    """The ASGI app of these sandboxes; `clock` is the one they all have. It posts the notifications of those with a sender."""
    desk = ControlDesk(simulated, clock)
    here: dict[Address, list[Simulated]] = {}
    for one in simulated:
        here.setdefault(one.address, []).append(one)
    routers = {address: Router(_routes(those, desk)) for address, those in here.items()}
    return Starlette(routes=[Mount("/", app=ByAddress(routers))], lifespan=_posting(simulated))


class ByAddress:
    """Hands a request to the router of the address it came in at; where there is one router, to that."""

    def __init__(self, routers: dict[Address, Router]) -> None:
        self._routers = routers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        only = next(iter(self._routers.values())) if len(self._routers) == 1 else None
        await (only or self._routers[tuple(scope["server"])])(scope, receive, send)


def _routes(those: Sequence[Simulated], desk: ControlDesk) -> list[Route]:
    return [route for one in those for route in _provider(one, desk.wake)] + desk.routes([one.source for one in those])


def _provider(one: Simulated, wake: Callable[[], None]) -> list[Route]:
    if isinstance(one.sandbox, MonsumSandbox):
        return monsum_routes(one.sandbox, wake)
    return autodns_routes(one.sandbox, wake) if isinstance(one.sandbox, AutodnsSandbox) else qvickly_routes(one.sandbox, wake)


def _posting(simulated: Sequence[Simulated]) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one.sender.run()) for one in simulated if one.sender is not None]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan
