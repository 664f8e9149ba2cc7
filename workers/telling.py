"""What a notice tells: snapshots folded into the mirror, events recorded once, runs woken and started.

Used by workers/routing.py inside its transaction, which is one `Turn`. Every event goes through `record`, whoever brought it.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.event import BlockEvent, BlockReleased, Event, PaymentReported
from receiver.sources.notice import UNDATED, Notice, Snapshot
from workers import catchup, control, desk, engine, events, mirror, rereads, runs
from workers.deriving import News, Told, news
from workers.fold import Entry
from workers.registry import concerns
from workers.runtime import Account, Runtime


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One transaction of the router, and what need not be asked or written for each of its deliveries.

    `corrected`: by delivery, how many of its events are older ones that turned out to be news.
    """

    connection: Connection
    runtime: Runtime
    now: datetime
    since: dict[str, datetime | None] = field(default_factory=dict)
    notes: list[tuple[int, str]] = field(default_factory=list)
    corrected: Counter[int] = field(default_factory=Counter)

    def watched_since(self, account: Account) -> datetime | None:
        """What happened before this instant is history for the account."""
        if account.name not in self.since:
            self.since[account.name] = control.since(self.connection, account.name, account.since)
        return self.since[account.name]

    def end(self) -> None:
        """Write what was put off: the notes on events."""
        events.note_outcomes(self.connection, self.notes)
        if self.runtime.registry.broken and self.notes:
            catchup.note(self.connection, self.runtime.registry.broken, min(id for id, _ in self.notes), at=self.now)


def mirrored(notice: Notice) -> list[Snapshot]:
    """The snapshots that say something of an object, in the order in which their mirror rows are locked: customers first."""
    said = (s for s in notice.snapshots if s.kind in ("customer", "invoice") and (not s.partial or s.fields.get("x_attributes")))
    return sorted(said, key=lambda s: (s.kind != "customer", s.id))


def blocked(event: Event) -> tuple[str, str] | None:
    """(kind, id) of the object whose mirror row a block event locks, or None."""
    if not isinstance(event, BlockEvent | BlockReleased):
        return None
    return ("invoice", event.invoice_id) if event.invoice_id else ("customer", str(event.customer_id))


def tell(turn: Turn, account: Account, row: sa.RowMapping, notice: Notice) -> tuple[int, list[str]]:
    """(how many events the notice of one delivery made, the runs now ready)."""
    made, ready = 0, list[str]()
    for snapshot in mirrored(notice):
        told, woken = _snapshot(turn, account, row, notice, snapshot)
        made, ready = made + told, ready + woken
    for place, said in enumerate(notice.events):
        event = replace(said, at=row["received_at"]) if said.at == UNDATED else said
        if isinstance(event, PaymentReported) and _is_told(turn, event, read=notice.read_at is not None):
            continue
        how = "delivery:" if notice.read_at is None else events.READ.removeprefix(":")
        identity, starts = f"{event.type}:{how}{row['id']}:{place}", _is_news(turn, account, event)
        told, woken = record(turn, row, event, identity, proof=notice.proof, starts=starts)
        made, ready = made + told, ready + woken
    for kind, object_id in notice.reread:
        rereads.ask(turn.connection, account.name, kind, object_id, reason=notice.native_type, at=turn.now)
    return made, ready


def record(
    turn: Turn,
    row: sa.RowMapping,
    event: Event,
    identity: str,
    *,
    proof: str,
    starts: bool,
    late: bool = False,
    historical: bool = False,
    echo: bool = False,
) -> tuple[int, list[str]]:
    """Keep one event of a delivery and do what follows from it: (1 where it was new, the runs now ready)."""
    recorded = events.record(
        turn.connection, event, identity, delivery_id=row["id"], at=turn.now, proof=proof, late=late, historical=historical, echo=echo
    )
    return (0, []) if recorded is None else (1, _follow(turn, recorded, starts=starts))


