"""The notifier: tells people outside what waits for them, once, through whatever they read: mail, a chat, a webhook (apprise).

`python -m workers.notices`, started by `billhook notifier` and, where addresses are configured, by `billhook up`. A letter names ids,
reasons and counts, never a person. It is marked as told only after it left, so that a crash between tells it twice rather than never.
An alert that nobody acknowledged is told again.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import apprise
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.errors import BillhookError, SettingsInvalid
from receiver.log import configure, get_logger
from receiver.settings import read_secret
from workers import duties, ids
from workers.desk import Alert, Parked, Task
from workers.edge import Edge
from workers.notify import URLS, NotifySettings
from workers.settings import WorkerSettings
from workers.worker import Stop

AT_ONCE, LISTED = 200, 20
LOOK_S = 15.0
ROLE = "notifier"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing to be told: `kind` is alert, parked or task, `line` what is said of it."""

    kind: str
    id: int
    line: str


class Sends(Protocol):
    """Takes a letter away; false where nobody took it."""

    def __call__(self, title: str, body: str) -> bool: ...


def untold(connection: Connection, *, now: datetime, again_after: timedelta) -> list[Matter]:
    """What waits and was not told, and alerts nobody acknowledged since they were told last; the oldest first."""
    alert, parked, task = table_of(Alert), table_of(Parked), table_of(Task)
    again = sa.or_(alert.c.told_at.is_(None), alert.c.told_at <= now - again_after)
    alerts = sa.select(alert).where(alert.c.closed_at.is_(None), alert.c.state == "open", again).order_by(alert.c.id).limit(AT_ONCE)
    found = [
        Matter("alert", row["id"], f"alert {row['reason']}: {row['subject']}" + (f", {row['count']} times" if row["count"] > 1 else ""))
        for row in connection.execute(alerts).mappings()
    ]
    for kind, table, said in (("parked", parked, parked.c.subject), ("task", task, task.c.name)):
        word = parked.c.kind if kind == "parked" else sa.literal("by hand")
        query = sa.select(table.c.id, table.c.source, said.label("said"), word.label("word"))
        waiting = query.where(table.c.closed_at.is_(None), table.c.told_at.is_(None)).order_by(table.c.id).limit(AT_ONCE)
        rows = connection.execute(waiting).mappings()
        found += [Matter(kind, row["id"], f"{row['word']}: {row['said']} ({row['source']})") for row in rows]
    return found


def letter(matters: Sequence[Matter], url: str) -> tuple[str, str]:
    """(title, text) of one letter about all of them."""
    lines = [matter.line for matter in matters[:LISTED]]
    left = [f"and {len(matters) - LISTED} more"] if len(matters) > LISTED else []
    title = f"billhook: {matters[0].line}" if len(matters) == 1 else f"billhook: {len(matters)} things need you"
    where = [f"{url.rstrip('/')}/needs"] if url else ["`billhook parked`, `billhook tasks`, `billhook alerts`"]
    return title[:160], "\n".join([*lines, *left, "", *where])


def mark(connection: Connection, matters: Sequence[Matter], *, at: datetime) -> None:
    """Keep that they were told."""
    for kind, model in (("alert", Alert), ("parked", Parked), ("task", Task)):
        table, told = table_of(model), [matter.id for matter in matters if matter.kind == kind]
        if told:
            connection.execute(sa.update(table).where(table.c.id.in_(told)).values(told_at=at))


def round_of(database: Database, owner: str, settings: NotifySettings, send: Sends) -> int:
    """Tell what waits, if this process holds the role; how many things were told."""
    if not database.write(lambda c: duties.take(c, ROLE, owner, machine=database.machine_now(c))):
        return 0
    with database.read() as connection:
        now = database.machine_now(connection)
        matters = untold(connection, now=now, again_after=timedelta(hours=settings.again_hours))
    if not matters:
        return 0
    if not send(*letter(matters, settings.console_url)):
        log.warning("nobody took the letter, it is tried again", count=len(matters))
        return 0
    database.write(lambda c: mark(c, matters, at=now))
    return len(matters)


def sender(urls: Sequence[str]) -> Sends:
    """Sends to every address. Raises SettingsInvalid for one that is none; no address is quoted, for it may hold a password."""
    book = apprise.Apprise()
    for place, url in enumerate(urls, start=1):
        if not book.add(url):
            raise SettingsInvalid(f"{URLS}: address {place} is none that can be written to: see docs/operators.md for examples")
    if not urls:
        raise SettingsInvalid(f"{URLS} is not set: write one address or more into it, with blanks between; see docs/operators.md")

    def send(title: str, body: str) -> bool:
        return bool(book.notify(title=title, body=body))

    return send


def work(database: Database, settings: NotifySettings, send: Sends, wait: Callable[[float], bool]) -> None:
    """Tell until `wait` says that it is over. What goes wrong is tried again."""
    owner, edge = f"{ROLE}-{ids.new_id()}", Edge(words=False)  # a library may quote an address, and that may hold a password
    while True:
        edge.guarded("notifier failed on a round", lambda: round_of(database, owner, settings, send))
        if wait(max(edge.rest_s, LOOK_S)):
            return


def main() -> int:
    """Read the settings and tell until told to stop; the exit code."""
    try:
        chosen = WorkerSettings()
        configure(chosen.settings.log_level, chosen.settings.log_format)
        said = read_secret(URLS, chosen.environ, chosen.settings.secrets_dir) or ""
        send = sender(said.split())
        database = Database(chosen.settings.database, read_pool=1)
        database.require_schema()
    except BillhookError as error:
        print(f"billhook notifier: {error}", file=sys.stderr)
        return 2
    stop = Stop()
    log.info("notifier ready", count=len(said.split()))
    work(database, chosen.notify, send, stop.wait)
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
