"""The sweeper: schedules tick once, missed ticks fold into one, hints are bounded, and it alone drives everything."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from receiver import inbox
from receiver.db import table_of
from tests.workers.letters import mail, times
from tests.workers.routed import arrival
from workers.authoring import Daily, Every, InvoiceCompleted, Run, Tick, workflow
from workers.duties import Duty
from workers.events import EventRow
from workers.runs import RunRow
from workers.runtime import Runtime
from workers.sweeper import Sweeper
from workers.testing.flow import START, Flow

TICKS: list[Tick] = []


@workflow("t-ticking", on=(Every("1h"), Daily("09:00")))
def ticking(run: Run, event: Tick) -> None:
    TICKS.append(event)


@workflow("t-starting", on=InvoiceCompleted)
def starting(run: Run, event: InvoiceCompleted) -> None:
    """Ends at once."""


@dataclass
class Heard:
    """Keeps what was announced."""

    deliveries: list[int] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def announce_delivery(self, delivery_id: int) -> None:
        self.deliveries.append(delivery_id)

    def announce_run(self, run_id: str) -> None:
        self.runs.append(run_id)


def ticks(flow: Flow) -> list[sa.RowMapping]:
    return flow.rows(sa.select(table_of(EventRow)).where(table_of(EventRow).c.type == "clock.tick").order_by(table_of(EventRow).c.id))


def unrouted(flow: Flow, count: int) -> list[int]:
    kept = []
    for _ in range(count):
        flow.sandbox.trigger("invoice.completed", {})
        for notification in flow.sandbox.drain():
            kept.append(flow.db.write(lambda c, body=notification.body: inbox.append(c, arrival(flow, body))).delivery_id)  # type: ignore[misc]
    return kept


def test_a_schedule_ticks_at_each_of_its_instants() -> None:
    TICKS.clear()
    with Flow(ticking, strict=False) as flow:  # the workflow counts how often it is called
        flow.advance(hours=3)

        assert [tick.at for tick in TICKS] == [START + timedelta(hours=hours) for hours in (1, 2, 3)]


def test_two_schedules_of_one_workflow_both_tick() -> None:
    TICKS.clear()
    with Flow(ticking, strict=False, start=START + timedelta(minutes=30)) as flow:
        flow.advance(days=1)

        assert len(TICKS) == 24  # every hour, and 09:00 in Berlin falls on one of them
        names = [row["name"] for row in flow.rows(sa.select(table_of(Duty))) if row["name"].startswith("tick:")]
        assert sorted(names) == ["tick:shop:t-ticking:09:00", "tick:shop:t-ticking:1h"]


def test_missed_ticks_fold_into_the_last_which_says_how_many() -> None:
    TICKS.clear()
    with Flow(ticking, strict=False) as flow:
        flow.advance(minutes=1)
        flow.clock.pass_(timedelta(hours=5))
        flow.sweeper.sweep()
        flow.settle()

        assert [(tick.at, tick.missed) for tick in TICKS] == [(START + timedelta(hours=5), 4)]


def test_a_schedule_that_is_new_begins_with_its_next_instant() -> None:
    with Flow(ticking, strict=False) as flow:
        flow.sweeper.sweep()
        flow.settle()

        assert ticks(flow) == []


def test_two_sweepers_do_not_sweep_at_once() -> None:
    with Flow(starting) as flow:
        other = Sweeper(
            runtime=Runtime(db=flow.db, clock=flow.clock, registry=flow.runtime.registry, accounts=flow.runtime.accounts, owner="two"),
            drives=True,
        )
        flow.sweeper.sweep()
        unrouted(flow, 1)
        assert other.sweep() == 0

        flow.clock.pass_(timedelta(seconds=16))

        assert other.sweep() > 0


def hinting(flow: Flow, hints_max: int) -> tuple[Sweeper, Heard]:
    heard = Heard()
    flow.runtime.announcer = heard
    return Sweeper(runtime=flow.runtime, hints_max=hints_max), heard


def test_never_more_is_announced_at_once_than_the_workers_can_take() -> None:
    with Flow(starting) as flow:
        kept = unrouted(flow, 5)
        sweeper, heard = hinting(flow, 4)
        sweeper.sweep()

        assert heard.deliveries[:4] == kept[:4]
        assert kept[4] not in heard.deliveries


def test_an_unrouted_delivery_is_announced_again_with_growing_pauses() -> None:
    with Flow(starting) as flow:
        (first, *_) = unrouted(flow, 1)
        sweeper, heard = hinting(flow, 4)
        for _ in range(20):
            sweeper.sweep()
            flow.clock.pass_(timedelta(seconds=1))

        assert heard.deliveries.count(first) == 4  # at 0, 2, 6 and 14 seconds


def test_a_ready_run_is_hinted_again_with_growing_pauses() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.clock.pass_(timedelta(minutes=6))
        sweeper, heard = hinting(flow, 4)
        at: list[float] = []
        for _ in range(400):
            before = len(heard.runs)
            sweeper.sweep()
            if len(heard.runs) > before:
                at.append(flow.clock.boot)
            flow.clock.pass_(timedelta(seconds=1))

        pauses = [later - earlier for earlier, later in pairwise(at)]
        assert pauses[:6] == [2, 4, 8, 16, 32, 60]
        assert max(pauses) == 60


def test_a_claimed_run_is_not_hinted_and_an_abandoned_one_is() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.clock.pass_(timedelta(minutes=6))
        table = table_of(RunRow)
        lease = flow.clock.now + timedelta(seconds=30)
        flow.db.write(lambda c: c.execute(sa.update(table).values(status="running", lease_until=lease)))
        sweeper, heard = hinting(flow, 4)
        sweeper.sweep()
        assert heard.runs == []

        flow.clock.pass_(timedelta(seconds=31))
        sweeper.sweep()

        assert len(heard.runs) == 1


def test_without_any_broker_the_sweeper_alone_drives_a_run_to_its_end() -> None:
    with Flow(mail) as flow:
        unrouted(flow, 1)
        for _ in range(30):
            flow.sweeper.sweep()
            flow.clock.pass_(timedelta(seconds=20))

        assert times(flow, "invoice.sendbyemail") == 1
        assert flow.runs[0][2] == "done"


def test_a_sweeper_told_to_stop_asks_no_provider() -> None:
    with Flow(starting, connect=False) as flow:
        before = len(flow.sandbox.calls)
        stopping: Any = Sweeper(runtime=flow.runtime, drives=True, stopping=lambda: True)
        stopping.sweep()

        assert len(flow.sandbox.calls) == before


def test_an_account_that_meets_a_surprise_stops_no_other() -> None:
    with Flow(starting) as flow:
        broken = replace(flow.runtime.accounts["shop"], name="broken", client=object())
        flow.runtime.accounts = {"broken": broken, **flow.runtime.accounts}
        flow.sandbox.trigger("invoice.completed", {})
        flow.sandbox.drain()
        flow.advance(minutes=40)
        flow.clock.pass_(timedelta(minutes=20))
        flow.sweeper.sweep()
        flow.settle()

        assert len(flow.runs) == 1
