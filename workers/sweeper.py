"""The sweeper: finds what nobody told anybody about, and keeps the schedules.

Re-hints unrouted deliveries and ready, due or abandoned runs, puts due ticks into the inbox, performs re-reads, baselines and the scans
of the gap finder, listens for sources that went quiet, starts what a broken workflow file missed. One process at a time holds the role;
with no broker it drives every run itself. Loses nothing when it dies: all it knows is in the database.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import is_trouble, table_of
from receiver.event import Tick
from receiver.log import get_logger
from workers import baseline, catchup, claims, control, drain, duties, engine, gaps, operator, rereads, routing, silence
from workers.runs import RunRow
from workers.runtime import Runtime
from workers.schedule import Daily, Every

log = get_logger(__name__)
REREADS_AT_ONCE = 20
DRIVE_S = 2.0


@dataclass(kw_only=True)
class Sweeper:
    """`hints_max` bounds what is announced at once; `drives` is set where there is no broker to announce through."""

    runtime: Runtime
    hints_max: int = 16
    drives: bool = False
    stopping: Callable[[], bool] = field(default=lambda: False)
    _listened_at: datetime | None = None
    _told: dict[int, tuple[datetime, int]] = field(default_factory=dict)  # unrouted delivery: when last announced, how often

    def sweep(self) -> int:
        """One round; how many things were done or announced. Zero where another process holds the role."""
        runtime = self.runtime
        if not runtime.db.write(lambda c: duties.take(c, "sweeper", runtime.owner, machine=runtime.clock.machine(c))):
            return 0
        runtime.point("sweeping")
        done = self._ticks() + self._deliveries() + catchup.work_off(runtime) + self._runs()
        self._end_drain()
        self._listen()
        for account in list(runtime.accounts.values()):
            if account.client is not None and not self.stopping():
                done += self._guarded(account.name)
        return done + self._rereads()

    def _ticks(self) -> int:
        """Put the latest due instant of every schedule into the inbox; the identity keeps it single, and missed ones coalesce."""
        count = 0
        for account in self.runtime.accounts.values():
            for workflow in (one for one in self.runtime.registry.all() if one.is_for(account.kind)):
                for schedule in (t for t in workflow.on if isinstance(t, Every | Daily)):
                    count += self._tick(account.name, workflow.name, schedule)
        return count

    def _tick(self, source: str, workflow: str, schedule: Every | Daily) -> int:
        runtime, zone = self.runtime, self.runtime.zone_of(source)
        name = f"tick:{source}:{workflow}:{schedule}"
        with runtime.db.read() as connection:
            now = runtime.clock.business(connection)
            table = table_of(duties.Duty)
            next_at = connection.execute(sa.select(table.c.next_at).where(table.c.name == name)).scalar_one_or_none()
        if next_at is not None and now < next_at:
            return 0
        instant = schedule.latest(now, zone)

        def act(connection: Connection) -> int | None:
            duties.due(connection, name, now=now, every=schedule.following(now, zone) - now)
            if next_at is None:
                return None  # a new schedule begins with its next instant
            tick = Tick(source=source, at=instant, workflow=workflow, missed=_missed(schedule, next_at, instant, zone))
            kept = inbox.append(connection, operator.tick_arrival(tick, workflow=workflow, at=now))
            return kept.delivery_id if kept.new else None

        delivery_id = runtime.db.write(act)
        runtime.point("ticked")
        if delivery_id is None:
            return 0
        runtime.announcer.announce_delivery(delivery_id)
        return 1

    def _deliveries(self) -> int:
        with self.runtime.db.read() as connection:
            business, machine = self.runtime.clock.business(connection), self.runtime.clock.machine(connection)
            ids = routing.unrouted(connection, now=business, limit=50 if self.drives else self.hints_max * 4)
        if self.drives:
            routing.route_all(self.runtime, ids)
            return len(ids)
        self._told = {id: self._told[id] for id in ids if id in self._told}
        chosen = [id for id in ids if id not in self._told or machine >= self._told[id][0] + _pause(self._told[id][1])][: self.hints_max]
        for delivery_id in chosen:
            self._told[delivery_id] = (machine, self._told.get(delivery_id, (machine, 0))[1] + 1)
            self.runtime.announcer.announce_delivery(delivery_id)
        return len(chosen)

    def _runs(self) -> int:
        runtime = self.runtime
        if self.drives:
            with runtime.db.read() as connection:
                ids = list(
                    claims.claimable(
                        connection, business=runtime.clock.business(connection), machine=runtime.clock.machine(connection), limit=50
                    )
                )
            return self._drive(ids)
        ids = runtime.db.write(self._hint)
        runtime.point("hinted")
        for run_id in ids:
            runtime.announcer.announce_run(run_id)
        return len(ids)

    def _drive(self, ids: Sequence[str]) -> int:
        """Advance what is ready, for about DRIVE_S: what was delivered meanwhile must be routed too. One run's surprise stops no other."""
        until, done = self.runtime.clock.boot_s() + DRIVE_S, 0
        for run_id in ids:
            try:
                done += engine.advance(self.runtime, run_id)
            except Exception as error:  # what nobody thought of, in one run
                if is_trouble(error):
                    raise
                log.error("run not advanced", run=run_id, error_type=type(error).__name__)
            if self.runtime.clock.boot_s() > until:
                break
        return done

    def _hint(self, connection: Connection) -> list[str]:
        """Choose the runs to announce: not hinted within their back-off (1 to 60 s), never more than `hints_max` at once."""
        runtime, table = self.runtime, table_of(RunRow)
        business, machine = runtime.clock.business(connection), runtime.clock.machine(connection)
        chosen = []
        for run_id in claims.claimable(connection, business=business, machine=machine, limit=self.hints_max * 4):
            row = connection.execute(sa.select(table.c.hinted_at, table.c.hints).where(table.c.id == run_id)).one()
            if row.hinted_at is None or machine >= row.hinted_at + _pause(row.hints):
                connection.execute(sa.update(table).where(table.c.id == run_id).values(hinted_at=machine, hints=table.c.hints + 1))
                chosen.append(run_id)
            if len(chosen) == self.hints_max:
                break
        return chosen

    def _end_drain(self) -> None:
        with self.runtime.db.read() as connection:
            if control.get(connection, drain.NAME) is None:
                return
        self.runtime.db.write(lambda c: drain.end_where_empty(c, at=self.runtime.clock.business(c)))
        self.runtime.point("drained")

    def _listen(self) -> None:
        """Look from time to time whether a source has gone quiet; while one has, look each time for its next delivery."""
        with self.runtime.db.read() as connection:
            now, waiting = self.runtime.clock.business(connection), silence.alarmed(connection)
        if waiting or self._listened_at is None or now >= self._listened_at + silence.EVERY:
            self._listened_at = now
            silence.listen(self.runtime)

    def _guarded(self, source: str) -> int:
        """`_provider`; one account's surprise stops no other."""
        try:
            return self._provider(source)
        except Exception as error:  # what nobody thought of, in one account
            if is_trouble(error):
                raise
            log.error("account not swept", source=source, error_type=type(error).__name__)
            return 0

    def _provider(self, source: str) -> int:
        runtime = self.runtime
        with runtime.db.read() as connection:
            wanted = baseline.wanted(connection, source)
        return baseline.read_on(runtime, source) if wanted else gaps.find(runtime, source)

    def _rereads(self) -> int:
        with self.runtime.db.read() as connection:
            rows = rereads.due(connection, now=self.runtime.clock.business(connection), limit=REREADS_AT_ONCE)
        for row in rows:
            if self.stopping():
                break
            rereads.perform(self.runtime, row)
        return len(rows)


