"""Walks: the ways to go through a list of a provider, one request at a time.

A walk begins somewhere and takes steps; after each it says where to go on, so that a sweep can be broken off anywhere. It reads, and puts
what differs from the mirror into the inbox. Called by workers/gaps.py, which keeps the places and the pace.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from receiver.db import table_of
from receiver.errors import Retryable
from workers import accounts, cursors, mirror, payments, polling, rereads
from workers.errors import NotFound, RateHeld
from workers.mirror import Mirror
from workers.sweeps import Step, Sweep, Where

BY_ID = 100
PASSES_MAX = 5  # of one sweep: a list that never agrees with itself is read again at the next
GONE_MAX = 200  # so many missing objects are asked for one by one after a sweep: the provider may have lost its list, not its objects
KEYS = {"invoice": "INVOICE_ID", "customer": "CUSTOMER_ID"}
_MIRROR = table_of(Mirror)
_SETTLED = sa.or_(_MIRROR.c.paid, _MIRROR.c.canceled, _MIRROR.c.deleted)


class Walk(NamedTuple):
    """Where a sweep begins, and one step of it. A step raises Retryable and RateHeld, and then has done nothing."""

    begins: Callable[[Sweep], Where]
    step: Callable[[Sweep, Where], Step]


def _from_the_start(_sweep: Sweep) -> Where:
    return {"after": 0}


def by_id(records: Iterable[Mapping[str, Any]], key: str) -> dict[str, Mapping[str, Any]]:
    """The records by their ids; one without an id cannot be told from another and is left out."""
    return {str(record[key]): record for record in records if record.get(key)}


def _open_by_id(sweep: Sweep, at: Where) -> Step:
    """The next hundred invoices we hold for open, together. One that is missing in the answer is asked for by itself."""
    rows = _known(sweep, at["after"], open_only=True, limit=BY_ID)
    if not rows:
        return 0, None
    read_at, ids = sweep.now(), [row.object_id for row in rows]
    found = by_id(sweep.client.invoices_by_id(ids), KEYS["invoice"])
    added = sweep.keep(found, read_at=read_at)
    sweep.ask_again((id for id in ids if id not in found), reason="missing_in_scan", at=read_at)
    return added, {"after": rows[-1].id} if len(rows) == BY_ID else None


def _months_begin(sweep: Sweep) -> Where:
    zone = sweep.runtime.zone_of(sweep.source)
    until = sweep.began_at + timedelta(days=sweep.scan.ahead_days)
    return {"months": months(sweep.since.astimezone(zone), until.astimezone(zone)), "offset": 0}


def months(first: datetime, last: datetime) -> list[tuple[int, int]]:
    """Every (year, month) between two local instants."""
    numbers = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    return [(number // 12, number % 12 + 1) for number in numbers]


def _by_month(sweep: Sweep, at: Where) -> Step:
    """The next page of the invoices dated in a month."""
    read_at, (year, month) = sweep.now(), at["months"][0]
    page = sweep.client.invoices(offset=at["offset"], year=str(year), month=f"{month:02d}")
    mark = page.mark(at.get("mark") if at["offset"] else None, sweep.source)
    added = sweep.keep(by_id(page.records, KEYS["invoice"]), read_at=read_at)
    left = at["months"] if page.next_offset is not None else at["months"][1:]
    return added, {"months": left, "offset": page.next_offset or 0, "mark": mark} if left else None


def _passes_begin(sweep: Sweep) -> Where:
    with sweep.runtime.db.read() as connection:
        return {"turn": cursors.last_turn(connection, sweep.source, sweep.scan.name) + 1, "offset": 0, "passes": 1}


def _full_pages(sweep: Sweep, at: Where) -> Step:
    """The next page of all customers; at the end of a pass, another one until two agree on who is there.

    Between two pages a customer may come or go, and move another one over the edge. A list of one page cannot be torn like that.
    """
    read_at = sweep.now()
    page = sweep.client.customers(at["offset"])
    mark = page.mark(at.get("mark") if at["offset"] else None, sweep.source)
    records = by_id(page.records, KEYS["customer"])
    added = sweep.keep(records, read_at=read_at)
    place = {"turn": at["turn"], "first": at["offset"], "ids": list(records)}
    sweep.runtime.db.write(lambda c: cursors.keep_page(c, sweep.source, sweep.scan.name, **place))
    sweep.runtime.point("page-kept")
    if page.next_offset is not None:
        return added, {**at, "offset": page.next_offset, "mark": mark}
    return added, _after_pass(sweep, at, read_at)


def _after_pass(sweep: Sweep, at: Where, read_at: datetime) -> Where | None:
    source, scan, turn = sweep.source, sweep.scan.name, at["turn"]
    with sweep.runtime.db.read() as connection:
        ids, before = (cursors.seen(connection, source, scan, one) for one in (turn, turn - 1))
    agree = at["offset"] == 0 or ids == before
    if not agree and at["passes"] < PASSES_MAX:
        return {"turn": turn + 1, "offset": 0, "passes": at["passes"] + 1}
    if agree:
        sweep.ask_again(_gone(sweep, ids), reason="missing_in_scan", at=read_at)
    sweep.runtime.db.write(lambda c: cursors.drop_before(c, source, scan, turn))
    return None


def _gone(sweep: Sweep, ids: frozenset[str]) -> list[str]:
    """Those we know that are on no page; who came while the pages were read may be among them."""
    query = sa.select(_MIRROR.c.object_id).where(
        _MIRROR.c.source == sweep.source, _MIRROR.c.kind == sweep.scan.kind, _MIRROR.c.seen, sa.not_(_MIRROR.c.deleted),
    )  # fmt: skip
    with sweep.runtime.db.read() as connection:
        known = connection.execute(query.order_by(_MIRROR.c.id)).scalars().all()
    return [id for id in known if id not in ids][:GONE_MAX]


def _each_open_invoice(sweep: Sweep, at: Where) -> Step:
    rows = _known(sweep, at["after"], open_only=True, limit=1)
    return _one(sweep, rows[0].object_id, {"after": rows[0].id}) if rows else (0, None)


def _each_customer_begins(sweep: Sweep) -> Where:
    return {"named": sorted(sweep.client.watched), "after": 0}


def _each_customer(sweep: Sweep, at: Where) -> Step:
    """The next customer that is named in billhook.toml, then the next that is known besides."""
    if at["named"]:
        return _one(sweep, at["named"][0], {**at, "named": at["named"][1:]})
    rows = _known(sweep, at["after"], open_only=False, limit=1)
    if not rows:
        return 0, None
    further = {**at, "after": rows[0].id}
    return (0, further) if rows[0].object_id in sweep.client.watched else _one(sweep, rows[0].object_id, further)


def _one(sweep: Sweep, id: str, further: Where) -> Step:
    """One object by itself. Where it cannot be read twice in a row, it is left to the re-reads and stops no other."""
    read_at = sweep.now()
    try:
        record = rereads.record_of(sweep.client, sweep.scan.kind, id)
    except NotFound:
        if _is_known(sweep, id):
            sweep.ask_again([id], reason="missing_in_scan", at=read_at)
        return 0, further
    except RateHeld:
        raise
    except Retryable:
        if not sweep.stuck:
            raise
        sweep.ask_again([id], reason="unreadable_in_scan", at=read_at)
        return 0, further
    return sweep.keep({id: record}, read_at=read_at), further


def _is_known(sweep: Sweep, id: str) -> bool:
    with sweep.runtime.db.read() as connection:
        held = mirror.load(connection, sweep.source, sweep.scan.kind, id)
    return held is not None and held.state.seen and not held.state.deleted


def _known(sweep: Sweep, after: int, *, open_only: bool, limit: int) -> Sequence[Any]:
    """(id, object_id) of the next objects behind a row of the mirror that may still change."""
    closed = _SETTLED if open_only else sa.or_(_MIRROR.c.deleted, sa.not_(_MIRROR.c.seen))
    query = sa.select(_MIRROR.c.id, _MIRROR.c.object_id).where(
        _MIRROR.c.source == sweep.source, _MIRROR.c.kind == sweep.scan.kind, sa.not_(closed), _MIRROR.c.id > after
    )
    with sweep.runtime.db.read() as connection:
        return connection.execute(query.order_by(_MIRROR.c.id).limit(limit)).all()


def _account(sweep: Sweep, _at: Where) -> Step:
    return accounts.compare(sweep.runtime, sweep.client, found_by=sweep.found_by), None


WALKS: Mapping[str, Walk] = {
    "open_by_id": Walk(_from_the_start, _open_by_id),
    "by_month": Walk(_months_begin, _by_month),
    "full_pages": Walk(_passes_begin, _full_pages),
    "each_open_invoice": Walk(_from_the_start, _each_open_invoice),
    "each_customer": Walk(_each_customer_begins, _each_customer),
    "account": Walk(_from_the_start, _account),
    "messages": Walk(_from_the_start, polling.take_message),
    "callback_log": Walk(payments.log_begins, payments.logged),
    "open_payments": Walk(_from_the_start, payments.read_open),
    "due_payments": Walk(_from_the_start, payments.read_due),
}
