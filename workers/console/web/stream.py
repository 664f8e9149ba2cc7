"""The live page: one look a second for all who watch, sent to each only where something changed.

Whoever has too many streams open is sent the fragment once, with 429: the page then asks again every few seconds by itself.

`Live` reads while anybody watches and rests otherwise. A look that takes long, in a large house or a busy one, is followed by a longer
rest: looks take SHARE of the time at most, whatever the size, so that watching costs the workers next to nothing. A watcher that is slow
is sent the newest fragment and none that it missed, so nothing queues up. A stream ends after LASTS_S, so that who watches is asked
again who they are; the browser comes back by itself.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from receiver.log import get_logger
from workers.console.site import site
from workers.console.web.entry import peer_of
from workers.console.web.seats import Seats

EVERY_S, BEAT_S, LASTS_S = 1.0, 15.0, 60.0
SEND_S = 15.0
SHARE, SLOWEST_S = 0.02, 10.0
BEAT = ": still here\n\n"
RETRY_S = 60
MANY = "Too many live pages are open: close some of them, or ask for this page every few seconds instead."

log = get_logger(__name__)


class Live:
    """What everybody sees. `look` gives the fragment and is asked in a thread; `away` is sent where the database does not answer."""

    def __init__(
        self,
        look: Callable[[], str],
        away: Callable[[], str],
        *,
        every_s: float = EVERY_S,
        beat_s: float = BEAT_S,
        lasts_s: float = LASTS_S,
    ) -> None:
        self._look, self._away = look, away
        self._every_s, self._beat_s, self._lasts_s = every_s, beat_s, lasts_s
        self._changed = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None
        self._fragment = ""
        self._closed = False
        self.watching = 0

    def close(self) -> None:
        """End every stream within a look's time: the process is about to stop."""
        self._closed = True

    async def first(self) -> str:
        """The fragment as it is now. Raises OperationalError where the database does not answer."""
        return self._fragment if self._reading else await run_in_threadpool(self._look)

    async def fragments(self, first: str) -> AsyncGenerator[str]:
        """`first`, then every other fragment; "" where nothing changed for a while. Ends with the reader, or when its time is over."""
        loop, shown = asyncio.get_running_loop(), first
        ends_at = loop.time() + self._lasts_s
        self.watching += 1
        try:
            if not self._reading:
                self._fragment, self._reader = first, asyncio.create_task(self._read())
            yield first
            while self._reading and loop.time() < ends_at:
                yield await self._next(shown)
                shown = self._fragment
        finally:
            self.watching -= 1

    @property
    def _reading(self) -> bool:
        return self._reader is not None and not self._reader.done()

    async def _next(self, shown: str) -> str:
        """The fragment once it is another one than what is shown, or "" after a while."""
        try:
            async with asyncio.timeout(self._beat_s), self._changed:
                await self._changed.wait_for(lambda: self._fragment != shown or not self._reading)
        except TimeoutError:
            return ""
        return self._fragment if self._fragment != shown else ""

    async def _read(self) -> None:
        """Look once a second, or less often, until nobody watches, the database is away, or the process ends."""
        loop = asyncio.get_running_loop()
        try:
            while self.watching and not self._closed:
                began = loop.time()
                await self._show(await run_in_threadpool(self._look))
                await self._rest(rest_s(loop.time() - began, self._every_s))
        except sa.exc.DBAPIError as error:
            log.warning("the live page stops: the database does not answer", error_type=type(error).__name__)
            await self._show(self._away())
        finally:
            self._reader = None
            async with self._changed:
                self._changed.notify_all()

    async def _rest(self, seconds: float) -> None:
        """Rest so long, but no longer than a second once nobody watches or the process is about to stop."""
        while seconds > 0 and self.watching and not self._closed:
            await asyncio.sleep(min(seconds, 1.0))
            seconds -= 1.0

    async def _show(self, fragment: str) -> None:
        """Have every watcher look whether this is another fragment than it has."""
        async with self._changed:
            self._fragment = fragment
            self._changed.notify_all()


def rest_s(took_s: float, every_s: float = EVERY_S) -> float:
    """How long to rest after a look that took so long.

    >>> [rest_s(took) for took in (0.004, 0.05, 3.0)]
    [1.0, 2.5, 10.0]
    """
    return min(max(every_s, took_s / SHARE), SLOWEST_S)


def streamed(live_of: Callable[[Request], Live], seats: Seats, once: Callable[[str], str]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of the stream: server-sent events, each the page's fragment. `once`: what the page is given that has no seat."""

    async def endpoint(request: Request) -> Response:
        live = live_of(request)
        return Watched(live, await live.first(), seats, whose(request), once if "hx-request" in request.headers else lambda _: MANY)

    return endpoint


def whose(request: Request) -> tuple[str, str]:
    """The name and the address a stream is counted for."""
    return request.state.person.name, peer_of(request, site(request).chosen.console)


class Watched(StreamingResponse):
    """A stream that holds its seat for as long as somebody takes what it sends, and is an answer of its own kind where there is no seat."""

    def __init__(self, live: Live, first: str, seats: Seats, whose: tuple[str, str], once: Callable[[str], str]) -> None:
        self._sent = _events(live, first)
        super().__init__(self._sent, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
        self._first, self._seats, self._whose, self._once = first, seats, whose, once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream, or say that there are too many."""
        with self._seats.seat(*self._whose) as free:
            if free:
                await super().__call__(scope, receive, send)
                return
        told = HTMLResponse(self._once(self._first), 429, {"retry-after": str(RETRY_S)})
        await told(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send until it is over, or until who asked takes nothing for SEND_S: it is gone, or might as well be."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_S):
                await send(message)

        try:
            await super().stream_response(in_time)
        except TimeoutError:
            log.info("a live page takes nothing any more: its stream ends")
        finally:
            await self._sent.aclose()


async def _events(live: Live, first: str) -> AsyncGenerator[str]:
    async with aclosing(live.fragments(first)) as fragments:
        async for fragment in fragments:
            yield event(fragment) if fragment else BEAT


def event(fragment: str) -> str:
    """A fragment as one server-sent event."""
    return "".join(f"data: {line}\n" for line in fragment.splitlines() if line.strip()) + "\n"
