"""What stands still or waits for somebody, as the doctor tells it: breakers, pauses, what nobody routes or takes, replays, alerts, tasks.

Reads only. Wrong is what keeps money or mail from going out; what goes on by itself, or only waits to be read, is a note.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.inbox import Delivery
from workers import breaker, control, holds, silence
from workers.desk import Alert, Task
from workers.finding import NOTE, WRONG, Finding
from workers.runs import FILELESS, RunRow

LATE = timedelta(minutes=1)
NO_WORKER = "start one: `billhook up`, or `billhook worker` and `billhook sweeper`"
BUSY = "nothing, if the number falls; else start another `billhook worker`"
_DELIVERY, _RUN = table_of(Delivery), table_of(RunRow)


def standing(connection: Connection, *, now: datetime) -> Iterator[Finding]:
    """One finding for each thing that stands still, then what waits to be read."""
    for one in breaker.opened(connection):
        text = f"the breaker is open: {one['failures']} calls failed in a row, the next one tries {one['next_try']:%Y-%m-%d %H:%M:%S} UTC"
        yield Finding(f"source {one['source']}", WRONG, text, f"billhook alerts; billhook breaker {one['source']} --probe")
    for name, value in sorted(control.named(connection, "pause:").items()):
        yield Finding("effects", WRONG, f"{holds.pause_in_words(name)} is paused: {value['reason']}", holds.resume_of(name))
    yield from _unrouted(connection, now)
    yield from _untaken(connection, now)
    yield from _fileless(connection)
    yield from _replays(connection)
    yield from _silent(connection)
    for model, word in ((Alert, "alert"), (Task, "task")):
        yield from _open(connection, table_of(model), word)


def _unrouted(connection: Connection, now: datetime) -> Iterator[Finding]:
    """Deliveries that could have been routed a minute ago; wrong where none was routed since."""
    since = sa.func.coalesce(_DELIVERY.c.route_after, _DELIVERY.c.received_at)
    late = sa.select(sa.func.count(), sa.func.min(_DELIVERY.c.received_at)).where(_DELIVERY.c.routed_at.is_(None), since <= now - LATE)
    count, oldest = connection.execute(late).one()
    if count:
        at_work = connection.execute(sa.select(_DELIVERY.c.id).where(_DELIVERY.c.routed_at > now - LATE).limit(1)).first() is not None
        text = f"{count} not routed, the oldest of {oldest:%Y-%m-%d %H:%M} UTC"
        yield Finding("deliveries", *((NOTE, text, BUSY) if at_work else (WRONG, f"{text}: nobody routes", NO_WORKER)))


def _untaken(connection: Connection, now: datetime) -> Iterator[Finding]:
    """Runs that somebody could have taken a minute ago; wrong where nobody works on any."""
    before = now - LATE
    due = sa.or_(
        sa.and_(_RUN.c.status == "ready", _RUN.c.ready_at <= before),
        sa.and_(_RUN.c.status == "waiting", _RUN.c.wake_at <= before),
        sa.and_(_RUN.c.status == "running", _RUN.c.lease_until <= before),
    )
    count = connection.execute(sa.select(sa.func.count()).select_from(_RUN).where(due)).scalar_one()
    if count:
        held = sa.select(_RUN.c.id).where(_RUN.c.status == "running", _RUN.c.lease_until > now).limit(1)
        at_work = connection.execute(held).first() is not None
        text = f"{count} due for more than a minute"
        yield Finding("runs", *((NOTE, text, BUSY) if at_work else (WRONG, f"{text}: nobody takes them", NO_WORKER)))


def _fileless(connection: Connection) -> Iterator[Finding]:
    """Runs of a workflow whose file the workers do not have: each is put back every minute, and nothing else is done about it."""
    put_back = sa.and_(_RUN.c.status == "waiting", _RUN.c.reason == FILELESS)
    counted = sa.select(_RUN.c.workflow, sa.func.count()).where(put_back).group_by(_RUN.c.workflow).order_by(_RUN.c.workflow)
    for workflow, count in connection.execute(counted):
        todo = "put its file back into a folder of billhook.workflows, and start the workers anew"
        yield Finding(f"workflow {workflow}", WRONG, f"open runs: {count}, and no worker has its file", todo)


def _replays(connection: Connection) -> Iterator[Finding]:
    """Each replay of many events whose orders are not all carried out yet."""
    left = sa.and_(_DELIVERY.c.origin == "operator", _DELIVERY.c.native_type == "operator.replay", _DELIVERY.c.routed_at.is_(None))
    counts: dict[str, int] = {}
    for native_id in connection.execute(sa.select(_DELIVERY.c.native_id).where(left)).scalars():
        replay, colon, _ = str(native_id).rpartition(":")
        if colon:
            counts[replay] = counts.get(replay, 0) + 1
    for replay, count in sorted(counts.items()):
        yield Finding("replay", NOTE, f"{replay} is under way: {count} events to go", f"billhook replay --off {replay} calls off the rest")


def _silent(connection: Connection) -> Iterator[Finding]:
    """Sources from which unusually long nothing came: what is missed is found all the same, but nobody would wait for it."""
    table = table_of(Alert)
    query = sa.select(table.c.source, table.c.detail).where(table.c.reason == silence.REASON, table.c.closed_at.is_(None))
    for source, detail in connection.execute(query.order_by(table.c.source)):
        text = f"unusually quiet: nothing since {detail['last']}; {detail['usual']}"
        todo = f"billhook refusals; see what the provider says of its notifications; billhook gaps --source {source}"
        yield Finding(f"source {source}", NOTE, text, todo)


def _open(connection: Connection, table: sa.Table, word: str) -> Iterator[Finding]:
    count = sa.func.count()
    query = sa.select(table.c.reason, count).where(table.c.closed_at.is_(None)).group_by(table.c.reason).order_by(table.c.reason)
    found = [f"{number} {reason}" for reason, number in connection.execute(query)]
    if found:
        yield Finding("people", NOTE, f"open {word}s: {', '.join(found)}", f"billhook {word}s")
