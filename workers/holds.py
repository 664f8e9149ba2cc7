"""Holds: what keeps every call of a workflow on a source back for now: the freeze, a pause, the source's open breaker.

Asked before each call (workers/calls.py), when a held run goes to sleep (workers/engine.py), and by the acts of people.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from workers import breaker, control, runs

FROZEN = "frozen"
REASONS = (FROZEN, control.PAUSED, breaker.OPEN)
HELD_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a call has to wait, as its run's reason tells it, and until when it need not ask again."""

    reason: str
    until: datetime


def on(connection: Connection, source: str, workflow: str, *, now: datetime) -> Hold | None:
    """What holds the workflow's calls on the source back, or None."""
    if control.frozen(connection):
        return Hold(reason=FROZEN, until=now + HELD_FOR)
    if control.paused(connection, source, workflow):
        return Hold(reason=control.PAUSED, until=now + HELD_FOR)
    until = breaker.held_until(connection, source, now=now)
    return None if until is None else Hold(reason=breaker.OPEN, until=until)


def refusal(connection: Connection, source: str, workflow: str) -> str | None:
    """What a person has to end before a call can be made, and the command that does; None where nothing a person set holds it."""
    if why := control.frozen(connection):
        return f"Every effect is frozen ({why}): `billhook unfreeze` lets them go on"
    for name, value in control.named(connection, "pause:").items():
        if name in control.pauses_of(source, workflow):
            return f"It is paused ({value['reason']}): `{resume_of(name)}` lets it go on"
    return None


def end_freeze(connection: Connection, *, at: datetime, actor: str) -> None:
    """End the freeze and have due what it held. Call it last: it passes over runs that others hold."""
    control.put(connection, "freeze", None, at=at, actor=actor)
    runs.let_go(connection, FROZEN, at=at)


def pause_in_words(pause: str) -> str:
    """What the pause of this name holds, as "shop/every workflow"."""
    _, source, workflow = pause.split(":", 2)
    return f"{'every source' if source == '*' else source}/{'every workflow' if workflow == '*' else workflow}"


def resume_of(pause: str) -> str:
    """The command that ends the pause of this name."""
    _, source, workflow = pause.split(":", 2)
    chosen = (("source", source), ("workflow", workflow))
    return "billhook resume" + "".join(f" --{option} {value}" for option, value in chosen if value != "*")


def is_over(connection: Connection, source: str, workflow: str, reason: str, *, now: datetime) -> bool:
    """Whether what a run goes to sleep for has ended since it looked; waits for a transaction that is ending it.

    Asked while the run's row is held, as everything that locks both takes the run first. Who ends a hold passes over rows that are held.
    """
    control.await_change(connection, ["freeze", *control.pauses_of(source, workflow), breaker.name_of(source)])
    held = on(connection, source, workflow, now=now)
    return held is None or held.reason != reason
