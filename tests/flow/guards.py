"""The engine's guards, each with a way to take it away: an exploration that does not notice that proves nothing.

Used by test_guards.py and crash_report.py. `remove` patches the engine through pytest's MonkeyPatch; nothing of it is ever shipped.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from receiver import inbox
from tests.flow.tale import MEANWHILE, as_read, begun, loosen, tale, told, waiting, whole_tale
from workers import calls, claims, control, effects, ledger, reconcile, runs, schema
from workers.chain import Head, OutsideHead
from workers.providers.service import Find, Look
from workers.testing.crashes import Explored
from workers.testing.flow import Flow
from workers.testing.stage import nothing_else

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Guard:
    """`acts`: what of MEANWHILE brings it into danger. `crashes`: whether a lost worker alone shows its absence.

    `first_seed`: where the test begins to look, for what few orders show.
    """

    name: str
    remove: Callable[[Patch], None]
    acts: tuple[str, ...] = ()
    crashes: bool = False
    mode: str = "auto"
    workflow: Callable[..., None] = told
    first_seed: int = 0
    holds: Callable[[Any], Iterable[str]] = nothing_else

    def explored(self, patch: Patch, *, seeds: range, go_on: bool) -> Explored:
        """What is found without it."""
        self.remove(patch)
        with Flow(self.workflow, mode=self.mode) as flow:
            begun(flow)
            if self.crashes:
                return flow.crash_everywhere(whole_tale, again=(), go_on=go_on)
            chosen = [act for act in MEANWHILE if act.name in self.acts]
            return flow.interleave(tale, seeds=seeds, meanwhile=chosen, afterwards=loosen, holds=self.holds, go_on=go_on)


def slot_taken(patch: Patch) -> None:
    """Whoever asks for a slot gets it."""
    index = next(index for index in schema.METADATA.tables["slot"].indexes if index.name == "slot_live")
    patch.setattr(index, "unique", False)
    patch.setattr(ledger, "taken_by", lambda *said, **more: None)


def calling_first(patch: Patch) -> None:
    """The provider is asked while the effect is still intended."""
    move = ledger.move
    patch.setitem(ledger.EDGES, "intended", ledger.EDGES["intended"] | {"done", "rejected", "unknown"})

    def begin(connection: Any, deed: Any, row: Any, *_: Any) -> Head:
        deed.hold_ground(connection)
        return Head(0, "")

    def moved(connection: Any, effect_id: str, after: str, *, since: Any, calls: Any = None, **said: Any) -> Any:
        return move(connection, effect_id, after, since=[*since, "intended"] if "calling" in since else since, **said)

    patch.setattr(calls, "_begin", begin)
    patch.setattr(ledger, "move", moved)


def fence(patch: Patch) -> None:
    """Nobody proves that the run is still theirs."""
    patch.setattr(claims, "hold", lambda *said, **more: None)


def call_lost(patch: Patch) -> None:
    """A call under way when its worker was lost is taken for one that was never made."""

    def forget(deed: Any, row: Any) -> None:
        deed.runtime.db.write(lambda c: ledger.move(c, row["id"], "intended", since=["calling"], at=deed.now(c), reason="worker_lost"))
        deed.runtime.point("unknown")

    patch.setattr(reconcile, "lost", forget)


def take_over(patch: Patch) -> None:
    """A run whose worker was lost is nobody's."""
    claim = claims.claim

    def claimed(connection: Any, run_id: str, **said: Any) -> Any:
        row = runs.load(connection, run_id)
        return None if row is None or row["status"] == "running" else claim(connection, run_id, **said)

    patch.setattr(claims, "claim", claimed)


def person(patch: Patch) -> None:
    """What cannot be read back is taken for not done."""
    settle = reconcile.settle_unknown

    def guess(deed: Any, row: Any) -> Any:
        if isinstance(deed.effect.service.effect_class, Find):
            return settle(deed, row)
        return reconcile._say_no(deed, row, None)

    patch.setattr(reconcile, "settle_unknown", guess)


