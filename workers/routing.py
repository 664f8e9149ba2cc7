"""The router: from deliveries to their events, and to the runs they start or wake. One transaction, for many deliveries at a time.

Called by the worker, by the sweeper, and by tests. Parses before the transaction; inside it locks mirror rows (customers, then
invoices by id), so that two deliveries of one object are folded one after the other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import is_trouble, table_of
from receiver.errors import PayloadInvalid
from receiver.event import Event, Tick
from receiver.log import get_logger
from receiver.sources import catalog
from receiver.sources.notice import Notice
from workers import desk, engine, events, ledger, mirror, operator, telling
from workers.errors import StateConflict
from workers.runtime import Account, Runtime
from workers.telling import Turn

log = get_logger(__name__)
SETTLE_WAIT = timedelta(seconds=30)
TRIES_MAX = 5
TURN_S = 0.01  # on SQLite the door waits for its own turn meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """What one delivery came to."""

    outcome: str
    reason: str = ""
    ready: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One delivery, read before the transaction; without a notice it is the clock's or an operator's, or there is a problem."""

    row: sa.RowMapping
    account: Account | None
    notice: Notice | None
    problem: str

    @property
    def id(self) -> int:
        return int(self.row["id"])


def route(runtime: Runtime, delivery_id: int, *, inline: int = 0) -> Routed | None:
    """Route the delivery; None where it was routed already or must wait.

    The runs it made ready are announced, all but the first `inline`, which the caller advances itself.
    """
    return route_all(runtime, [delivery_id], inline=inline).get(delivery_id)


def route_all(runtime: Runtime, delivery_ids: Sequence[int], *, inline: int = 0) -> dict[int, Routed | None]:
    """`route` for each, as many in one transaction as fit into TURN_S on SQLite; one that fails is put aside alone."""
    if not delivery_ids:
        return {}
    with runtime.db.read() as connection:
        rows = inbox.load_unrouted(connection, delivery_ids)
    waiting, found = [_read(runtime.accounts.get(row["source"]), row) for row in rows], dict[int, Routed | None]()
    while waiting:
        together = waiting[: _count_together(waiting)]
        done = _route_guarded(runtime, together)
        runtime.point("routed")
        for run_id in [run_id for routed in done.values() if routed for run_id in routed.ready][inline:]:
            runtime.announcer.announce_run(run_id)
        found |= done
        waiting = [one for one in waiting if one.id not in done]
    return found


def _route_guarded(runtime: Runtime, batch: Sequence[_Read]) -> dict[int, Routed | None]:
    """`_route_together` in a transaction. One delivery that cannot be routed is put aside and stops no other."""
    try:
        return runtime.db.write(lambda c: _route_together(c, runtime, batch))
    except Exception as error:  # what nobody thought of, in one of them
        if is_trouble(error):
            raise  # the database's trouble is no delivery's: all of them are routed later
        if len(batch) > 1:
            return {id: routed for one in batch for id, routed in _route_guarded(runtime, [one]).items()}
        kind = type(error).__name__
        log.error("routing failed", delivery=batch[0].id, source=batch[0].row["source"], error_type=kind)
        return runtime.db.write(lambda c: _put_aside(c, runtime, batch[0], kind))


def _put_aside(connection: Connection, runtime: Runtime, one: _Read, error_type: str) -> dict[int, Routed | None]:
    """Try again a little later; after TRIES_MAX a person looks. Nothing where another router has, or had, it meanwhile."""
    turn = Turn(connection=connection, runtime=runtime, now=runtime.clock.business(connection))
    if one.id not in inbox.claim_unrouted(connection, [one.id], now=turn.now):
        return {one.id: None}
    tries = inbox.count_try(connection, one.id)
    if tries < TRIES_MAX:
        inbox.put_back(connection, one.id, route_after=turn.now + timedelta(seconds=5 * 4**tries))
        return {one.id: None}
    reason = f"routing failed {tries} times: {error_type}"
    _park(turn, one.row, "failed", reason)
    inbox.mark_routed(connection, {one.id: ("parked", reason)}, at=turn.now)
    return {one.id: Routed(outcome="parked", reason=reason)}


