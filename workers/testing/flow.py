"""Flow: a whole billhook in one process on a clock that tests move.

A source, its sandbox, the router, the engine and the sweeper, on SQLite in a temporary folder (or a database that is passed in).
`deliver` and `notify` bring webhooks in, `advance` moves the clock from one due instant to the next, `effects` and `runs` show what
came of it. Nothing sleeps and nothing is patched: the same code runs in production. `crash_everywhere` and `interleave` play a scenario
again and again, each time with its worker lost at another point, or in another order.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from receiver.db import table_of
from receiver.event import Event
from workers import control, desk, ledger, operator, recordings, runs
from workers.testing import crashes, interleaving, invariants
from workers.testing.crashes import Explored, Scenario, Step
from workers.testing.interleaving import Act
from workers.testing.stage import START, Stage, nothing_else

__all__ = ["START", "Flow"]
REST = timedelta(hours=1)
_READS = (".get", ".getreminders", *invariants.QVICKLY_READS, *invariants.AUTODNS_READS)
Holds = Callable[[Any], Iterable[str]]


class Flow(Stage):
    """One source under test. `workflows` are decorated functions or names; every other registered workflow stays out.

    `policy` is the first workflow's; the others have their defaults. `mode` is for all. `policies` gives both by workflow, as billhook.toml
    does. `wire` carries the client's calls to the sandbox. `strict` replays every activation at once and raises NotReplayable where it
    does not come out the same, or where the function looks at a clock or draws lots (workers/strict.py).
    """

    def deliver(self, body: bytes) -> int:
        """One push, as the door keeps it, and everything that follows now; its delivery id, or 0 where it comes later."""
        if self.helm is not None:
            self.helm.post(body)
            return 0
        delivery_id = self.keep(body)
        self.settle()
        return delivery_id

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
        arrival = operator.signal_arrival(event, actor=actor, at=self.clock.now)
        self._at_work(lambda: self._append(arrival))
        self.settle()

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
        self._at_work(lambda: self.pass_point("mode-set"))

    def record(self, path: Path | str) -> int:
        """Write the journals of all runs, finished ones too, to a file that `assert_replays` takes; how many."""
        zones = {name: str(account.zone) for name, account in self.runtime.accounts.items()}
        return recordings.write(Path(path), recordings.from_database(self.db, zones, finished_too=True))

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
        return [(call.service, call.at) for call in self.sandbox.calls if call.acted and not call.service.endswith(_READS)]

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

    def crash_everywhere(
        self,
        scenario: Scenario,
        *,
        again: Sequence[int] = (1, 2, 3),
        only: Container[int] = crashes.EVERY,
        seeds: Sequence[int] = (),
        holds: Holds = nothing_else,
        rest: timedelta = REST,
        go_on: bool = False,
    ) -> Explored:
        """Play `scenario(flow)` once for every point it passes, with the worker lost there, and again with a second loss `again` later.

        `only` names some of the points by number. Then once for every seed, as `interleave` says. After each schedule all that ends within
        `rest` ends; then the invariants hold, and the outcome is that of the scenario without a loss, or an effect of which nobody can
        know waits for a person; `holds(flow)` gives, in sentences, what else of yours does not hold. Raises Broken, which prints the
        schedule to give to `replay`; with `go_on`, keeps it in `caught`.
        """
        with self.explored(holds):
            explored = crashes.everywhere(self, scenario, again=again, only=only, rest=rest, go_on=go_on)
            return explored + interleaving.seeded(self, scenario, seeds=seeds, rest=rest, allowed=explored.acts, go_on=go_on)

    def interleave(
        self,
        scenario: Scenario,
        *,
        seeds: Sequence[int],
        meanwhile: Sequence[Act] = (),
        afterwards: Callable[[Any], object] = interleaving.nothing,
        holds: Holds = nothing_else,
        rest: timedelta = REST,
        go_on: bool = False,
    ) -> Explored:
        """Play `scenario(flow)` once for every seed: two workers, a router and a sweeper in turns, one point at a time.

        Deliveries come doubled and out of order, workers are lost or stand still past their lease, and each of `meanwhile` happens at
        any instant or not at all. `afterwards(flow)` undoes what would hold things back for ever. The provider does nothing twice.
        """
        with self.explored(holds):
            how = {"meanwhile": meanwhile, "afterwards": afterwards, "rest": rest}
            return interleaving.seeded(self, scenario, seeds=seeds, allowed={}, go_on=go_on, **how)  # type: ignore[arg-type]

    def replay(
        self,
        scenario: Scenario,
        schedule: Sequence[Step],
        *,
        meanwhile: Sequence[Act] = (),
        afterwards: Callable[[Any], object] = interleaving.nothing,
        holds: Holds = nothing_else,
        rest: timedelta = REST,
    ) -> Explored:
        """Play one schedule that `crash_everywhere` or `interleave` printed. Raises Broken as it did, or where it goes another way now."""
        with self.explored(holds):
            if any(actor in interleaving.ACTORS for _, actor in schedule):
                how = {"meanwhile": meanwhile, "afterwards": afterwards, "rest": rest}
                return interleaving.replayed(self, scenario, schedule, allowed={}, **how)  # type: ignore[arg-type]
            return crashes.replayed(self, scenario, schedule, rest=rest)
