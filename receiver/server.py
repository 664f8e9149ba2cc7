"""The HTTP server's connections, with a deadline and a size for what comes before a body.

uvicorn waits for a request's headers without end and takes any number of them; a connection that sends none, or drips, or never
stops, is closed here. Everything else is uvicorn's.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_MAX = 65_536


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's httptools connection; headers that take longer than `headers_s` or are larger than HEADERS_MAX close it."""

    headers_s = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unfinished_since: float | None = None
        self._unfinished_bytes = 0
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unfinished_since = self.loop.time()
        self._look = self.loop.call_later(self.headers_s, self._close_if_overdue)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._unfinished_since is not None:
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > HEADERS_MAX:
                self.transport.close()

    def on_message_begin(self) -> None:
        self._unfinished_since, self._unfinished_bytes = self.loop.time(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._unfinished_since = None
        super().on_headers_complete()

    def _close_if_overdue(self) -> None:
        if self._unfinished_since is not None and self.loop.time() - self._unfinished_since >= self.headers_s:
            self.transport.close()
        else:
            self._look = self.loop.call_later(self.headers_s / 2, self._close_if_overdue)