def _count_together(waiting: Sequence[_Read]) -> int:
    """How many of the first may share a transaction: an operator's order and a tick have one of their own."""
    alone = (place for place, one in enumerate(waiting) if one.row["origin"] in ("operator", "clock"))
    return max(1, next(alone, len(waiting)))


def _read(account: Account | None, row: sa.RowMapping) -> _Read:
    notice, problem = None, ""
    if account is None:
        problem = "its source is not configured"
    elif row["origin"] == "push" and row["native_type"].startswith("poll."):
        problem = "only billhook itself reads"
    elif row["origin"] not in ("operator", "clock"):
        try:
            notice = account.interpret(row["body"], row["native_type"], row["native_id"], row["headers"] or "")
        except PayloadInvalid as invalid:
            problem = str(invalid)
        except Exception as error:  # what nobody thought of, in one delivery
            problem = f"reading it failed: {type(error).__name__}"
    return _Read(row=row, account=account, notice=notice, problem=problem)


def _route_together(connection: Connection, runtime: Runtime, batch: Sequence[_Read]) -> dict[int, Routed | None]:
    """What each came to, as far as TURN_S reached; at least the first."""
    turn = Turn(connection=connection, runtime=runtime, now=runtime.clock.business(connection))
    until = runtime.clock.boot_s() + TURN_S if connection.dialect.name == "sqlite" else math.inf
    firsts = inbox.claim_unrouted(connection, [one.id for one in batch], now=turn.now)
    found: dict[int, Routed | None] = {one.id: None for one in batch if one.id not in firsts}
    claimed = [one for one in batch if one.id in firsts]
    if len(claimed) > 1:
        _lock_all(connection, [one for one in claimed if not _is_variant(one, firsts)])
    for place, one in enumerate(claimed):
        if place and runtime.clock.boot_s() > until:
            break
        found[one.id] = _route_one(turn, one, firsts)
    turn.end()
    inbox.mark_routed(connection, {id: (routed.outcome, routed.reason) for id, routed in found.items() if routed}, at=turn.now)
    return found


def _lock_all(connection: Connection, batch: Sequence[_Read]) -> None:
    """Lock the mirror rows of a whole batch in the order of the house, before any run is touched."""
    if connection.dialect.name != "postgresql":
        return  # SQLite has one writer
    wanted: set[tuple[bool, str, str, str]] = set()
    for one in batch:
        if one.notice is not None and one.account is not None:
            wanted |= {(s.kind != "customer", s.id, one.account.name, s.kind) for s in telling.mirrored(one.notice)}
            held = ((telling.blocked(event), event.source) for event in one.notice.events)
            wanted |= {(block[0] != "customer", block[1], source, block[0]) for block, source in held if block}
    for _, object_id, source, kind in sorted(wanted):
        mirror.lock(connection, source, kind, object_id)


def _is_variant(one: _Read, firsts: dict[int, int]) -> bool:
    """Whether an earlier delivery has the same id with other content: a push, or a message that was polled beside it."""
    return not one.row["native_type"].startswith("poll.") and firsts[one.id] != one.id


def _route_one(turn: Turn, one: _Read, firsts: dict[int, int]) -> Routed | None:
    row, account = one.row, one.account
    if one.problem or account is None:
        _park(turn, row, "invalid", one.problem)
        return Routed(outcome="parked", reason=one.problem)
    if row["origin"] == "operator":
        return _operator(turn, row)
    if row["origin"] == "clock":
        return _announce(turn, row, operator.event_of(row["body"]))
    assert one.notice is not None
    waiting = _calling_until(turn, row, one.notice)
    if waiting is not None:
        inbox.put_back(turn.connection, row["id"], route_after=waiting)
        return None
    if _is_variant(one, firsts) and catalog.kind(account.kind).rewrapped:
        return Routed(outcome="nothing", reason=f"delivery {firsts[one.id]} said the same, wrapped otherwise")
    if _is_variant(one, firsts):
        _park(turn, row, "variant", f"delivery {firsts[one.id]} has the same id with other content")
        return Routed(outcome="parked", reason="variant")
    made, ready = telling.tell(turn, account, row, one.notice)
    if made:
        return Routed(outcome="events", reason=_counted(made, turn.corrected[row["id"]]), ready=tuple(ready))
    return Routed(outcome="nothing", reason="no news" if one.notice.known else "unknown_type", ready=tuple(ready))


