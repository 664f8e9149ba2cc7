"""The receiver as an ASGI application, whatever server runs it.

Builds the door and what it needs from settings, puts it in front of the small Starlette app, and ends both in order: requests,
then the writer thread with what had queued, then hints and refusals. Knows no server and no worker.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import sqlalchemy as sa
from starlette.applications import Starlette

from receiver.commit import GroupCommit
from receiver.db import Database
from receiver.dispatch import Announcer
from receiver.door import PREFIX, Door, Receive, Scope, Send
from receiver.errors import SchemaOutdated
from receiver.log import get_logger
from receiver.refusals import RefusalLog
from receiver.repeats import Repeats
from receiver.routes import routes
from receiver.settings import Settings
from receiver.stores import connector

SCHEMA_LOOK_S = 1.0
WATCH_S = 0.25

log = get_logger(__name__)


class Receiver:
    """The whole receiver as one ASGI callable. Raises SettingsInvalid where a source lets anybody in."""

    def __init__(self, settings: Settings) -> None:
        settings.all_door_secrets()
        limits = settings.receiver
        self.database = Database(settings.database, read_pool=2)
        self.announcer = Announcer(settings.redis or None)
        self.refusals = RefusalLog(self.database, limits)
        self.commit = GroupCommit(
            connector(settings.database), queue_max=limits.queue_max, batch_max=limits.batch_max, timeout_s=limits.store_timeout_s
        )
        self.door = Door(settings, self.commit, self.announcer, self.refusals)
        self._failures: Repeats[str] = Repeats()
        behind = routes(self.door, self.commit, settings.metrics_token(), lambda: self._identity)
        self._behind = Starlette(routes=list(behind), lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self.door(scope, receive, send)
        else:
            await self._behind(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.commit.start()
        self.refusals.start()
        await self._look_at_schema()
        tasks = [asyncio.create_task(self._keep_looking()), asyncio.create_task(self._keep_watching())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.commit.close()
            await asyncio.to_thread(self._close_the_rest)

    def _close_the_rest(self) -> None:
        self.announcer.close()
        self.refusals.close()
        self.database.close()

    async def _look_at_schema(self) -> None:
        """Open the door while the schema is ours. A database that does not answer leaves it as it is: commits say so themselves."""
        try:
            await asyncio.to_thread(self._read_schema)
        except SchemaOutdated as outdated:
            if self.door.open or not self._told:
                log.warning("waiting for the schema, senders get 503", command="billhook migrate", found=str(outdated.context.get("found")))
            self._told, self.door.open = True, False
        except sa.exc.SQLAlchemyError as error:
            if count := self._failures.due(type(error).__name__):
                log.warning("the database cannot be read", error=type(error).__name__, count=count)
        else:
            self._failures.over()
            self._told, self.door.open = False, True

    def _read_schema(self) -> None:
        self.database.require_schema()
        with suppress(sa.exc.ProgrammingError):  # a server that does not say which one it is: receiving matters more
            self._identity = self._identity or self.database.identity()

    _told = False
    _identity = ""

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(SCHEMA_LOOK_S)
            await self._look_at_schema()

    async def _keep_watching(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            self.door.watch()
