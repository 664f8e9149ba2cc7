"""Flow: a whole billhook in one process on a clock that tests move.

A source, its sandbox, the router, the engine and the sweeper, on SQLite in a temporary folder (or a database that is passed in).
`deliver` and `notify` bring webhooks in, `advance` moves the clock from one due instant to the next, `effects` and `runs` show what
came of it. Nothing sleeps and nothing is patched: the same code runs in production.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import Event
from receiver.settings import SourceSettings
from receiver.sources import catalog
from workers import baseline, control, desk, ledger, operator, recordings, rereads, routing, runs, schema
from workers.chain import OutsideHead
from workers.errors import RateHeld
from workers.operator import Order
from workers.providers import bundle
from workers.registry import REGISTRY, Registry, Workflow
from workers.runtime import Runtime
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.transport import LocalTransport
from workers.settings import account_of
from workers.sweeper import Sweeper, next_instant
from workers.testing.clock import ManualClock

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ROUNDS_MAX = 10_000


class Flow:
    """One source under test. `workflows` are decorated functions or names; every other registered workflow stays out.

    `policy` is the first workflow's; the others have their defaults. `mode` is for all. `strict` replays every activation at once and
    raises NotReplayable where it does not come out the same, or where the function looks at a clock or draws lots (workers/strict.py).
    """

    def __init__(
        self,
        *workflows: Callable[..., None] | str,
        policy: Mapping[str, Any] | None = None,
        mode: str = "auto",
        kind: Literal["monsum", "fastbill"] = "monsum",
        zone: str = "Europe/Berlin",
        start: datetime = START,
        source: str = "shop",
        database: Database | None = None,
        connect: bool = True,
        calls_per_minute: int = 60_000,
        strict: bool = True,
    ) -> None:
        self.clock, self.source = ManualClock(start.astimezone(UTC)), source
        chosen = [registered(one) for one in workflows]
        with ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="billhook-flow-")))
            self.db = database or _fresh(folder / "billhook.db")
            if database is None:
                opened.callback(self.db.close)
            head = OutsideHead(folder / "ledger-head", "flow")
            opened.callback(head.close)
            self.sandbox = MonsumSandbox(
                kind, user="owner@demo.invalid", key="sandbox-key", zone=zone, clock=lambda: self.clock.now, public_url="http://127.0.0.1:1"
            )
            api, transport = "http://127.0.0.1:1/api.php", LocalTransport(self.sandbox)
            client = bundle.make_client(kind, source, api, "owner@demo.invalid", "sandbox-key", zone, ("EUR",), transport, calls_per_minute)
            self.runtime = Runtime(
                db=self.db,
                clock=self.clock,
                registry=Registry(chosen),
                accounts={source: account_of(SourceSettings(name=source, kind=kind, zone=zone), client)},
                policies={w.name: {"mode": mode, **(policy or {} if w is chosen[0] else {})} for w in chosen},
                head=head,
                owner="flow",
                strict=strict,
            )
            self.sweeper = Sweeper(runtime=self.runtime, drives=True)
            if connect:
                self._connect()
            self._opened = opened.pop_all()

    def __enter__(self) -> "Flow":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._opened.close()

    def _connect(self) -> None:
        """Read the baseline, at the provider's pace."""
        done = False
        while not done:
            try:
                done = baseline.read(self.runtime, self.source)
            except RateHeld as held:
                self.clock.pass_(held.wait)
        self.settle()

    def deliver(self, body: bytes) -> int:
        """One push, as the door keeps it, and everything that follows now; its delivery id."""
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
        kept = self.db.write(lambda c: inbox.append(c, arrival))
        self.settle()
        return kept.delivery_id

    def notify(self) -> int:
        """Deliver what the sandbox has queued; how many notifications."""
        notifications = self.sandbox.drain()
        for notification in notifications:
            self.deliver(notification.body)
        return len(notifications)

    def trigger(self, act: str, **overrides: str) -> dict[str, str]:
        """Let something happen at the provider and deliver its notifications; the ids of what was touched."""
        ids = self.sandbox.trigger(act, overrides)
        self.notify()
        return ids

    def signal(self, event: Event, *, actor: str = "operator") -> None:
        """An event an operator gives."""
        self.db.write(lambda c: inbox.append(c, operator.signal_arrival(event, actor=actor, at=self.clock.now)))
        self.settle()

    def order(self, act: str, subject: str, **said: Any) -> str:
        """An operator's order; what the router answered."""
        order = Order(act=act, subject=subject, **said)  # type: ignore[arg-type]
        kept = self.db.write(lambda c: inbox.append(c, operator.order_arrival(order, source=self.source, at=self.clock.now)))
        routed = routing.route(self.runtime, kept.delivery_id)
        self.settle()
        return f"{routed.outcome}: {routed.reason}" if routed else "waiting"

    def set_mode(self, workflow: str, mode: str, *, include_existing: bool = False) -> None:
        self.db.write(
            lambda c: control.set_mode(
                c,
                self.source,
                workflow,
                mode,
                was=control.mode_of(c, self.source, workflow, self.runtime.first_mode(workflow)),
                at=self.clock.now,
                actor="operator",
                include_existing=include_existing,
            )
        )

    def record(self, path: Path | str) -> int:
        """Write the journals of all runs, finished ones too, to a file that `assert_replays` takes; how many."""
        zones = {name: str(account.zone) for name, account in self.runtime.accounts.items()}
        return recordings.write(Path(path), recordings.from_database(self.db, zones, finished_too=True))

    def settle(self) -> None:
        """Do everything that is due now."""
        for _ in range(ROUNDS_MAX):
            if not self._round():
                return
        raise AssertionError("the flow never comes to rest: something is due again and again at one instant")

    def advance(self, *, until: datetime | None = None, **span: float) -> None:
        """Move the clock to `until` (or by days=, hours=, minutes=), stopping at every instant something comes due."""
        goal = until.astimezone(UTC) if until else self.clock.now + timedelta(**span)
        self.sweeper._ticks()
        self.settle()
        while (instant := self._next()) is not None and instant <= goal:
            self.clock.move(max(instant, self.clock.now))
            self.sweeper.sweep()
            self.settle()
        self.clock.move(goal)
        self.settle()

    @property
    def effects(self) -> list[tuple[str, str, str, str | None]]:
        """(step, object id, state, reason) of every effect, in the order they were intended."""
        table = table_of(ledger.EffectRow)
        rows = self.rows(sa.select(table).order_by(table.c.intended_at, table.c.id))
        return [(row["step"], row["object_id"], row["state"], row["reason"]) for row in rows]

    @property
    def runs(self) -> list[tuple[str, str, str, str | None]]:
        """(workflow, key, status, reason) of every run, in the order they started."""
        table = table_of(runs.RunRow)
        return [
            (r["workflow"], r["key"], r["status"], r["reason"])
            for r in self.rows(sa.select(table).order_by(table.c.started_at, table.c.id))
        ]

    @property
    def calls(self) -> list[tuple[str, datetime]]:
        """(service, instant) of every writing call the sandbox acted on."""
        return [
            (call.service, call.at) for call in self.sandbox.calls if call.acted and not call.service.endswith((".get", ".getreminders"))
        ]

    def ids(self, state: str) -> list[str]:
        """The ids of the effects in a state ("proposed", "unknown", …), in the order they were intended: what `order` takes."""
        table = table_of(ledger.EffectRow)
        rows = self.rows(sa.select(table.c.id).where(table.c.state == state).order_by(table.c.intended_at, table.c.id))
        return [row["id"] for row in rows]

    @property
    def told(self) -> list[tuple[str, str]]:
        """("alert", reason), ("task", reason) and ("parked", kind) of all that people were told and have not closed."""
        said = []
        for name, model, column in (("alert", desk.Alert, "reason"), ("task", desk.Task, "reason"), ("parked", desk.Parked, "kind")):
            table = table_of(model)
            said += [(name, row[column]) for row in self.rows(sa.select(table).where(table.c.closed_at.is_(None)).order_by(table.c.id))]
        return said

    def rows(self, query: sa.Select[Any]) -> list[sa.RowMapping]:
        """What the database holds."""
        with self.db.read() as connection:
            return list(connection.execute(query).mappings())

    def _round(self) -> int:
        done = self.sweeper._deliveries() + self.sweeper._runs()
        with self.db.read() as connection:
            waiting = rereads.due(connection, now=self.clock.now, limit=20)
        for row in waiting:
            rereads.perform(self.runtime, row)
        return done + len(waiting)

    def _next(self) -> datetime | None:
        with self.db.read() as connection:
            return next_instant(self.runtime, connection)


def registered(one: Callable[..., None] | str) -> Workflow:
    """The workflow of a decorated function or of a name. Raises ValueError where there is none."""
    found = next((w for w in REGISTRY.all() if w.fn is one or w.name == one), None)
    if found is None:
        raise ValueError(f"{one} is not a registered workflow: decorate it with @workflow and import its file")
    return found


def _fresh(path: Path) -> Database:
    path.write_bytes(_empty_file(tuple(schema.METADATA.tables)))
    return Database(f"sqlite:///{path}")


@cache
def _empty_file(tables: tuple[str, ...]) -> bytes:
    """An SQLite file that holds `tables`, which are all there are, and nothing else."""
    memory = sa.create_engine("sqlite://")
    try:
        with memory.begin() as connection:
            schema.METADATA.create_all(connection)
        with memory.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            return bytes(raw.serialize())
    finally:
        memory.dispose()