def _operator(turn: Turn, row: sa.RowMapping) -> Routed:
    """An operator's act: a signal becomes an event, everything else is done to the ledger and the runs."""
    try:
        order = operator.read(row)
        if isinstance(order, Event):
            return _announce(turn, row, order)
        return Routed(outcome="events", reason=operator.carry_out(turn.connection, turn.runtime, order, row, turn.now))
    except StateConflict as conflict:
        return Routed(outcome="refused", reason=str(conflict))
    except (ValidationError, KeyError) as invalid:
        _park(turn, row, "invalid", f"{type(invalid).__name__} in an operator's order")
        return Routed(outcome="parked", reason="invalid")


def _announce(turn: Turn, row: sa.RowMapping, event: Event) -> Routed:
    """Record an event of the clock or an operator; a tick starts only the workflow it is for."""
    if not isinstance(event, Tick):
        made, ready = telling.record(turn, row, event, f"{event.type}:delivery:{row['id']}", proof="signed", starts=True)
        return Routed(outcome="events", reason=_counted(made), ready=tuple(ready))
    identity = f"tick:{event.workflow}:{event.at.isoformat()}"
    recorded = events.record(turn.connection, event, identity, delivery_id=row["id"], at=turn.now, proof="signed")
    workflow = turn.runtime.registry.get(event.workflow)
    if recorded is None or workflow is None:
        return Routed(outcome="nothing", reason="no such workflow" if workflow is None else "no news")
    run_id, said = engine.begin(turn.connection, turn.runtime, workflow, recorded, at=turn.now, key="schedule")
    turn.notes.append((recorded.id, f"{workflow.name}: {said}"))
    return Routed(outcome="events", reason=said, ready=(run_id,) if run_id else ())


def _counted(made: int, corrected: int = 0) -> str:
    """`corrected` of them came with an older delivery. billhook prove counts them again."""
    return ("1 event" if made == 1 else f"{made} events") + (f", {corrected} corrected" if corrected else "")


def _calling_until(turn: Turn, row: sa.RowMapping, notice: Notice) -> datetime | None:
    """When to route a delivery of an object whose call is under way: our own write must settle before its webhook is read."""
    ids = [s.id for s in notice.snapshots if not s.partial]
    since = ledger.calling_for(turn.connection, row["source"], ids) if ids else None
    if since is None or turn.now >= since + SETTLE_WAIT:
        return None
    return min(turn.now + timedelta(seconds=1), since + SETTLE_WAIT)


def _park(turn: Turn, row: sa.RowMapping, kind: str, reason: str) -> None:
    log.error("delivery parked", delivery=row["id"], source=row["source"], kind=kind)
    subject = f"delivery:{row['id']}"
    desk.park(turn.connection, kind=kind, source=row["source"], subject=subject, reason=reason, at=turn.now, delivery_id=row["id"])


def unrouted(connection: Connection, *, now: datetime, limit: int, first: int = 0) -> list[int]:
    """Ids of deliveries to route now, the oldest first, from `first` on."""
    return inbox.unrouted(connection, now=now, limit=limit, first=first)


def next_route(connection: Connection) -> Any:
    """When the next put-back delivery is due, or None."""
    return connection.execute(_NEXT_ROUTE).scalar_one_or_none()


_DELIVERY = table_of(inbox.Delivery)
_NEXT_ROUTE = sa.select(sa.func.min(_DELIVERY.c.route_after)).where(_DELIVERY.c.routed_at.is_(None))
