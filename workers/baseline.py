"""The baseline read of a newly connected source, and the scan that finds what no webhook told us.

A baseline keeps what held before we watched, so that history starts nothing. It is resumable: where it got to stands in `control`.
The scan reads open invoices by id and the current month's, and puts what differs into the inbox.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.errors import Retryable
from receiver.log import get_logger
from workers import control, desk, duties, rereads
from workers.errors import RateHeld
from workers.limits import Rank
from workers.mirror import Mirror
from workers.retry import backoff, told
from workers.runtime import Runtime

log = get_logger(__name__)
_KINDS = (("customer", "CUSTOMER_ID"), ("invoice", "INVOICE_ID"))
T = TypeVar("T")
BY_ID = 100
MONTHS_BACK = timedelta(days=7)


def wanted(connection: Connection, source: str) -> bool:
    """Whether the source still lacks a completed baseline."""
    return control.baseline_at(connection, source) is None


def read(runtime: Runtime, source: str, *, pages: int | None = None) -> bool:
    """Read on where the baseline got to, at most `pages` pages; true when it is complete. Raises Retryable."""
    client = cast(rereads.Reads, runtime.client(source, Rank.SWEEP))
    with runtime.db.read() as connection:
        now = runtime.clock.business(connection)
        state = control.get(connection, f"baseline:{source}") or {"at": now.isoformat(), "kind": 0, "offset": 0, "done": False}
    left = pages
    while state["kind"] < len(_KINDS):
        if left == 0:
            return False
        left = None if left is None else left - 1
        state = _page(runtime, client, source, state)
    log.info("baseline complete", source=source)
    return True


def _page(runtime: Runtime, client: rereads.Reads, source: str, state: dict[str, Any]) -> dict[str, Any]:
    kind, key = _KINDS[state["kind"]]
    with runtime.db.read() as connection:
        read_at = runtime.clock.business(connection)
    page = client.customers(state["offset"]) if kind == "customer" else client.invoices(offset=state["offset"])
    ended = page.next_offset is None
    after = {**state, "kind": state["kind"] + int(ended), "offset": 0 if ended else page.next_offset}
    after["done"] = after["kind"] == len(_KINDS)

    rereads.keep_reads(runtime, source, kind, _by_id(page.records, key), read_at=read_at, baseline=True)
    runtime.db.write(lambda c: control.put(c, f"baseline:{source}", after, at=read_at))
    runtime.point("page-kept")
    return after


def _by_id(records: Iterable[Mapping[str, Any]], key: str) -> dict[str, Mapping[str, Any]]:
    """The records by their ids; one without an id cannot be told from another and is left out."""
    return {str(record[key]): record for record in records if record.get(key)}


def scan(runtime: Runtime, source: str, *, since: datetime | None = None, rank: Rank = Rank.SWEEP) -> int:
    """Read open invoices and those dated in the months from `since` on; how many deliveries that made. Raises Retryable.

    `since` is a week ago where it is not given.
    """
    client = cast(rereads.Reads, runtime.client(source, rank))
    found, started = 0, _now(runtime)
    for read_at, records, asked in _scanned(runtime, client, source, since):
        found += _keep(runtime, source, records, asked, read_at)
    runtime.db.write(lambda c: control.put(c, control.synced_name(source), started.isoformat(), at=started))
    runtime.point("scanned")
    return found


def _scanned(
    runtime: Runtime, client: rereads.Reads, source: str, since: datetime | None
) -> Iterator[tuple[datetime, list[Mapping[str, Any]], list[str]]]:
    """(instant, records, ids asked for) of every request of one scan."""
    ids = _open_invoices(runtime, source)
    for start in range(0, len(ids), BY_ID):
        asked = ids[start : start + BY_ID]
        read_at = _now(runtime)
        yield read_at, list(client.invoices_by_id(asked)), asked
    now, zone = _now(runtime), runtime.zone_of(source)
    for year, month in _months((since or now - MONTHS_BACK).astimezone(zone), now.astimezone(zone)):
        offset: int | None = 0
        while offset is not None:
            read_at = _now(runtime)
            page = client.invoices(offset=offset, year=str(year), month=f"{month:02d}")
            yield read_at, list(page.records), []
            offset = page.next_offset


def _months(first: datetime, last: datetime) -> list[tuple[int, int]]:
    """Every (year, month) between two local instants."""
    numbers = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    return [(number // 12, number % 12 + 1) for number in numbers]


def _keep(runtime: Runtime, source: str, records: list[Mapping[str, Any]], asked: list[str], read_at: datetime) -> int:
    known = _by_id(records, "INVOICE_ID")
    gone = [id for id in asked if id not in known]

    def act(connection: Connection) -> None:
        for id in gone:
            rereads.ask(connection, source, "invoice", id, reason="missing_in_scan", at=read_at)

    added = rereads.keep_reads(runtime, source, "invoice", known, read_at=read_at)
    if gone:
        runtime.db.write(act)
        runtime.point("reread-asked")
    for delivery_id in added:
        runtime.announcer.announce_delivery(delivery_id)
    return len(added)


def _open_invoices(runtime: Runtime, source: str) -> list[str]:
    table = table_of(Mirror)
    settled = sa.or_(table.c.paid, table.c.canceled, table.c.deleted)
    query = sa.select(table.c.object_id).where(table.c.source == source, table.c.kind == "invoice", sa.not_(settled)).order_by(table.c.id)
    with runtime.db.read() as connection:
        return list(connection.execute(query).scalars())


def _now(runtime: Runtime) -> datetime:
    with runtime.db.read() as connection:
        return runtime.clock.business(connection)


def attempt(runtime: Runtime, source: str, what: str, act: Callable[[], T]) -> T | None:
    """act(), or None where the provider cannot be read now: then it is due again after a growing pause, and people are told at last."""
    try:
        result = act()
    except RateHeld as held:
        wait = held.wait
        runtime.db.write(lambda c: duties.set_next(c, f"{what}:{source}", runtime.clock.business(c) + wait))
        runtime.point("put-off")
        return None
    except Retryable as cause:
        log.warning("read postponed", source=source, what=what, error_type=type(cause).__name__)
        runtime.db.write(partial(_failed, runtime=runtime, source=source, what=what, cause=cause))
        runtime.point("put-off")
        return None
    with runtime.db.read() as connection:
        had_failed = control.get(connection, _failures(source, what)) is not None
    if had_failed:
        runtime.db.write(lambda c: _well_again(c, runtime, source, _failures(source, what)))
        runtime.point("well-again")
    return result


def _failures(source: str, what: str) -> str:
    return f"unreadable:{source}:{what}"


def _failed(connection: Connection, *, runtime: Runtime, source: str, what: str, cause: Retryable) -> None:
    name = _failures(source, what)
    tries, now = (control.get(connection, name) or 0) + 1, runtime.clock.business(connection)
    control.put(connection, name, tries, at=now)
    duties.set_next(connection, f"{what}:{source}", now + backoff(tries, cause, key=name))
    desk.tell_unreadable(connection, source=source, tries=tries, why=told(f"{what}_failed", cause), at=now)


def _well_again(connection: Connection, runtime: Runtime, source: str, name: str) -> None:
    now = runtime.clock.business(connection)
    control.put(connection, name, None, at=now)
    desk.close_alert(connection, source, desk.UNREADABLE, at=now)
