"""The stage of a scenario: the real router, engine and sweeper, the sandbox behind them, one clock, and a list of what is still to happen.

Moves the clock from one due instant to the next. What repeats within the hour (`Every`) has its turn at every stop, once more a
while after anything happened, and else once a day: a look where nothing changed finds nothing. A worker that is down does nothing; one that
crashes is replaced, and its lease ends. Happenings come from workers/simulate/happenings.py; nothing here knows a workflow.
"""

import heapq
import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from itertools import count

import sqlalchemy as sa

from receiver import inbox
from receiver.db import table_of
from receiver.errors import OutcomeUnknown
from receiver.event import Event
from workers import control, duties, events, operator, runs
from workers.gates import BankChecked
from workers.ledger import EffectRow
from workers.operator import Order
from workers.providers.http import Answer, Ask
from workers.registry import Registry, Workflow
from workers.sandbox.core import MonsumSandbox
from workers.sandbox.transport import LocalTransport
from workers.schedule import Every
from workers.simulate.scenario import Scenario
from workers.simulate.timeline import Draft
from workers.sweeper import next_instant
from workers.testing.flow import Flow
from workers.testing.stage import ROUNDS_MAX

BEFORE = timedelta(hours=1)  # the baseline is read so long before `start`
LOOK_AFTER = timedelta(minutes=20)
ASLEEP = timedelta(days=1)
CALL_LONGEST_S = 20
AUTHORS = "author_"  # how workers/loading.py begins the name of a further folder's module
AUTO, PERSON = "auto_approve", "operator"


class Gone(BaseException):
    """The worker is lost where the scenario wants it."""


class Wire(LocalTransport):
    """The sandbox's wire on which calls may take their time: `slow` holds (service or None, seconds) for the next calls."""

    def __init__(self, sandbox: MonsumSandbox) -> None:
        super().__init__(sandbox)
        self.slow: list[tuple[str | None, int]] = []
        self.passes: Callable[[timedelta], None] = lambda span: None

    def send(self, ask: Ask, *, before_write: Callable[[], None] | None = None, started: float | None = None) -> Answer:
        """The Answer, after the time it takes; past the longest a call may take, its outcome is unknown."""
        found = next((one for one in self.slow if ask.body and one[0] in (None, json.loads(ask.body).get("SERVICE"))), None)
        if found is None:
            return super().send(ask, before_write=before_write, started=started)
        self.slow.remove(found)
        answer = super().send(ask, before_write=before_write, started=started)
        self.passes(timedelta(seconds=min(found[1], CALL_LONGEST_S)))
        if found[1] >= CALL_LONGEST_S:
            raise OutcomeUnknown(provider=ask.provider, kind="timeout")
        return answer


