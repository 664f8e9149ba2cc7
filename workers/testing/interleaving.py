"""Interleavings: two workers, a router and a sweeper at work at once, one point at a time, in an order drawn from a seed.

Used through Flow.interleave and crash_everywhere. Deliveries come doubled and out of order, workers are lost, the clock runs on while
one of them stands at a point (then it is a zombie), and each of `meanwhile` may happen at any instant. Every choice is a step of the
schedule, so one that is printed can be played again; one that breaks something is shortened first. No Hypothesis rule machine: what
can happen next is known only once the last step was made, and a printed schedule goes its way without a database of examples.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from workers import engine, routing
from workers.chain import OutsideHead
from workers.runtime import Runtime
from workers.sweeper import Sweeper
from workers.testing.actors import Actor
from workers.testing.crashes import LOST, Broken, Explored, Scenario, Step, come_to_rest, judged, quietly, repeatable, unmarked, untouched
from workers.testing.stage import LEASE_OVER, Saved, Stage
from workers.testing.watch import OUTSIDE

WORKERS = ("worker-1", "worker-2")
ACTORS = (*WORKERS, "router", "sweeper")
ON = ("goes on", OUTSIDE)
LOSSES_MAX, SWEEPS_MAX, HOPS_MAX, ACTS_MAX = 2, 1, 2, 3
STEPS_MAX, BEGINS_MAX = 60, 45


@dataclass(frozen=True)
class Act:
    """Something that may happen once at any instant: what a person or the provider does."""

    name: str
    actor: str
    do: Callable[[Any], object]


@dataclass(frozen=True)
class Move:
    """One thing that can happen next. `name` is what the schedule says; "" where that is the point the actor will reach."""

    actor: str
    name: str
    weight: float
    do: Callable[[], str | None]


def nothing(stage: Any) -> None:
    """Nothing is to be undone."""


Choose = Callable[[list[Move]], Move]


def seeded(
    stage: Stage,
    scenario: Scenario,
    *,
    seeds: Sequence[int],
    meanwhile: Sequence[Act] = (),
    rest: timedelta,
    allowed: Mapping[tuple[str, str], int],
    afterwards: Callable[[Any], object] = nothing,
    go_on: bool = False,
) -> Explored:
    """One schedule for every seed. Raises Broken at the first after which not everything holds; with `go_on`, keeps it in `caught`.

    `allowed`: how often the provider may do what, where that is more than once. `afterwards` undoes what would hold things back for ever.
    """
    started, explored = time.perf_counter(), Explored()
    if seeds:
        with quietly(), _cast(stage) as cast, untouched(stage) as saved:

            def again(schedule: Sequence[Step], seed: int | None) -> None:
                Interleaving(stage, cast, by_script(schedule), meanwhile, seed=seed).play(saved, scenario, rest, allowed, afterwards)

            for seed in seeds:
                drawn = random.Random(seed)
                some = _some(meanwhile, drawn)
                begins = {act.name: drawn.randrange(BEGINS_MAX) for act in some}
                first = Interleaving(stage, cast, by_chance(drawn), some, begins=begins, seed=seed)
                with explored.catching(go_on=go_on), shortening(again, go_on=go_on):
                    explored.add(first.play(saved, scenario, rest, allowed, afterwards))
            explored.unmarked = unmarked(stage)
    explored.seconds = time.perf_counter() - started
    return explored


def replayed(
    stage: Stage,
    scenario: Scenario,
    schedule: Sequence[Step],
    *,
    meanwhile: Sequence[Act] = (),
    rest: timedelta,
    allowed: Mapping[tuple[str, str], int],
    afterwards: Callable[[Any], object] = nothing,
) -> Explored:
    """Play one schedule. Raises Broken where something does not hold, or where it goes another way."""
    explored = Explored()
    with quietly(), _cast(stage) as cast, untouched(stage) as saved:
        play = Interleaving(stage, cast, by_script(schedule), meanwhile)
        steps = play.play(saved, scenario, rest, allowed, afterwards)
    if list(schedule) != steps:
        raise Broken(["it goes another way now"], steps)
    explored.add(steps)
    return explored


@contextmanager
def shortening(again: Callable[[Sequence[Step], int | None], None], *, go_on: bool) -> Iterator[None]:
    """Where a schedule inside breaks something: raise the same without the losses, acts and repeats that it breaks without."""
    try:
        yield
    except Broken as broken:
        if go_on:
            raise
        shortest = broken
        for step in [step for step in broken.steps if is_extra(step)]:
            left = list(shortest.steps)
            if step in left:
                left.remove(step)
                shortest = _broken_too(again, left, shortest)
        raise shortest from None


def is_extra(step: Step) -> bool:
    """Whether nobody had to do this: a loss, an act, a repeat, a sweep, time that passed."""
    name, actor = step
    return name in (LOST, "sweep") or name.endswith(" again") or actor not in (*ACTORS, "door", OUTSIDE)


def _broken_too(again: Callable[[Sequence[Step], int | None], None], schedule: Sequence[Step], known: Broken) -> Broken:
    """What playing this schedule breaks, where it is shorter than what is known and breaks something of the same."""
    try:
        again(schedule, known.seed)
    except Broken as less:
        if _weight(less.steps) < _weight(known.steps) and set(less.broken) & set(known.broken):
            return less
    return known


def _weight(steps: Sequence[Step]) -> tuple[int, int]:
    return sum(is_extra(step) for step in steps), len(steps)


def _some(acts: Sequence[Act], drawn: random.Random) -> Sequence[Act]:
    """At most ACTS_MAX of them: where everything happens, little is left to happen."""
    return acts if len(acts) <= ACTS_MAX else drawn.sample(acts, drawn.randrange(ACTS_MAX + 1))


def by_chance(drawn: random.Random) -> Choose:
    """Choose by the moves' weights."""
    return lambda moves: drawn.choices(moves, [move.weight for move in moves])[0]


