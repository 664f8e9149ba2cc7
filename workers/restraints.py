"""What people hold back and let go: the freeze, pauses and breakers, each kept in the audit.

Used by the command line and the console, inside one write. workers/holds.py is what the engine asks; the release of a freeze is
workers/release.py's.
"""

from datetime import datetime

from sqlalchemy.engine import Connection

from workers import breaker, control, holds, restored, runs
from workers.errors import StateConflict


def freeze(connection: Connection, reason: str, *, at: datetime, actor: str) -> str:
    """Hold back every effect; the reason in force. The freeze of a restored backup stays what it is: its release asks more.

    Raises StateConflict for that freeze's own reason: what is released with it is doubted.
    """
    if reason == restored.FREEZE:
        raise StateConflict(f"{reason} is the reason of a restored backup's own freeze: write another one")
    stands = control.frozen(connection) == restored.FREEZE
    if not stands:
        control.put(connection, "freeze", {"reason": reason}, at=at, actor=actor)
    control.audited(connection, "freeze", at=at, actor=actor, reason=reason)
    return restored.FREEZE if stands else reason


def pause_name(source: str | None, workflow: str | None) -> str:
    """The name of a pause; None stands for every one."""
    return f"pause:{source or '*'}:{workflow or '*'}"


def pause(connection: Connection, name: str, reason: str, *, at: datetime, actor: str) -> None:
    """Hold back the effects a pause of this name covers."""
    control.put(connection, name, {"reason": reason}, at=at, actor=actor)
    control.audited(connection, "pause", at=at, actor=actor, subject=holds.pause_in_words(name), reason=reason)


def resume(connection: Connection, name: str, reason: str, *, at: datetime, actor: str) -> None:
    """End a pause, a spike stop's too. Raises StateConflict where there is none of this name."""
    paused = control.named(connection, "pause:")
    if name not in paused:
        known = ", ".join(holds.pause_in_words(one) for one in sorted(paused)) or "nothing"
        raise StateConflict(f"{holds.pause_in_words(name)} is not paused; paused now: {known}")
    control.audited(connection, "resume", at=at, actor=actor, subject=holds.pause_in_words(name), reason=reason)
    control.end_pause(connection, name, at=at, actor=actor)


def probe(connection: Connection, source: str, reason: str, *, at: datetime, actor: str) -> None:
    """Let the next call of a source through its open breaker, to try. Raises StateConflict where it is not open."""
    if not breaker.probe(connection, source, at=at):
        raise StateConflict(f"the breaker of {source} is not open: nothing waits for it")
    control.audited(connection, "breaker probe", at=at, actor=actor, subject=source, reason=reason)
    runs.let_go(connection, breaker.OPEN, at=at, source=source, at_most=1)


def close_breaker(connection: Connection, source: str, reason: str, *, at: datetime, actor: str) -> None:
    """Close a source's breaker, so that all that waits is called again. Raises StateConflict where it is not open."""
    if not breaker.answered(connection, source, at=at):
        raise StateConflict(f"the breaker of {source} is not open: nothing waits for it")
    control.audited(connection, "breaker close", at=at, actor=actor, subject=source, reason=reason)
    runs.let_go(connection, breaker.OPEN, at=at, source=source)