class Stage:
    """One scenario on its clock. `perform` is the whole of it; afterwards the database holds what came of it."""

    def __init__(self, scenario: Scenario, registry: Registry) -> None:
        self.scenario, self._ids = scenario, count(1)
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order, self._workers = count(), count(2)
        self.noted: list[Draft] = []
        self.down_until: datetime | None = None
        self.crash_at: str | None = None
        self._in_call, self._approved = False, set[str]()
        self._wires: list[Wire] = []
        chosen = taking_part(scenario.policy, registry)
        self.flow = Flow(
            *(workflow.name for workflow in chosen), policies=_policies(scenario, chosen), kind=scenario.kind, zone=scenario.zone,
            start=scenario.instant(scenario.start) - BEFORE, source=scenario.source, connect=False, currencies=scenario.currencies,
            strict=False, wire=self._wire,
        )  # fmt: skip
        self._prepare(self.flow)
        self._looks = tuple(looks(scenario.source, chosen))
        self._look_at = self._stopped_at = self.now

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self.flow.close()

    @property
    def now(self) -> datetime:
        return self.flow.clock.now

    @property
    def sandbox(self) -> MonsumSandbox:
        return self.flow.sandbox

    @property
    def wire(self) -> Wire:
        return self._wires[0]

    def at(self, instant: datetime, act: Callable[[], None]) -> None:
        """Have `act` happen at `instant`, after what was asked for that instant before."""
        heapq.heappush(self._due, (max(instant, self.now), next(self._order), act))

    def perform(self) -> None:
        """From the baseline to the scenario's end."""
        end = self.scenario.instant(self.scenario.until)
        self.flow.connect()
        self._leave_out_scans(end)
        self._keep_fresh(end)
        self._work(self.flow.sweeper.sweep)
        self.at(self.scenario.instant(self.scenario.start), lambda: None)
        while self._due and self._due[0][0] <= end:
            instant = self._due[0][0]
            self._until(instant)
            self._happen(instant)
            self._settle()
        self._until(end)

    def _leave_out_scans(self, end: datetime) -> None:
        """No webhook is lost here, so nothing is to be found by reading the whole account every quarter of an hour."""
        self.flow.db.write(lambda c: duties.due(c, f"scan:{self.scenario.source}", now=end, every=ASLEEP))

    def _keep_fresh(self, end: datetime) -> None:
        """A person has compared the bank account up to the last day: the scenario says itself what was paid."""
        event = BankChecked(source=self.scenario.source, at=self.now, through=end.astimezone(self.scenario.tz).date())
        self.flow.db.write(lambda c: events.record(c, event, "bank", delivery_id=0, at=self.now, historical=True))

    def _move(self, instant: datetime) -> None:
        """Move the clock. Nothing the provider tells is lost here, so that what is known of it is always as of now."""
        self.flow.clock.move(instant)
        name = control.synced_name(self.scenario.source)
        self.flow.db.write(lambda c: control.put(c, name, self.now.isoformat(), at=self.now))

    def give(self, *told: Event) -> None:
        """What an operator tells, at this instant."""
        for event in told:
            self._submit(operator.signal_arrival(event, actor=PERSON, at=self.now, id=self._name("signal")))

    def order(self, order: Order) -> None:
        """What an operator decides, at this instant; a refusal is a row of the timeline."""
        self._submit(operator.order_arrival(order, source=self.scenario.source, at=self.now, id=self._name("order")))

    def ids(self, *states: str, invoice: str | None = None, customer: str | None = None, workflow: str | None = None) -> list[str]:
        """Effects in these states about these objects, in the order they were intended."""
        table = table_of(EffectRow)
        query = sa.select(table.c.id).where(table.c.state.in_(states)).order_by(table.c.intended_at, table.c.id)
        for column, value in ((table.c.object_id, invoice), (table.c.customer_id, customer), (table.c.workflow, workflow)):
            query = query if value is None else query.where(column == value)
        return [row["id"] for row in self.flow.rows(query)]

    def repeat(self, times: int, about: str | None) -> None:
        """Deliver the last notification that names `about` once more, so often, byte for byte."""
        letters = [letter.notification.body for letter in self.sandbox.outbox.letters]
        found = [body for body in letters if about is None or f'"{about}"'.encode() in body or f":{about},".encode() in body]
        for _ in range(times if found else 0):
            self.flow.keep(found[-1])

    def _submit(self, arrival: inbox.Arrival) -> None:
        self.flow.db.write(lambda c: inbox.append(c, arrival))

    def _name(self, what: str) -> str:
        return f"{what}-{next(self._ids):06}"

    def _wire(self, sandbox: MonsumSandbox) -> Wire:
        self._wires.append(Wire(sandbox))
        self.wire.passes = self._pass_in_call
        return self.wire

    def _prepare(self, flow: Flow) -> None:
        flow.runtime.new_id = lambda: f"{next(self._ids):020}"
        flow.point = self._point

    def _point(self, name: str) -> None:
        if name == self.crash_at and not self._down:
            self.crash_at = None
            raise Gone

    @property
    def _down(self) -> bool:
        return self.down_until is not None and self.now < self.down_until

    def _happen(self, instant: datetime) -> None:
        """Everything that was asked for by `instant`."""
        while self._due and self._due[0][0] <= instant:
            heapq.heappop(self._due)[2]()
        self._look_at = self.now + LOOK_AFTER

    def _until(self, goal: datetime) -> None:
        """Move the clock to `goal`, stopping at every instant at which something comes due."""
        while self.now < goal:
            self._move(min(self._next(), goal))
            self._stopped_at = self.now
            if not self._down:
                self._work(self.flow.sweeper.sweep)
            self._settle()

    def _next(self) -> datetime:
        """The next instant at which to stop."""
        if self._down and self.down_until is not None:
            return self.down_until
        with self.flow.db.read() as connection:
            due = next_instant(self.flow.runtime, connection, without=self._looks)
        look = self._look_at if self._looks and self.now < self._look_at else self._stopped_at + ASLEEP
        if due is not None and due <= look:
            self._look_at = due + LOOK_AFTER
            return due
        return look

    def _settle(self) -> None:
        """Everything that is due now, what the provider tells of it and what is approved by itself included."""
        for _ in range(ROUNDS_MAX):
            self._receive()
            if self._down or self._in_call:
                return
            self._work(self.flow.settle)
            if not self._approve() and self.sandbox.outbox.next_at() is None:
                return
        raise AssertionError("the scenario never comes to rest: something is due again and again at one instant")

    def _receive(self) -> None:
        for notification in self.sandbox.drain():
            self.flow.keep(notification.body)

    def _approve(self) -> bool:
        waiting = [id for id in self.ids("proposed") if id not in self._approved] if self.scenario.auto_approve else []
        for id in waiting:
            self._approved.add(id)
            self.order(Order(act="approve", subject=id, actor=AUTO))
        return bool(waiting)

    def _work(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Gone:
            self._take_over()

    def _take_over(self) -> None:
        """Another worker goes on: the lost one's lease has ended."""
        lost = self.flow.runtime
        self.flow.hire(f"worker-{next(self._workers)}")
        ended = {"lease_until": self.now - timedelta(seconds=1)}
        table = table_of(runs.RunRow)
        self.flow.db.write(lambda c: c.execute(sa.update(table).where(table.c.owner == lost.owner).values(ended)))
        self.flow.db.write(lambda c: duties.release(c, lost.owner))
        self._work(self.flow.settle)

    def _pass_in_call(self, span: timedelta) -> None:
        """Time passes while a call is under way: what happens meanwhile is kept and routed, and the one worker is busy."""
        goal, self._in_call = self.now + span, True
        while self._due and self._due[0][0] <= goal:
            self.flow.clock.move(max(self._due[0][0], self.now))
            self._happen(self.now)
            self._receive()
            self.flow.sweeper._deliveries()
        self.flow.clock.move(goal)
        self._in_call = False


def taking_part(policies: Collection[str], registry: Registry) -> list[Workflow]:
    """The workflows that have a policy in a scenario, and those that live in one folder with them."""
    homes = {_home(workflow) for name in policies if (workflow := registry.get(name)) is not None}
    return [workflow for workflow in registry.all() if workflow.name in policies or _home(workflow) in homes]


def looks(source: str, chosen: Sequence[Workflow]) -> list[str]:
    """The duties that look more than once an hour: every shorter `Every`."""
    often = [(w.name, t) for w in chosen for t in w.on if isinstance(t, Every) and t.seconds < 3_600]
    return [f"tick:{source}:{name}:{schedule}" for name, schedule in often]


def _home(workflow: Workflow) -> str:
    """The folder of a workflow, or its file where that stands alone."""
    module = workflow.fn.__module__
    if module.startswith("workflows."):
        return ".".join(module.split(".")[:2])
    return module.partition(".")[0] if module.startswith(AUTHORS) else module


def _policies(scenario: Scenario, chosen: Sequence[Workflow]) -> dict[str, dict[str, object]]:
    """What billhook.toml would say: a workflow without a policy observes."""
    return {workflow.name: {"mode": "observe", **scenario.policy.get(workflow.name, {})} for workflow in chosen}
