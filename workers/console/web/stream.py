"""The live page: one look a second for all who watch, sent to each only where something changed.

`Live` reads while anybody watches and rests otherwise. A watcher that is slow is sent the newest fragment and none that it missed, so
nothing queues up. A stream ends after LASTS_S, so that who watches is asked again who they are; the browser comes back by itself.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from receiver.log import get_logger

EVERY_S, BEAT_S, LASTS_S = 1.0, 15.0, 60.0
STREAMS_MAX = 50
BEAT = ": still here\n\n"
MANY = "Too many pages are watching at once: this one shows what was so when it was loaded. Close some, or reload it."

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
        """Look once a second until nobody watches, the database is away, or the process ends."""
        try:
            while self.watching and not self._closed:
                await self._show(await run_in_threadpool(self._look))
                await asyncio.sleep(self._every_s)
        except sa.exc.DBAPIError as error:
            log.warning("the live page stops: the database does not answer", error_type=type(error).__name__)
            await self._show(self._away())
        finally:
            self._reader = None
            async with self._changed:
                self._changed.notify_all()

    async def _show(self, fragment: str) -> None:
        """Have every watcher look whether this is another fragment than it has."""
        async with self._changed:
            self._fragment = fragment
            self._changed.notify_all()


def streamed(live_of: Callable[[Request], Live]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of the stream: server-sent events, each the page's fragment."""

    async def endpoint(request: Request) -> Response:
        live = live_of(request)
        if live.watching >= STREAMS_MAX:
            return PlainTextResponse(MANY, 503, {"retry-after": "60"})
        first = await live.first()
        return StreamingResponse(_events(live, first), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    return endpoint


async def _events(live: Live, first: str) -> AsyncGenerator[str]:
    async with aclosing(live.fragments(first)) as fragments:
        async for fragment in fragments:
            yield event(fragment) if fragment else BEAT


def event(fragment: str) -> str:
    """A fragment as one server-sent event."""
    return "".join(f"data: {line}\n" for line in fragment.splitlines() if line.strip()) + "\n"
