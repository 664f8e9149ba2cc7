"""The stage: a source, its sandbox, the router, the engine and the sweeper, in one process on a clock that only tests move.

On SQLite in a temporary folder, or a database that is passed in. Flow (flow.py) is what tests do on it and ask of it; crashes.py and
interleaving.py play a scenario on it many times over. Nothing sleeps and nothing is patched: the same code runs in production.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar

import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.settings import SourceSettings
from receiver.sources import catalog
from workers import baseline, claims, gaps, operator, rereads, routing
from workers.chain import OutsideHead
from workers.duties import Duty
from workers.errors import RateHeld
from workers.operator import Order
from workers.providers import bundle
from workers.providers.http import Transport
from workers.providers.rate import Rate
from workers.providers.service import Client
from workers.registry import REGISTRY, Registry, Workflow
from workers.runtime import Runtime, no_point
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.mailbox import LocalMailer
from workers.sandbox.transport import LocalTransport
from workers.settings import account_of
from workers.sweeper import Sweeper, next_instant
from workers.testing import memory
from workers.testing.actors import WorkerLost
from workers.testing.clock import ManualClock
from workers.testing.due import Due, due
from workers.testing.watch import Watch, WatchedDatabase, WatchedTransport

T = TypeVar("T")
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
ROUNDS_MAX = 10_000
QUICK = Path("/dev/shm")  # where an fsync costs nothing
_DUTY = sa.select(table_of(Duty).c.name).where(table_of(Duty).c.next_at <= sa.bindparam("now")).limit(1)
_DELIVERY = table_of(inbox.Delivery)
LEASE_OVER = claims.LEASE + timedelta(seconds=1)


class Helm(Protocol):
    """Who decides what happens next, where several actors are at work at once."""

    def post(self, body: bytes) -> None:
        """A notification is on its way."""
        ...

    def settle(self) -> None:
        """Let things happen for a while."""
        ...

    def actor(self) -> str:
        """Who is at work in this thread."""
        ...


def nothing_else(stage: Any) -> Iterable[str]:
    """The invariants are all that must hold."""
    return ()


@dataclass(frozen=True)
class Saved:
    """A stage as it was: its database, the sandbox, the instant."""

    database: Any
    sandbox: bytes
    now: datetime
    boot: float


class Stage:
    """One source under test. `point` is called wherever an actor may be lost; `watch` is there while schedules are explored.

    `silence` is the source's setting: a test that moves the clock by weeks is no source that went quiet. Without `scans` the gap finder
    rests: the clock goes through weeks in a third of the time, and what no notification tells stays unknown.
    """

    def __init__(
        self,
        *workflows: Callable[..., None] | str,
        policy: Mapping[str, Any] | None = None,
        mode: str = "auto",
        kind: Literal["monsum", "fastbill", "qvickly", "autodns"] = "monsum",
        zone: str = "Europe/Berlin",
        start: datetime = START,
        source: str = "shop",
        database: Database | None = None,
        connect: bool = True,
        calls_per_minute: int = 60_000,
        policies: Mapping[str, Mapping[str, Any]] | None = None,
        currencies: Sequence[str] = ("EUR",),
        wire: Callable[[MonsumSandbox], Transport] = LocalTransport,
        strict: bool = True,
        silence: str = "off",
        scans: bool = True,
    ) -> None:
        self.clock, self.source = ManualClock(start.astimezone(UTC)), source
        self.point: Callable[[str], None] = no_point
        self.watch: Watch | None = None
        self._stood: tuple[datetime, int] | None = None
        self._due = Due([], [], False)
        self.helm: Helm | None = None
        self.holds: Callable[[Any], Iterable[str]] = nothing_else
        chosen = [registered(one) for one in workflows]
        with ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="billhook-flow-")))
            self.db, self._own = database or opened.enter_context(memory.lent()), database is None
            self.heads = folder / "ledger-head"
            head = self._head = OutsideHead(self.heads, "flow")
            opened.callback(self._let_go)
            settings = SourceSettings(name=source, kind=kind, zone=zone, currencies=tuple(currencies), silence=silence)
            client = self._plugged(kind, source, zone, currencies, wire, Rate(calls_per_minute))
            self.runtime = Runtime(
                db=self.db,
                clock=self.clock,
                registry=Registry(chosen),
                accounts={source: account_of(settings, client)},
                policies=policies or {w.name: {"mode": mode, **(policy or {} if w is chosen[0] else {})} for w in chosen},
                head=head,
                point=self.pass_point,
                owner="flow",
                strict=strict,
            )
            self.sweeper = Sweeper(runtime=self.runtime, drives=True)
            if not scans:
                self.db.write(lambda c: gaps.put_off(c, source, NEVER))
            if connect:
                self.connect()
            self._opened = opened.pop_all()

    def _plugged(
        self, kind: str, source: str, zone: str, currencies: Sequence[str], wire: Callable[[MonsumSandbox], Transport], rate: Rate
    ) -> Client:
        """The client of a new sandbox."""
        self.sandbox = MonsumSandbox(
            kind, user="owner@demo.invalid", key="sandbox-key", zone=zone, clock=lambda: self.clock.now, public_url="http://127.0.0.1:1"
        )
        api, transport = "http://127.0.0.1:1/api.php", WatchedTransport(wire(self.sandbox), asked=self._asked, point=self.pass_point)
        return bundle.make_client(
            kind, source, api, "owner@demo.invalid", "sandbox-key", zone, currencies, transport, rate, mailer=LocalMailer(self.sandbox)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._opened.close()

    def connect(self) -> None:
        """Read the baseline, at the provider's pace."""
        done = False
        while not done:
            try:
                done = baseline.read(self.runtime, self.source)
            except RateHeld as held:
                self.clock.pass_(held.wait)
        self.settle()

    def keep(self, body: bytes) -> int:
        """One push, as the door keeps it and no more; where the door is lost before its answer, the provider sends it again."""
        kind = catalog.kind(self.runtime.accounts[self.source].kind)
        named = kind.identify(body, {})
        arrival = inbox.Arrival(
            source=self.source,
            origin="push",
            native_type=named.native_type,
            native_id=named.native_id,
            body=body,
            received_at=self.clock.now,
        )
        while True:
            try:
                return self._append(arrival)
            except WorkerLost:
                continue

    def _append(self, arrival: inbox.Arrival) -> int:
        kept = self.db.write(lambda c: inbox.append(c, arrival))
        self.pass_point("kept")
        return kept.delivery_id

    def order(self, act: str, subject: str, **said: Any) -> str:
        """An operator's order; what the router answered, or "waiting"."""
        order = Order(act=act, subject=subject, **said)  # type: ignore[arg-type]
        arrival = operator.order_arrival(order, source=self.source, at=self.clock.now)
        kept = self.db.write(lambda c: inbox.append(c, arrival)).delivery_id
        self._at_work(lambda: self.pass_point("kept"))
        if self.helm is None:
            self._at_work(lambda: routing.route(self.runtime, kept))
        self.settle()
        (row,) = self.rows(sa.select(_DELIVERY).where(_DELIVERY.c.id == kept))
        return "waiting" if row["routed_at"] is None else f"{row['outcome']}: {row['reason'] or ''}"

    def settle(self) -> None:
        """Do everything that is due now."""
        if self.helm is not None:
            self.helm.settle()
            return
        for _ in range(ROUNDS_MAX):
            if self._at_work(self._round) == 0:
                return
        raise AssertionError("the flow never comes to rest: something is due again and again at one instant")

    def advance(self, *, until: datetime | None = None, **span: float) -> None:
        """Move the clock to `until` (or by days=, hours=, minutes=), stopping at every instant something comes due."""
        goal = until.astimezone(UTC) if until else self.clock.now + timedelta(**span)
        self._at_last(lambda: self.sweeper._ticks())
        self.settle()
        while (instant := self.next_instant()) is not None and instant <= goal:
            self.clock.move(max(instant, self.clock.now))
            if self.helm is None and (self.watch is None or self._is_duty_due()):
                self._at_last(lambda: self.sweeper.sweep())
            self.settle()
        self.clock.move(max(goal, self.clock.now))
        self.settle()

    def rows(self, query: sa.Select[Any]) -> list[sa.RowMapping]:
        """What the database holds."""
        with self.db.read() as connection:
            return list(connection.execute(query).mappings())

    @contextmanager
    def explored(self, holds: Callable[[Any], Iterable[str]] = nothing_else) -> Iterator[None]:
        """Inside, every transaction and call is watched, and the stage can be put back; a database of its own is a copy in memory.

        `holds` says, in sentences, what does not hold after a schedule besides the invariants.
        """
        self.holds = holds
        runtime, db = self.runtime, self.db
        inner = memory.MemoryDatabase() if self._own else db
        if self._own:
            memory.put_back(inner, memory.copied(db))
        disk, self.heads = self.heads, Path(tempfile.mkdtemp(prefix="billhook-heads-", dir=QUICK if QUICK.is_dir() else None))
        self.watch = Watch(runtime.registry, self.actor, runtime.first_mode, self.heads)
        watched = WatchedDatabase(inner, self.watch)
        self.db = watched
        self.runtime = replace(runtime, db=watched, strict=False)  # the same scenario, thousands of times
        self.hire("flow")
        try:
            yield
        finally:
            shutil.rmtree(self.heads)
            self.watch, self.db, self._stood, self.heads = None, db, None, disk
            self.hire("flow")
            self.runtime = replace(self.runtime, db=db, strict=runtime.strict)
            self.sweeper = Sweeper(runtime=self.runtime, drives=True)
            if self._own:
                inner.close()

    def actor(self) -> str:
        """Who is at work: the owner of a claim, or the scenario itself."""
        return self.helm.actor() if self.helm is not None else self.runtime.owner

    def pass_point(self, name: str) -> None:
        """An actor is at a point."""
        if self.watch is not None:
            self.watch.passed()
        self.point(name)

    def take_over(self) -> None:
        """The worker is gone: its lease ends, and another one is there."""
        number = int(self.runtime.owner.partition("-")[2] or 1) + 1
        self.hire(f"flow-{number}")
        self.clock.pass_(LEASE_OVER)

    def hire(self, owner: str) -> None:
        """A new worker, with a head file of its own."""
        self._let_go()
        self._head = OutsideHead(self.heads, owner)
        self.runtime = replace(self.runtime, owner=owner, head=self._head, meter=None)
        self.sweeper = Sweeper(runtime=self.runtime, drives=True)

    def _let_go(self) -> None:
        self._head.close()

    def _asked(self, service: str) -> None:
        if self.watch is not None:
            self.watch.asked(self.db, service)

    def _at_work(self, act: Callable[[], T]) -> T | None:
        """What act() gives; where the worker is lost in it, another takes over."""
        try:
            return act()
        except WorkerLost:
            self.take_over()
            return None

    def _at_last(self, act: Callable[[], int]) -> None:
        """act() until no worker is lost in it."""
        while self._at_work(act) is None:
            continue

    def stand(self) -> tuple[datetime, int] | None:
        """Where nothing new can be due as long as it stays the same; None where nobody counts commits."""
        return (self.clock.now, self.db.commits) if isinstance(self.db, WatchedDatabase) else None

    def _is_duty_due(self) -> bool:
        with self.db.read() as connection:
            return connection.execute(_DUTY, {"now": self.clock.now}).first() is not None

    def due(self) -> Due:
        """What is due now, asked again only where something changed."""
        stand = self.stand()
        if stand is None or stand != self._stood:
            with self.db.read() as connection:
                self._due = due(connection, self.clock.now)
            self._stood = stand
        return self._due

    def _round(self) -> int:
        if self.watch is not None and not self.due():
            return 0
        done = self.sweeper._deliveries() + self.sweeper._runs()
        with self.db.read() as connection:
            waiting = rereads.due(connection, now=self.clock.now, limit=20)
        for row in waiting:
            rereads.perform(self.runtime, row)
        return done + len(waiting)

    def next_instant(self) -> datetime | None:
        """The next instant at which something comes due."""
        with self.db.read() as connection:
            return next_instant(self.runtime, connection)

    def copied(self) -> Saved:
        """Everything as it is now, for `put_back`."""
        inner = self.inner()
        content = inner.copied() if isinstance(inner, memory.MemoryDatabase) else memory.copied(inner)
        return Saved(content, self.sandbox.copied(), self.clock.now, self.clock.boot)

    def put_back(self, saved: Saved) -> None:
        """Be what `copied` saw, with a new worker."""
        inner = self.inner()
        if isinstance(inner, memory.MemoryDatabase):
            inner.put_back(saved.database)
        else:
            memory.put_back(inner, saved.database)
        self.sandbox.put_back(saved.sandbox)
        self.clock.now, self.clock.boot = saved.now, saved.boot
        for path in self.heads.glob("*.head"):
            path.unlink()
        self.hire("flow")
        self._stood = None
        if self.watch is not None:
            with self.db.read() as connection:
                self.watch.begin(connection)

    def inner(self) -> Database:
        """The database without its watch."""
        return self.db.inner if isinstance(self.db, WatchedDatabase) else self.db


def registered(one: Callable[..., None] | str) -> Workflow:
    """The workflow of a decorated function or of a name. Raises ValueError where there is none."""
    found = next((w for w in REGISTRY.all() if w.fn is one or w.name == one), None)
    if found is None:
        raise ValueError(f"{one} is not a registered workflow: decorate it with @workflow and import its file")
    return found
