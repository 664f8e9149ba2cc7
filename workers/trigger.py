"""Making something happen at the sandbox, as a person or a customer would at the provider. Used by `billhook trigger`.

Talks to the control desk of the sandbox a source's `base_url` leads to; a real account is refused. A recorded notification is seeded
as objects and then posted to the door, byte for byte.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from receiver.db import Database
from receiver.errors import BillhookError, PayloadInvalid, SchemaOutdated, SettingsInvalid
from receiver.mistakes import unknown
from receiver.settings import Settings, SourceSettings
from receiver.sources import catalog
from workers import control, runfile
from workers.addresses import door_address
from workers.errors import NotReady
from workers.provoking import Desk, address, new_client, sandboxed
from workers.sandbox import doable
from workers.sandbox.places import sandboxes
from workers.settings import WorkerSettings

READY_S = 60.0
WHY = "trigger is refused on a real account: it would write invoices and customers into your books"


@dataclass(kw_only=True)
class Stage:
    """Where a trigger plays: a source, the sandbox behind it and the door in front of it."""

    settings: Settings
    source: SourceSettings
    address: str
    client: httpx.Client = field(default_factory=new_client)
    pause: Callable[[float], None] = time.sleep

    @property
    def receiver(self) -> str:
        """Where the door is now: `billhook up` may have moved its port."""
        running = runfile.read(self.settings.data_dir)
        return running.receiver if running else door_address(self.settings)

    @property
    def sandbox(self) -> str:
        """Where the sandbox is now."""
        return address(self.settings, self.source.name, self.address)

    def await_ready(self, database: Database, patience_s: float = READY_S) -> None:
        """Return once the door is open, the sandbox answers and the baseline is read; raises NotReady naming what is missing."""
        until = time.monotonic() + patience_s
        while (missing := self._missing(database)) is not None:
            if time.monotonic() > until:
                raise NotReady(f"{missing}: is `billhook up` running? Its output says more, and so does `billhook doctor`")
            self.pause(0.25)

    def require(self, kind: str) -> None:
        """Raise SettingsInvalid, naming what is possible, for what the sandbox of this kind of source cannot have happen."""
        if kind not in (known := doable.acts(self.source.kind)):
            raise SettingsInvalid(f"{kind} cannot happen at a sandbox of kind {self.source.kind}: {unknown(kind, known, 'act')}")

    def act(self, kind: str, overrides: dict[str, str], count: int = 1) -> list[dict[str, str]]:
        """Have `kind` happen at the sandbox; the ids of what was touched. Raises BillhookError where the sandbox refuses."""
        return list(self._desk().told("trigger", {"kind": kind, "overrides": overrides, "count": count})["made"])

    def play(self, recorded: bytes, database: Database) -> list[dict[str, str]]:
        """Seed the sandbox with what `recorded` tells about, then post these bytes to the door; the ids of the seeded objects."""
        made = list(self._desk().told("seed", content=recorded)["made"])
        self._begin_before(recorded, database)
        url, login = self._door()
        media = "application/xml" if recorded.lstrip().startswith(b"<") else "application/json"
        answer = self.client.post(url, content=recorded, headers={"Content-Type": media}, auth=login)
        if not answer.is_success:
            raise BillhookError(
                f"the door answered {answer.status_code}: `billhook doctor` says what may be wrong", source=self.source.name
            )
        return made

    def _missing(self, database: Database) -> str | None:
        for name, url in (("the receiver", f"{self.receiver}/readyz"), ("the sandbox", f"{self.sandbox}/_sandbox/health")):
            try:
                answer = self.client.get(url)
            except httpx.HTTPError:
                return f"{name} does not answer at {url}"
            if answer.status_code != 200:
                return f"{name} answers {answer.status_code} at {url}"
        try:
            database.require_schema()
        except SchemaOutdated:
            return "the database is not migrated"
        with database.read() as connection:
            read_at = control.baseline_at(connection, self.source.name)
        # A provider tells whole seconds: what happens in the baseline's own second would count as history.
        began = read_at is not None and datetime.now(UTC) >= read_at + timedelta(seconds=1)
        return None if began else f"the baseline of {self.source.name} is not read yet"

    def _desk(self) -> Desk:
        return Desk(source=self.source.name, url=self.sandbox, client=self.client)

    def _begin_before(self, recorded: bytes, database: Database) -> None:
        """Let the recorded moment count: `since` of this source moves before it."""
        kind = catalog.kind(self.source.kind)
        try:
            identity = kind.identify(recorded, {})
            notice = kind.interpret(recorded, self.source, identity.native_type, identity.native_id)
        except PayloadInvalid as error:
            raise SettingsInvalid(f"the file is not a notification of kind {self.source.kind}: {error}") from error
        if notice.created_at is None:
            return
        wanted, name = notice.created_at - timedelta(seconds=1), f"since:{self.source.name}"
        with database.read() as connection:
            now = control.since(connection, self.source.name, self.source.since)
        if now is None or wanted < now:
            database.write(lambda c: control.put(c, name, wanted.isoformat(), at=datetime.now(UTC), actor="trigger"))

    def _door(self) -> tuple[str, httpx.Auth]:
        secrets = self.settings.door_secrets(self.source.name)
        url = f"{self.receiver}/webhooks/{self.source.name}"
        if secrets.user and secrets.passwords:
            return url, httpx.BasicAuth(secrets.user, secrets.passwords[0])
        return (f"{url}/{secrets.paths[0]}" if secrets.paths else url), httpx.Auth()


def stage(chosen: WorkerSettings, name: str | None = None) -> Stage:
    """The stage of the named source, or of the only one with a sandbox. Raises SettingsInvalid for a real account."""
    source = sandboxed(chosen, name, WHY)
    return Stage(settings=chosen.settings, source=source, address=sandboxes(chosen)[source.name].url)