def _snapshot(turn: Turn, account: Account, row: sa.RowMapping, notice: Notice, snapshot: Snapshot) -> tuple[int, list[str]]:
    connection = turn.connection
    held = mirror.lock(connection, account.name, snapshot.kind, snapshot.id)
    entry = Entry(
        delivery_id=row["id"],
        fields=snapshot.fields,
        sequence=notice.sequence,
        created_at=notice.created_at,
        received_at=row["received_at"],
        read_at=notice.read_at,
        deleted=snapshot.deleted,
        partial=snapshot.partial,
        baseline=bool(notice.extra.get("baseline")),
    )
    applied = mirror.apply(connection, held, entry, at=turn.now)
    if applied.unsure or notice.ambiguous:
        rereads.ask(connection, account.name, snapshot.kind, snapshot.id, reason="order_unsure", at=turn.now)
    if not applied.changes:
        return 0, []
    told = [
        Told(type=t, identity=i, delivery_id=d, historical=h, id=n)
        for t, i, d, h, n in events.of_object(connection, account.name, snapshot.kind, snapshot.id)
    ]
    fresh = news(
        account.name,
        snapshot.kind,
        snapshot.id,
        applied.changes,
        told,
        entry=entry,
        state=applied.after,
        first=applied.first,
        baseline=applied.baseline,
        since=turn.watched_since(account),
        zone=account.zone,
        echo=applied.echo,
    )
    made, ready = 0, list[str]()
    for item in fresh:
        count, woken = _tell(turn, row, item, proof=notice.proof, echo=applied.echo)
        made, ready = made + count, ready + woken
    return made, ready


def _tell(turn: Turn, row: sa.RowMapping, item: News, *, proof: str, echo: bool) -> tuple[int, list[str]]:
    if item.corrects is not None:
        events.not_history(turn.connection, item.corrects)
        turn.corrected[row["id"]] += 1
        return 1, _follow(turn, events.load(turn.connection, item.corrects), starts=item.starts)
    return record(
        turn, row, item.event, item.identity, proof=proof, starts=item.starts, late=item.late, historical=item.historical, echo=echo
    )


def _follow(turn: Turn, recorded: events.Recorded, *, starts: bool) -> list[str]:
    """Apply a block, wake the runs concerned, start the workflows that start on it; note on the event what followed."""
    connection, event, now = turn.connection, recorded.event, turn.now
    _apply_block(connection, event, now)
    customer_id, invoice_id = concerns(event)
    ready = [] if recorded.echo else runs.wake_concerned(connection, event.source, customer_id=customer_id, invoice_id=invoice_id, at=now)
    outcome = [f"woke {len(ready)}"] if ready else []
    if not starts:
        outcome.append("echo" if recorded.echo else "historical" if recorded.historical else "late" if recorded.late else "no start")
    for workflow in turn.runtime.registry.started_by(event) if starts else ():
        run_id, said = engine.begin(connection, turn.runtime, workflow, recorded, at=now)
        ready += [run_id] if run_id else []
        outcome.append(f"{workflow.name}: {said}")
    turn.notes.append((recorded.id, "; ".join(outcome)))
    return ready


def _apply_block(connection: Connection, event: Event, now: datetime) -> None:
    target = blocked(event)
    if target is None:
        return
    scope, object_id = target
    mirror.lock(connection, event.source, scope, object_id)
    if isinstance(event, BlockReleased):
        desk.close_block(connection, source=event.source, scope=scope, object_id=object_id, kind=event.kind, at=now)
        return
    assert isinstance(event, BlockEvent)
    desk.open_block(
        connection,
        source=event.source,
        scope=scope,
        object_id=object_id,
        kind=str(getattr(event, "block", None)),
        reason=event.reason,
        until=event.until,
        data=_part(event),
        actor=None,
        at=now,
    )


def _part(event: Event) -> dict[str, str] | None:
    """The amount of what only a part is disputed or promised of."""
    part = getattr(event, "amount", None)
    return None if part is None else {"amount": str(part.amount), "currency": part.currency}


def _is_told(turn: Turn, event: PaymentReported, *, read: bool) -> bool:
    """Whether a payment was last told in this very status, by a read or by what a read now says again: one of the two starts nothing."""
    last = events.last_status(turn.connection, event.source, str(event.invoice_id))
    return last is not None and last[0] == event.status and (read or last[1])


def _is_news(turn: Turn, account: Account, event: Event) -> bool:
    since = turn.watched_since(account)
    return since is None or event.at >= since
