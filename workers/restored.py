"""After a restored backup: what billhook may have done in the time that was lost is done again only on a person's word.

The release of such a freeze looks at every provider first, so that what changed there is in the inbox, and keeps its instant in
`control`. Every run that was open then, and every run that begins with what happened before then or takes it in, is doubted (column
`run.doubted`): its effects are proposed, whatever the mode, and a yes from before the release counts no more. A run that the backup
had is doubted until it has waited for an instant after the release, for what follows was not due before; one that began later may only
count from when we learned of its event, and is doubted to its end.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.log import get_logger
from workers import chain, control, desk, gaps, ledger, runs
from workers.chain import EffectLog, OutsideHead
from workers.claims import Claim
from workers.limits import Rank
from workers.runs import RunRow
from workers.runtime import Runtime

log = get_logger(__name__)
FREEZE = "restored"
REASON = "restored"
NAME = "restored"

_RUN = table_of(RunRow)
_DOUBTED = sa.select(_RUN.c.doubted).where(_RUN.c.id == sa.bindparam("of_run"))


@dataclass(frozen=True, kw_only=True)
class Lost:
    """What the database lacks: rows of the ledger, as far as the heads outside tell, and since when; None where it has no row at all."""

    rows: int
    since: datetime | None


def freeze(connection: Connection, why: str, *, at: datetime) -> None:
    """Hold everything that calls; a freeze of an operator becomes this one, for theirs is released without a look."""
    if control.frozen(connection) != FREEZE:
        control.put(connection, "freeze", {"reason": FREEZE, "detail": why}, at=at)
        desk.alert(connection, source="*", subject="ledger", reason=REASON, at=at, detail={"why": why})
    log.error("effects frozen: the database looks restored", reason=why)


def put_back(connection: Connection, head: OutsideHead, *, at: datetime) -> bool:
    """Whether the database was put back while this process ran: it lacks what the process last acted on. Then everything is frozen."""
    kept = head.kept
    if kept is None or chain.has(connection, kept):
        return False
    if kept in chain.accepted_heads(connection):
        head.forget(kept)
        return False
    freeze(connection, chain.lacks(kept), at=at)
    return True


def lost(connection: Connection, heads: Path) -> Lost:
    """Compare the ledger with its heads outside."""
    accepted, table = chain.accepted_heads(connection), table_of(EffectLog)
    outside = max((head.seq for head in chain.heads_outside(heads) if head not in accepted), default=0)
    seq, last_at = connection.execute(sa.select(sa.func.max(table.c.seq), sa.func.max(table.c.at))).one()
    return Lost(rows=max(0, outside - (seq or 0)), since=last_at)


def look(runtime: Runtime, source: str, since: datetime | None) -> int:
    """Put into the inbox what the provider says of every open invoice, and of those dated since; how many differ. Raises Retryable."""
    return gaps.look_back(runtime, source, since=since, rank=Rank.OPERATOR)


def release(connection: Connection, *, at: datetime, actor: str) -> int:
    """Doubt every open run and every yes given before, and keep the instant, in the transaction that ends the freeze; how many runs.

    Waits for what is beginning runs just now (`doubts`), so that it sees them.
    """
    control.await_turn(connection, "freeze")
    doubted = connection.execute(sa.update(_RUN).where(_RUN.c.status.in_(runs.UNFINISHED)).values(doubted=True)).rowcount
    ledger.forget_words(connection)
    control.put(connection, NAME, {"frozen": control.set_at(connection, "freeze").isoformat(), "until": at.isoformat()}, at=at, actor=actor)
    return doubted


def doubts(connection: Connection, happened_at: datetime) -> bool:
    """Whether what happened then may have been acted on in the time that was lost; waits for a release that is about to commit."""
    control.await_change(connection, ["freeze"])
    value = control.get(connection, NAME)
    return value is not None and happened_at <= datetime.fromisoformat(value["until"])


def _was_in_backup(connection: Connection, claim: Claim) -> bool:
    value = control.get(connection, NAME)
    return value is not None and claim.row["started_at"] < datetime.fromisoformat(value["frozen"])


def word_needed(connection: Connection, claim: Claim) -> str | None:
    """Why a person must allow an effect of the run, or None; the claim may be older than the release."""
    return REASON if connection.execute(_DOUBTED, {"of_run": claim.run_id}).scalar_one() else None


def waited(connection: Connection, claim: Claim, until: datetime | None) -> None:
    """A wait for an instant ran out: where that lies after the release, nothing that follows was due before it."""
    if claim.row["doubted"] and until is not None and not doubts(connection, until) and _was_in_backup(connection, claim):
        connection.execute(sa.update(_RUN).where(_RUN.c.id == claim.run_id).values(doubted=False))
