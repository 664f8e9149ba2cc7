"""The gap finder: walks the scan sets of every source, and puts what no delivery told into the inbox as `origin=poll`.

Called by the sweeper; what there is to scan is data (workers/providers/scans.py), how a list is gone through is in workers/walks.py. A
sweep takes its requests from the source's bucket, keeps its place after each of them, and goes on there after a crash, a failure, or when
it was not its turn. It decides nothing: the router compares, and tells only what is news.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.errors import Retryable
from workers import control, cursors, duties
from workers.attempts import attempt
from workers.cursors import Place
from workers.errors import RateHeld
from workers.limits import Rank
from workers.providers import bundle
from workers.providers.scans import Scan
from workers.runtime import Runtime
from workers.sweeps import Sweep, Where
from workers.walks import WALKS

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
LEAST = timedelta(milliseconds=1)
REST = 4  # a sweep that takes longer than its turn rests for a quarter of it


def scans_of(runtime: Runtime, source: str) -> tuple[Scan, ...]:
    """The scans this source's client has what it takes for; none for a source without an API."""
    account = runtime.accounts[source]
    offered = bundle.KINDS[account.kind].scans if account.kind in bundle.KINDS and account.client is not None else ()
    return tuple(scan for scan in offered if not scan.needs or getattr(account.client, scan.needs, None))


def find(runtime: Runtime, source: str) -> int:
    """Walk on every scan of this source that is due, the longest due first; how many deliveries that made."""
    scans = scans_of(runtime, source)
    if not scans:
        return 0
    often = min(scan.every for scan in scans)
    if not runtime.db.write(lambda c: duties.due(c, _duty(source), now=runtime.clock.business(c), every=often)):
        return 0
    runtime.point("scan-due")
    found = 0
    for scan in _due(runtime, source, scans):
        found += (
            attempt(runtime, source, scan.name, partial(_sweep, runtime, source, scan), partial(_put_off, source=source, scan=scan)) or 0
        )
    _plan_next(runtime, source, scans, often)
    return found


def put_off(connection: Connection, source: str, until: datetime) -> None:
    """Walk no scan of a source before then."""
    duties.due(connection, _duty(source), now=until, every=timedelta())


def look_back(runtime: Runtime, source: str, *, since: datetime | None, rank: Rank) -> int:
    """Walk what may hold facts of lost time from `since` on, a week ago where it is None; how many deliveries that made.

    In one go, without a place that is kept. Raises Retryable, RateHeld.
    """
    with runtime.db.read() as connection:
        now = runtime.clock.business(connection)
    found = 0
    for scan in (scan for scan in scans_of(runtime, source) if scan.lost_time):
        begin = since or now - timedelta(days=scan.back_days)
        sweep = Sweep(runtime=runtime, source=source, scan=scan, began_at=now, since=begin, rank=rank)
        at: Where | None = WALKS[scan.walk].begins(sweep)
        while at is not None:
            more, at = WALKS[scan.walk].step(sweep, at)
            found += more
    runtime.db.write(lambda c: control.put(c, control.synced_name(source), now.isoformat(), at=now))
    runtime.point("scanned")
    return found


def _sweep(runtime: Runtime, source: str, scan: Scan) -> int:
    """Begin a sweep, or go on with the one under way, to its end. Raises Retryable, RateHeld, with its place kept."""
    with runtime.db.read() as connection:
        now, row = runtime.clock.business(connection), cursors.of_source(connection, source).get(scan.name)
    place = cursors.place_in(row) or Place(began_at=now, at={})
    sweep = Sweep(
        runtime=runtime, source=source, scan=scan, began_at=place.began_at, since=_since(row, scan, place.began_at),
        rank=Rank.GAPS if scan.urgent else Rank.SWEEP, requests=place.requests, stuck=place.stuck,
    )  # fmt: skip
    at: Where | None = place.at or WALKS[scan.walk].begins(sweep)
    found = place.found
    while at is not None:
        try:
            more, after = WALKS[scan.walk].step(sweep, at)
        except (RateHeld, Retryable) as cause:
            _keep(sweep, at, found, stuck=not isinstance(cause, RateHeld))
            raise
        at, found, sweep.stuck = after, found + more, False
        if at is not None:
            _keep(sweep, at, found)
    runtime.db.write(lambda c: _end(c, sweep, found))
    runtime.point("scanned")
    return found - place.found


def _since(row: sa.RowMapping | None, scan: Scan, began_at: datetime) -> datetime:
    """From when on a sweep looks where it goes by time: its own reach, or for a log the day before the last sweep."""
    reach = began_at - timedelta(days=scan.back_days)
    last = row["began_at"] if row is not None and scan.kind == "callback" else None
    return reach if last is None else max(reach, last - timedelta(days=1))


def _keep(sweep: Sweep, at: Where, found: int, *, stuck: bool = False) -> None:
    runtime, place = sweep.runtime, Place(began_at=sweep.began_at, at=at, requests=sweep.requests, found=found, stuck=stuck)
    runtime.db.write(lambda c: cursors.keep(c, sweep.source, sweep.scan.name, place, due_at=runtime.clock.business(c)))
    runtime.point("place-kept")


def _end(connection: Connection, sweep: Sweep, found: int) -> None:
    runtime, source, scan = sweep.runtime, sweep.source, sweep.scan
    now, place = runtime.clock.business(connection), Place(began_at=sweep.began_at, at={}, requests=sweep.requests, found=found)
    due = max(sweep.began_at + scan.every, now + scan.every / REST)
    cursors.end(connection, source, scan.name, place, ended_at=now, due_at=due)
    if scan.synced:
        ends = cursors.of_source(connection, source)
        needed = [one.name for one in scans_of(runtime, source) if one.synced]
        began = [ends[name]["began_at"] for name in needed if name in ends and ends[name]["began_at"] is not None]
        if len(began) == len(needed):
            control.put(connection, control.synced_name(source), min(began).isoformat(), at=now)


def _put_off(connection: Connection, until: datetime, *, source: str, scan: Scan) -> None:
    cursors.put_off(connection, source, scan.name, until)


def _due(runtime: Runtime, source: str, scans: Sequence[Scan]) -> list[Scan]:
    """The scans that are due, the longest due first; those due together in their own order."""
    with runtime.db.read() as connection:
        now, when = runtime.clock.business(connection), due_at(connection, source, scans)
    return sorted((scan for scan in scans if when[scan.name] <= now), key=lambda scan: when[scan.name])


def due_at(connection: Connection, source: str, scans: Sequence[Scan]) -> dict[str, datetime]:
    """When each scan is next due; at once what never was, but for what the baseline has just read."""
    rows, read_at = cursors.of_source(connection, source), control.baseline_at(connection, source) or _LONG_AGO
    first = {scan.name: read_at + scan.every if scan.baseline else read_at for scan in scans}
    return first | {name: row["due_at"] for name, row in rows.items() if name in first}


def _plan_next(runtime: Runtime, source: str, scans: Sequence[Scan], often: timedelta) -> None:
    """Have the source come due when its next scan is, where that is sooner than it does anyway."""
    with runtime.db.read() as connection:
        now, when = runtime.clock.business(connection), due_at(connection, source, scans)
    soonest = max(min(when.values()), now + LEAST)
    if soonest < now + often:
        runtime.db.write(lambda c: duties.set_next(c, _duty(source), soonest))
        runtime.point("scan-planned")


def _duty(source: str) -> str:
    return f"scan:{source}"