def by_script(schedule: Sequence[Step]) -> Choose:
    """Choose what a schedule says next."""
    left = iter(schedule)

    def choose(moves: list[Move]) -> Move:
        name, actor = next(left, ON)
        own = [move for move in moves if move.actor == actor]
        found = next((move for move in own if move.name == name), None) or next((move for move in own if not move.name), None)
        return found or next((move for move in moves if (move.name, move.actor) == ON), moves[0])

    return choose


@contextmanager
def _cast(stage: Stage) -> Iterator[dict[str, Actor]]:
    """The threads of all actors."""
    cast = {name: Actor(name) for name in ACTORS}
    try:
        yield cast
    finally:
        for actor in cast.values():
            actor.close()


@dataclass
class Interleaving:
    """One schedule while it is played: the helm of its stage."""

    stage: Stage
    cast: Mapping[str, Actor]
    choose: Choose
    meanwhile: Sequence[Act]
    steps: list[Step] = field(default_factory=list)
    bag: list[bytes] = field(default_factory=list)
    begins: Mapping[str, int] = field(default_factory=dict)  # not before this step
    seed: int | None = None
    _delivered: set[int] = field(default_factory=set)
    _doubled: set[int] = field(default_factory=set)
    _happened: set[str] = field(default_factory=set)
    _counts: dict[str, int] = field(default_factory=lambda: {LOST: 0, "sweep": 0, "hop": 0})
    _runtimes: dict[str, Runtime] = field(default_factory=dict)
    _busy: bool = False
    _closing: bool = False

    def play(
        self,
        saved: Saved,
        scenario: Scenario,
        rest: timedelta,
        allowed: Mapping[tuple[str, str], int],
        afterwards: Callable[[Any], object],
    ) -> list[Step]:
        """Play it to its end. Raises Broken."""
        stage = self.stage
        stage.put_back(saved)
        with repeatable(0):
            stage.helm, stage.point = self, self.point
            try:
                for name in ACTORS:
                    self._hire(name)
                scenario(stage)
                self._close()
            finally:
                for actor in self.cast.values():
                    actor.lose()
                stage.helm, stage.point = None, lambda name: None
            stage.hire("flow")
            afterwards(stage)
            stage.clock.pass_(LEASE_OVER)
            come_to_rest(stage, rest)
            broken, _ = judged(stage, rest, allowed=allowed, plain=None)
        died = [f"{actor.name} died of {actor.error!r}" for actor in self.cast.values() if actor.error is not None]
        failed = [f"a run failed by a bug at {actor}" for point, actor in self.steps if point == "failed"]
        if broken or died or failed:
            raise Broken([*broken, *died, *failed], self.steps, seed=self.seed)
        return self.steps

    def post(self, body: bytes) -> None:
        """A notification is on its way."""
        self.bag.append(body)

    def actor(self) -> str:
        """The owner of the calling thread's runtime, or the scenario itself."""
        return next((self._runtimes[actor.name].owner for actor in self.cast.values() if actor.here()), OUTSIDE)

    def point(self, name: str) -> None:
        """An actor stands still here; the scenario itself goes on."""
        for actor in self.cast.values():
            if actor.here():
                actor.stand(name)

    def settle(self) -> None:
        """Let things happen until the scenario goes on: by chance, or because nothing else can happen."""
        if self._busy:
            return
        for _ in range(STEPS_MAX):
            if not self._step(list(self._moves())):
                return

    def _close(self) -> None:
        """Let everything that was begun come to its end, with nothing new from outside."""
        self._closing = True
        while moves := [move for move in self._moves() if (move.name, move.actor) != ON]:
            self._step(moves)

    def _step(self, moves: list[Move]) -> bool:
        """Make one move; false where the scenario goes on."""
        move = self.choose(moves)
        self._busy = True
        try:
            reached = move.do()
        finally:
            self._busy = False
        self.steps.append((move.name or reached or "done", move.actor))
        return (move.name, move.actor) != ON

    def _moves(self) -> Iterator[Move]:
        """Everything that can happen now."""
        idle = []
        for actor in self.cast.values():
            if actor.at is None:
                idle.append(actor)
                continue
            yield Move(actor.name, "", 3.0, actor.go_on)
            if not self._closing and self._counts[LOST] < LOSSES_MAX:
                yield Move(actor.name, LOST, 0.3, lambda actor=actor: self._lose(actor))  # type: ignore[misc]
        yield from self._work(idle)
        yield from self._letters()
        if not self._closing:
            yield from self._outside()
            yield Move(ON[1], ON[0], 0.7, lambda: None)

    def _work(self, idle: list[Actor]) -> Iterator[Move]:
        for actor in idle:
            if actor.name in WORKERS:
                for workflow, key, id in self.stage.due().runs:
                    yield Move(actor.name, f"advance {workflow} {key}", 3.0, self._beginning(actor, partial(_advance, run_id=id)))
            elif actor.name == "router":
                for ids in _chosen(self.stage.due().deliveries):
                    yield Move(actor.name, f"route {' '.join(map(str, ids))}", 3.0, self._beginning(actor, partial(_route, ids=ids)))
            elif not self._closing and self._counts["sweep"] < SWEEPS_MAX:
                yield Move(actor.name, "sweep", 0.5, lambda actor=actor: self._sweep(actor))  # type: ignore[misc]

    def _letters(self) -> Iterator[Move]:
        for number, body in enumerate(self.bag):
            if number not in self._delivered:
                yield Move("door", f"deliver {number}", 3.0, lambda n=number, b=body: self._deliver(self._delivered, n, b))  # type: ignore[misc]
            elif number not in self._doubled and not self._closing:
                yield Move("door", f"deliver {number} again", 0.3, lambda n=number, b=body: self._deliver(self._doubled, n, b))  # type: ignore[misc]

    def _outside(self) -> Iterator[Move]:
        for act in self.meanwhile:
            if act.name not in self._happened and len(self.steps) >= self.begins.get(act.name, 0):
                yield Move(act.actor, act.name, 3.0, lambda act=act: self._happen(act))  # type: ignore[misc]
        if self._counts["hop"] < HOPS_MAX:
            yield Move("clock", "6 s pass", 0.2, lambda: self._hop(timedelta(seconds=6)))
            if any(actor.at is not None for actor in self.cast.values()):
                yield Move("clock", "31 s pass", 0.5, lambda: self._hop(LEASE_OVER))

    def _beginning(self, actor: Actor, job: Callable[[Runtime], object]) -> Callable[[], None]:
        return lambda: actor.begin(lambda: job(self._runtimes[actor.name]))

    def _sweep(self, actor: Actor) -> None:
        self._counts["sweep"] += 1
        self._beginning(actor, lambda runtime: Sweeper(runtime=runtime).sweep())()

    def _lose(self, actor: Actor) -> None:
        self._counts[LOST] += 1
        actor.lose()
        self._hire(actor.name)

    def _deliver(self, known: set[int], number: int, body: bytes) -> None:
        known.add(number)
        self.stage.keep(body)

    def _happen(self, act: Act) -> None:
        self._happened.add(act.name)
        act.do(self.stage)

    def _hop(self, span: timedelta) -> None:
        self._counts["hop"] += 1
        self.stage.clock.pass_(span)

    def _hire(self, name: str) -> None:
        """A new process for this actor, with an owner's name and a head file of its own."""
        before = self._runtimes.get(name)
        if before is not None:
            before.head.close()
        owner = f"{name}.{self._counts[LOST]}"
        self._runtimes[name] = replace(self.stage.runtime, owner=owner, head=OutsideHead(self.stage.heads, owner), meter=None)


def _advance(runtime: Runtime, run_id: str) -> None:
    engine.advance(runtime, run_id)


def _route(runtime: Runtime, ids: list[int]) -> None:
    routing.route_all(runtime, ids)


def _chosen(ids: list[int]) -> list[list[int]]:
    """All of them, or one of the first three."""
    return [[id] for id in ids[:3]] + ([ids] if len(ids) > 1 else [])
