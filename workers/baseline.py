"""The baseline read of a newly connected source, and the scan that finds what no webhook told us.

A baseline keeps what held before we watched, so that history starts nothing. It is resumable: where it got to stands in `control`.
The scan reads open invoices by id and the current month's, and puts what differs into the inbox.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far a scan got: the mirror row of the last open invoice asked for (None once all were), the months left, where in the first."""

    started: datetime
    after: int | None
    months: tuple[tuple[int, int], ...]
    offset: int = 0


def scan(runtime: Runtime, source: str, *, since: datetime | None = None, rank: Rank = Rank.SWEEP) -> int:
    """Read open invoices and those dated in the months from `since` on; how many deliveries that made. Raises Retryable, RateHeld.

    `since` is a week ago where it is not given; such a scan goes on where the last one was broken off, so that a slow pace ends it too.
    """
    client, found = cast(rereads.Reads, runtime.client(source, rank)), 0
    place = _begun(runtime, source, since) if since else _kept_place(runtime, source) or _begun(runtime, source, None)
    try:
        while place.after is not None or place.months:
            added, place = _asked(runtime, client, source, place)
            found += added
    except (RateHeld, Retryable):
        if since is None:
            _keep_place(runtime, source, place)
        raise
    runtime.db.write(lambda c: _end_scan(c, source, place.started))
    runtime.point("scanned")
    return found


def _keep_place(runtime: Runtime, source: str, place: Place) -> None:
    kept = {"started": place.started.isoformat(), "after": place.after, "months": place.months, "offset": place.offset}
    runtime.db.write(lambda c: control.put(c, _place_name(source), kept, at=place.started))
    runtime.point("place-kept")


def _begun(runtime: Runtime, source: str, since: datetime | None) -> Place:
    now, zone = _now(runtime), runtime.zone_of(source)
    months = _months((since or now - MONTHS_BACK).astimezone(zone), now.astimezone(zone))
    return Place(started=now, after=0, months=tuple(months))


def _kept_place(runtime: Runtime, source: str) -> Place | None:
    with runtime.db.read() as connection:
        kept = control.get(connection, _place_name(source))
    if kept is None:
        return None
    months = tuple((int(year), int(month)) for year, month in kept["months"])
    return Place(started=datetime.fromisoformat(kept["started"]), after=kept["after"], months=months, offset=kept["offset"])


def _asked(runtime: Runtime, client: rereads.Reads, source: str, place: Place) -> tuple[int, Place]:
    """One request of a scan: how many deliveries it made, and how far the scan is then."""
    read_at = _now(runtime)
    if place.after is not None:
        rows = _open_invoices(runtime, source, place.after)
        if not rows:
            return 0, replace(place, after=None)
        ids = [row.object_id for row in rows]
        return _keep(runtime, source, list(client.invoices_by_id(ids)), ids, read_at), replace(place, after=rows[-1].id)
    year, month = place.months[0]
    page = client.invoices(offset=place.offset, year=str(year), month=f"{month:02d}")
    added, ended = _keep(runtime, source, list(page.records), [], read_at), page.next_offset is None
    return added, replace(place, months=place.months[int(ended) :], offset=page.next_offset or 0)


def _end_scan(connection: Connection, source: str, started: datetime) -> None:
    control.put(connection, _place_name(source), None, at=started)
    control.put(connection, control.synced_name(source), started.isoformat(), at=started)


def _place_name(source: str) -> str:
    return f"scan:{source}"


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


def _open_invoices(runtime: Runtime, source: str, after: int) -> Sequence[Any]:
    """(id, object_id) of the next open invoices behind a row of the mirror."""
    table = table_of(Mirror)
    settled = sa.or_(table.c.paid, table.c.canceled, table.c.deleted)
    query = (
        sa.select(table.c.id, table.c.object_id)
        .where(table.c.source == source, table.c.kind == "invoice", sa.not_(settled), table.c.id > after)
        .order_by(table.c.id)
        .limit(BY_ID)
    )
    with runtime.db.read() as connection:
        return connection.execute(query).all()


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
        log.warning("read postponed", source=source, duty=what, reason=told("read_failed", cause))
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
