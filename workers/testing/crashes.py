"""Every crash: a scenario played once to number its points, then once for every point with the worker lost there, and once more.

Used through Flow.crash_everywhere. A schedule is the list of (point, actor) in the order in which they were passed, with a
("lost", actor) where one was lost: it counts once, and given to `replay` it goes the same way again.
"""

import logging
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from receiver.db import UtcDateTime, table_of
from workers import desk, ids, runs
from workers.ledger import EffectRow
from workers.testing import invariants
from workers.testing.actors import WorkerLost
from workers.testing.invariants import Acts, Outcome
from workers.testing.stage import Saved, Stage

Step = tuple[str, str]
LOST = "lost"
EVERY = range(1, 10_000)
Scenario = Callable[[Any], None]


class Broken(AssertionError):
    """A schedule after which not everything holds; it prints what, who was lost where, and the schedule, with its seed if it had one."""

    def __init__(self, broken: Sequence[str], steps: Sequence[Step], *, seed: int | None = None) -> None:
        self.broken, self.steps, self.seed = list(broken), list(steps), seed
        told = "\n".join(f"  {one}" for one in broken)
        drawn = "" if seed is None else f", drawn from seed {seed},"
        losses = "; ".join(_losses(self.steps)) or "nobody was lost"
        super().__init__(
            f"after this schedule{drawn} not everything holds:\n{told}\n{losses}\nplay it again with flow.replay(scenario, {self.steps!r})"
        )


def _losses(steps: Sequence[Step]) -> Iterator[str]:
    """Who was lost, and at which point."""
    for number, (point, actor) in enumerate(steps):
        if point == LOST:
            at = next((f'at "{name}"' for name, who in reversed(steps[:number]) if who == actor), "before its first point")
            yield f"{actor} was lost {at}, step {number} of {len(steps)}"


@dataclass
class Explored:
    """What was explored.

    `acts`: how often the provider did what without a loss. `unmarked`: commits that no point follows. `caught`: what broke, where that
    was to be counted.
    """

    schedules: set[tuple[Step, ...]] = field(default_factory=set)
    points: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    acts: Acts = field(default_factory=Counter)
    unmarked: Counter[str] = field(default_factory=Counter)
    caught: list[Broken] = field(default_factory=list)

    def add(self, steps: Sequence[Step]) -> None:
        """One more schedule."""
        self.schedules.add(tuple(steps))
        self.points.update(point for point, _ in steps)

    def __add__(self, other: "Explored") -> "Explored":
        return Explored(
            self.schedules | other.schedules,
            self.points + other.points,
            self.seconds + other.seconds,
            self.acts | other.acts,
            self.unmarked + other.unmarked,
            self.caught + other.caught,
        )

    @contextmanager
    def catching(self, *, go_on: bool) -> Iterator[None]:
        """Where something breaks inside: keep it and go on, or raise it."""
        try:
            yield
        except Broken as broken:
            if not go_on:
                raise
            self.add(broken.steps)
            self.caught.append(broken)

    def __str__(self) -> str:
        return f"{len(self.schedules)} distinct schedules, {len(self.points)} points, {self.seconds:.1f} s"


class Strikes:
    """The point of a stage whose worker is lost at the `at`-th points it passes."""

    def __init__(self, stage: Stage, at: Sequence[int]) -> None:
        self._stage, self._at = stage, set(at)
        self.steps: list[Step] = []
        self.passed = 0

    def __call__(self, name: str) -> None:
        self.passed += 1
        self.steps.append((name, self._stage.actor()))
        if self.passed in self._at:
            self.steps.append((LOST, self._stage.actor()))
            raise WorkerLost


def everywhere(
    stage: Stage, scenario: Scenario, *, again: Sequence[int], rest: timedelta, only: Container[int] = EVERY, go_on: bool = False
) -> Explored:
    """Lose the worker at every point, and once more `again` points later. Raises Broken at the first schedule that breaks something.

    `only`: the numbers of the points to begin with. With `go_on`, what broke is kept in `caught` instead.
    """
    started, explored = time.perf_counter(), Explored()
    with quietly(), untouched(stage) as saved:
        steps, plain = list[Step](), None
        with explored.catching(go_on=go_on):
            steps, plain = _play(stage, saved, scenario, (), rest, None)
            explored.add(steps)
            explored.acts = plain.acts
        for number in (number for number in range(1, len(steps) + 1) if number in only):
            for at in ((number,), *((number, number + more) for more in again)):
                with explored.catching(go_on=go_on):
                    explored.add(_play(stage, saved, scenario, at, rest, plain)[0])
    explored.unmarked = unmarked(stage)
    explored.seconds = time.perf_counter() - started
    return explored


def replayed(stage: Stage, scenario: Scenario, schedule: Sequence[Step], *, rest: timedelta) -> Explored:
    """Play one schedule; raises Broken where something does not hold, or where it goes another way."""
    explored, passed, at = Explored(), 0, []
    for point, _ in schedule:
        passed += point != LOST
        if point == LOST:
            at.append(passed)
    with quietly(), untouched(stage) as saved:
        _, plain = _play(stage, saved, scenario, (), rest, None)
        steps, _ = _play(stage, saved, scenario, at, rest, plain)
    if list(schedule) != steps:
        raise Broken(["it goes another way now"], steps)
    explored.add(steps)
    return explored


