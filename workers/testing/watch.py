"""The watch: what must hold in every single transaction, and at the instant a provider is asked.

Looks into each transaction before it commits, and between a client and the sandbox; keeps what is wrong as sentences. It asks the
tables in its own words: nothing here uses the engine's queries. Used by workers/testing/crashes.py and interleaving.py.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from receiver.db import Database
from receiver.errors import OutcomeUnknown
from workers.chain import heads_outside
from workers.providers.http import Answer, Ask, Transport
from workers.registry import EffectDef, Registry, Workflow
from workers.testing.due import asked

T = TypeVar("T")
OUTSIDE = "scenario"  # who acts where no actor does: nobody loses it
_JOURNALED = "SELECT journal.id, journal.name, run.id, run.owner FROM journal JOIN run ON run.id = run_id WHERE journal.id > %d ORDER BY 1"
_OWNERS = "SELECT id, owner FROM run WHERE status = 'running'"
_LOGGED = """SELECT seq, after, effect_log.reason, service, object_id, approved_at, run.owner, run.workflow, run.source, run.invoice_id,
    run.customer_id, run.trigger_id, run.reissue FROM effect_log JOIN effect ON effect.id = effect_id JOIN run ON run.id = run_id
    WHERE seq > %d ORDER BY 1"""
_BLOCKED = "SELECT kind FROM block WHERE closed_at IS NULL AND source = '%s' AND object_id IN ('%s', '%s')"
_TOLD = "SELECT type FROM event WHERE source = '%s' AND invoice_id = '%s' AND (id > %d OR type LIKE 'invoice.%%')"
_HELD = "SELECT name FROM control WHERE name IN ('freeze', 'pause:%s:*', 'pause:*:%s', 'pause:%s:%s')"
_MODE = "SELECT value FROM control WHERE name = 'mode:%s:%s'"
_CALLING = (
    "SELECT max(effect_log.seq) FROM effect_log JOIN effect ON effect.id = effect_log.effect_id "
    "WHERE effect.state = 'calling' AND effect_log.after = 'calling' AND effect.service = '%s'"
)


@dataclass
class Watch:
    """`actor` says whose transaction it is; `first_mode` gives a workflow's mode where nobody set one; `heads` is the ledger's other home.

    `broken`: what did not hold. `unmarked`: commits that no point followed before the same actor's next one.
    """

    registry: Registry
    actor: Callable[[], str]
    first_mode: Callable[[str], str]
    heads: Path
    broken: list[str] = field(default_factory=list)
    unmarked: Counter[str] = field(default_factory=Counter)
    _journal: int = 0
    _log: int = 0
    _owners: dict[str, str] = field(default_factory=dict)
    _pending: dict[str, str] = field(default_factory=dict)

    def begin(self, connection: Connection) -> None:
        """What is there now was there before."""
        self._journal = asked(connection, "SELECT coalesce(max(id), 0) FROM journal")[0][0]
        self._log = asked(connection, "SELECT coalesce(max(seq), 0) FROM effect_log")[0][0]
        self.broken, self._pending, self._owners = [], {}, {}

    def look(self, connection: Connection, actor: str) -> None:
        """Look into a transaction of `actor` that is about to commit; in whatever thread the database writes."""
        for id, step, run, owner in asked(connection, _JOURNALED % self._journal):
            self._journal = id
            held_by = owner or self._owners.get(run)  # what is noted is written in the transaction that lets the run go
            if held_by != actor:
                self.broken.append(f'step "{step}" was journaled by {actor}, while {held_by or "nobody"} had the run')
        self._owners = dict(asked(connection, _OWNERS))
        for row in asked(connection, _LOGGED % self._log):
            self._log = row[0]
            if row[1] == "calling":
                self._look_at_call(connection, row, actor)

    def _look_at_call(self, connection: Connection, row: Any, actor: str) -> None:
        why, service, object_id, approved_at, owner, name, source, invoice, customer, trigger, reissue = row[2:]
        said = f"{service} of {object_id} was called"
        if owner != actor:
            self.broken.append(f"{said} by {actor}, while {owner or 'nobody'} had the run")
        workflow = self.registry.get(name)
        held = [name for (name,) in asked(connection, _HELD % (source, name, source, name))]
        if held:
            self.broken.append(f"{said} in spite of {held[0]}")
        mode = self._mode(connection, source, name)
        if mode in ("off", "observe") or (mode == "propose" and approved_at is None):
            self.broken.append(f"{said} in mode {mode} without an approval")
        if workflow is None or why == "same_key":
            return
        began = json.loads(reissue).get("event_id") if reissue else None
        told = {type for (type,) in asked(connection, _TOLD % (source, invoice, began or trigger))} if invoice else set()
        for type in sorted(told & {event.type for event in workflow.cancel_on}):
            self.broken.append(f"{said} although {type} was known")
        kinds = {kind for (kind,) in asked(connection, _BLOCKED % (source, invoice, customer))}
        for kind in sorted(kinds & _forbidding(workflow, service)):
            self.broken.append(f"{said} in spite of a {kind}")

    def _mode(self, connection: Connection, source: str, workflow: str) -> str:
        rows = asked(connection, _MODE % (source, workflow))
        return str(json.loads(rows[0][0])["mode"]) if rows else self.first_mode(workflow)

    def committed(self, where: str) -> None:
        """A transaction of this actor is in the database."""
        actor = self.actor()
        if actor in self._pending:
            self.unmarked[self._pending[actor]] += 1
        if actor != OUTSIDE:
            self._pending[actor] = where

    def passed(self) -> None:
        """The actor passed a point."""
        self._pending.pop(self.actor(), None)

    def asked(self, database: Database, service: str) -> None:
        """The first byte of a writing call is about to leave."""
        with database.read() as connection:
            seq = asked(connection, _CALLING % service)[0][0]
        if seq is None:
            self.broken.append(f"{service} was asked with no committed `calling`")
        elif max((head.seq for head in heads_outside(self.heads)), default=0) < seq:
            self.broken.append(f"{service} was asked before the ledger's head was kept outside")


def _forbidding(workflow: Workflow, service: str) -> set[str]:
    """The block kinds that every effect of this service in the workflow's file names in `unless`."""
    found = [one for one in workflow.fn.__globals__.values() if isinstance(one, EffectDef)]
    kinds = [{str(getattr(state, "block", "")) for state in one.unless} for one in found if one.service.name == service]
    return set.intersection(*kinds) if kinds else set()


