"""The end of a freeze: what it held leaves at a chosen rate; after a restored backup, what may have been done is doubted first.

Used by the command line and the console, inside one write.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from workers import chain, control, drain, holds, restored
from workers.errors import StateConflict


@dataclass(frozen=True, kw_only=True)
class Released:
    """What a release did: the reason of the freeze, how many effects it held, how many are doubted, and in how many minutes they leave."""

    was: str
    held: int
    doubted: int
    per_minute: int | None
    minutes: float | None


def release(
    connection: Connection, was: str, heads: Path, per_minute: int | None, reason: str, *, at: datetime, actor: str
) -> Released:  # fmt: skip
    """End the freeze that was looked at. Raises StateConflict where it is another one by now.

    `at` is the workers' clock, not this host's: what happened before it is doubted.
    """
    held_by = control.frozen(connection)
    if held_by is None:
        raise StateConflict("nothing is frozen any more: somebody else released it")
    if held_by != was:
        raise StateConflict(f"the freeze is another one by now ({held_by}): `billhook unfreeze` once more")
    doubted = 0
    if was == restored.FREEZE:
        chain.accept(connection, heads, at=at, actor=actor)
        doubted = restored.release(connection, at=at, actor=actor)
    held = drain.backlog(connection, before=at, per_minute=per_minute)
    if per_minute is not None:
        drain.begin(connection, per_minute=per_minute, at=at)
    detail = {"was": was, "per_minute": per_minute, "doubted": doubted}
    control.audited(connection, "unfreeze", at=at, actor=actor, reason=reason, detail=detail)
    holds.end_freeze(connection, at=at, actor=actor)
    return Released(was=was, held=held.effects, doubted=doubted, per_minute=per_minute, minutes=held.minutes)