def fresh_read(patch: Patch) -> None:
    """Whatever the read says, it is called."""
    call = calls.call

    def called(deed: Any, row: Any) -> Any:
        fresh = replace(deed.effect.fresh, must=lambda *said, **more: None)
        return call(replace(deed, effect=replace(deed.effect, fresh=fresh)), row)

    patch.setattr(calls, "call", called)


def first_byte(patch: Patch) -> None:
    """A worker that stood still asks however late it is."""
    patch.setattr(calls, "FIRST_BYTE_S", 1e9)


def look(patch: Patch) -> None:
    """Nobody looks whether it happened."""
    patch.setattr(reconcile, "_look", lambda *said: Look(found=False))


def pending_seq(patch: Patch) -> None:
    """A run goes to sleep whatever came meanwhile."""
    suspend = claims.suspend
    patch.setattr(claims, "suspend", lambda c, claim, **said: suspend(c, replace(claim, seen=10**9), **said))


def successor(patch: Patch) -> None:
    """A trigger that came during a run is forgotten with it."""
    finish = claims.finish

    def forgetting(*said: Any, **more: Any) -> None:
        finish(*said, **more)

    patch.setattr(claims, "finish", forgetting)


def cancel_check(patch: Patch) -> None:
    """An event of cancel_on is not asked for in the transaction that commits the call."""
    begin = calls._begin
    patch.setattr(calls, "_begin", lambda c, deed, *said: begin(c, replace(deed, cancel_reason=lambda connection: None), *said))


def block_check(patch: Patch) -> None:
    """Nor is a block."""
    patch.setattr(calls, "_forbidden", lambda *said: None)


def freeze_check(patch: Patch) -> None:
    """Nor a freeze."""
    patch.setattr(calls, "_refuse_held", lambda *said: None)


def head(patch: Patch) -> None:
    """The ledger's head is kept nowhere else."""
    patch.setattr(OutsideHead, "keep", lambda *said: None)


def approval(patch: Patch) -> None:
    """A proposal is carried out before anybody approved it."""
    mode_of = control.mode_of
    patch.setitem(ledger.EDGES, "proposed", ledger.EDGES["proposed"] | {"calling"})
    patch.setattr(effects, "_await_approval", calls.call)
    patch.setattr(control, "mode_of", lambda *said: "auto" if mode_of(*said) == "propose" else mode_of(*said))


def identity(patch: Patch) -> None:
    """Every arrival is a delivery of its own."""
    numbers, append = count(), inbox.append
    patch.setattr(inbox, "append", lambda c, arrival: append(c, replace(arrival, native_id=f"{arrival.native_id}-{next(numbers)}")))


GUARDS = (
    Guard("a slot is taken once", slot_taken, acts=("change", "replay")),
    Guard("`calling` is committed before the call", calling_first),
    Guard("only the fence's holder writes", fence),
    Guard("a call that was lost is unknown", call_lost, crashes=True),
    Guard("a lost worker's run is taken over", take_over, crashes=True),
    Guard("what nobody can know goes before a person", person, crashes=True),
    Guard("no call against what the fresh read says", fresh_read, acts=("cancel",), first_seed=10, holds=as_read),
    Guard("no first byte later than five seconds", first_byte, first_seed=190),
    Guard("a look comes before a repeat", look, acts=("drop invoice.setpaid", "late invoice.setpaid")),
    Guard("a run sleeps only when it has seen everything", pending_seq, acts=("stop",), workflow=waiting, first_seed=10),
    Guard("a trigger during a run is followed by a run", successor, acts=("change", "replay")),
    Guard("no call after a cancelling event", cancel_check, acts=("stop", "cancel"), first_seed=70),
    Guard("no call against a block", block_check, acts=("pause",)),
    Guard("no call while effects are frozen", freeze_check, acts=("freeze",)),
    Guard("the ledger's head is kept before the first byte", head),
    Guard("no call without an approval", approval, acts=("approve",), mode="propose"),
    Guard("a delivery is kept once", identity),
)