def _changes(connection: Connection) -> int:
    """How many rows SQLite changed so far; always 0 elsewhere."""
    return int(getattr(connection.connection.driver_connection, "total_changes", 0))


class WatchedDatabase(Database):
    """Another database, each of whose transactions the watch looks into."""

    def __init__(self, inner: Database, watch: Watch) -> None:
        self.url, self.dialect, self.path = inner.url, inner.dialect, inner.path
        self.inner, self._watch, self.commits = inner, watch, 0

    def write(self, fn: Callable[[Connection], T], *, timeout_s: float | None = None) -> T:
        """What fn(connection) returned, after COMMIT."""

        wrote, actor = False, self._watch.actor()

        def looked_into(connection: Connection) -> T:
            nonlocal wrote
            before = _changes(connection)
            result = fn(connection)
            wrote = _changes(connection) != before
            self._watch.look(connection, actor)
            return result

        result = self.inner.write(looked_into, timeout_s=timeout_s)
        self.commits += wrote or self.dialect != "sqlite"
        if wrote:
            self._watch.committed(f"{fn.__module__}.{fn.__qualname__}")
        return result

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only connection."""
        with self.inner.read() as connection:
            yield connection

    def close(self) -> None:
        """The inner database is closed by whoever made it."""


class WatchedTransport:
    """Another transport, at whose first byte the watch looks; `point` is passed where the provider acted and has not answered yet."""

    def __init__(self, inner: Transport, *, asked: Callable[[str], None], point: Callable[[str], None]) -> None:
        self._inner, self._asked, self._point = inner, asked, point

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        """The whole Answer; see workers/providers/http.py."""
        if before_write is None:
            return self._inner.send(ask, started=started)
        allowed = before_write

        def leaves() -> None:
            allowed()
            self._asked(ask.service or str(json.loads(ask.body)["SERVICE"]))

        try:
            answer = self._inner.send(ask, before_write=leaves, started=started)
        except OutcomeUnknown:
            self._point("acted")
            raise
        self._point("acted")
        return answer