def _play(
    stage: Stage, saved: Saved, scenario: Scenario, at: Sequence[int], rest: timedelta, plain: Outcome | None
) -> tuple[list[Step], Outcome]:
    """The steps of one schedule and its outcome. Raises Broken."""
    stage.put_back(saved)
    with repeatable(0):
        strikes = Strikes(stage, at)
        stage.point = strikes
        try:
            scenario(stage)
        finally:
            stage.point = lambda name: None
        come_to_rest(stage, rest)
        broken, outcome = judged(stage, rest, allowed=plain.acts if plain else None, plain=plain)
    if broken:
        raise Broken(broken, strikes.steps)
    return strikes.steps, outcome


def judged(
    stage: Stage, rest: timedelta, *, allowed: Mapping[tuple[str, str], int] | None, plain: Outcome | None
) -> tuple[list[str], Outcome]:
    """(what does not hold now that all is at rest, the outcome). What nobody can know is asked and answered first, truthfully."""
    broken = _broken(stage)
    did_not = False
    while unknown := _unknown(stage):
        for id, did in unknown:
            did_not |= not did
            stage.order("resolve", id, did=did)
        come_to_rest(stage, rest)
    assert stage.watch is not None
    broken = [*stage.watch.broken, *broken, *_broken(stage), *_woken(stage), *stage.holds(stage)]
    acts = invariants.acts_of(stage.sandbox.calls)
    with stage.db.read() as connection:
        outcome = invariants.outcome(connection, acts)
    if allowed is not None:
        broken += invariants.too_many(acts, allowed)
    if plain is not None and not did_not:
        broken += outcome.differs(plain)
    return list(dict.fromkeys(broken)), outcome


_NEXT = sa.text(
    "SELECT min(at) AS at FROM ("
    "SELECT min(wake_at) AS at FROM run WHERE status = 'waiting' AND wake_at > :now "
    "UNION ALL SELECT min(lease_until) FROM run WHERE status = 'running' AND lease_until >= :now "
    "UNION ALL SELECT min(route_after) FROM delivery WHERE routed_at IS NULL AND route_after > :now "
    "UNION ALL SELECT min(due_at) FROM reread WHERE due_at > :now) AS due"
).bindparams(sa.bindparam("now", type_=UtcDateTime)).columns(at=UtcDateTime)  # fmt: skip


def come_to_rest(stage: Stage, rest: timedelta) -> None:
    """Let everything end that ends within `rest`, stopping only where a run, a delivery or a re-read is due."""
    until = stage.clock.now + rest
    stage.settle()
    while (instant := _next_instant(stage)) is not None and instant <= until:
        stage.clock.move(max(instant, stage.clock.now) + timedelta(microseconds=1))  # a lease is over only after its instant
        stage.settle()


def _next_instant(stage: Stage) -> datetime | None:
    with stage.db.read() as connection:
        return connection.execute(_NEXT, {"now": stage.clock.now}).scalar_one_or_none()


def _broken(stage: Stage) -> list[str]:
    with stage.db.read() as connection:
        return invariants.violations(connection, now=stage.clock.now)


def _unknown(stage: Stage) -> list[tuple[str, bool]]:
    """The effects that wait for a person's word, and what a person who asks the provider would find."""
    effect, parked = table_of(EffectRow), table_of(desk.Parked)
    waits = sa.select(parked.c.effect_id).where(parked.c.kind == "unknown", parked.c.closed_at.is_(None))
    rows = stage.rows(sa.select(effect).where(effect.c.id.in_(waits), effect.c.state == "unknown"))
    return [(row["id"], _happened(stage, row)) for row in rows]


def _happened(stage: Stage, row: sa.RowMapping) -> bool:
    since = [call for call in stage.sandbox.calls if call.at >= row["calling_at"]]
    return invariants.acts_of(since)[row["service"], row["object_id"]] > 0


_WRITTEN = sa.text("SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM effect_log), (SELECT count(*) FROM run)")


def _woken(stage: Stage) -> list[str]:
    """6 and 12: a run that waits has seen everything, so waking it writes nothing."""
    table = table_of(runs.RunRow)
    waiting = stage.rows(sa.select(table.c.id).where(table.c.status == "waiting", table.c.retries == 0, table.c.failures == 0))
    with stage.db.read() as connection:
        before = tuple(connection.execute(_WRITTEN).one())
    for row in waiting:
        stage.db.write(lambda c, id=row["id"]: runs.wake(c, id, at=stage.clock.now))  # type: ignore[misc]
        stage.pass_point("woken")
    if waiting:
        stage.settle()
    with stage.db.read() as connection:
        after = tuple(connection.execute(_WRITTEN).one())
    return [] if after == before else ["6: a waiting run had not seen everything: waking it made it go on"]


def unmarked(stage: Stage) -> Counter[str]:
    """Commits that no point followed before the same actor's next one."""
    assert stage.watch is not None
    return stage.watch.unmarked.copy()


@contextmanager
def untouched(stage: Stage) -> Iterator[Saved]:
    """What the stage is now; afterwards it is that again, whatever was played on it."""
    saved = stage.copied()
    try:
        yield saved
    finally:
        stage.put_back(saved)


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Inside, ids that billhook draws are the same every time, and in no order: nothing may depend on that."""
    drawn, uuid4, now_ms = random.Random(seed), uuid.uuid4, ids.now_ms
    uuid.uuid4 = lambda: uuid.UUID(int=drawn.getrandbits(128), version=4)
    ids.now_ms = lambda: drawn.getrandbits(44)
    try:
        yield
    finally:
        uuid.uuid4, ids.now_ms = uuid4, now_ms


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, nothing is logged: thousands of lost workers are meant."""
    before = structlog.get_config()
    structlog.configure(**{**before, "wrapper_class": structlog.make_filtering_bound_logger(logging.CRITICAL)})
    try:
        yield
    finally:
        structlog.configure(**before)