def _pause(hints: int) -> timedelta:
    """How long after the `hints`-th hint the next one may follow."""
    return timedelta(seconds=min(60.0, 2.0 ** min(hints, 6)))


def _missed(schedule: Every | Daily, next_at: datetime, instant: datetime, zone: ZoneInfo) -> int:
    """How many instants before `instant` came due from `next_at` on."""
    count = 0
    while next_at < instant:
        count, next_at = count + 1, schedule.following(next_at, zone)
    return count


_RUN, _DUTY = table_of(RunRow), table_of(duties.Duty)
_RUN_DUE = sa.select(sa.func.min(_RUN.c.wake_at)).where(_RUN.c.status == "waiting", _RUN.c.wake_at > sa.bindparam("now"))
_DUTY_DUE = sa.select(sa.func.min(_DUTY.c.next_at)).where(
    _DUTY.c.next_at > sa.bindparam("now"), _DUTY.c.name.not_in(sa.bindparam("left_out", expanding=True))
)


def next_instant(runtime: Runtime, connection: Connection, *, without: Collection[str] = ()) -> datetime | None:
    """The next business instant, after now, at which something comes due: a run, a put-back delivery, a re-read, a schedule.

    `without`: names of duties that do not count.
    """
    now = runtime.clock.business(connection)
    run_due = connection.execute(_RUN_DUE, {"now": now}).scalar_one_or_none()
    duty_due = connection.execute(_DUTY_DUE, {"now": now, "left_out": list(without)}).scalar_one_or_none()
    instants = [run_due, duty_due, routing.next_route(connection), rereads.next_due(connection)]
    return min((instant for instant in instants if instant is not None and instant > now), default=None)
