"""The baseline read of a newly connected source: what held before we watched is kept, so that history starts nothing.

Called by the sweeper and by `billhook connect`. It is resumable: where it got to stands in `control`. What happens from then on, and no
webhook tells, the gap finder finds (workers/gaps.py).
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy.engine import Connection

from receiver.log import get_logger
from workers import control, duties, rereads
from workers.attempts import attempt
from workers.limits import Rank
from workers.runtime import Runtime
from workers.walks import by_id

log = get_logger(__name__)
_KINDS = (("customer", "CUSTOMER_ID"), ("invoice", "INVOICE_ID"))
EVERY = timedelta(seconds=1)
PAGES_AT_ONCE = 5


def wanted(connection: Connection, source: str) -> bool:
    """Whether the source still lacks a completed baseline."""
    return control.baseline_at(connection, source) is None


def read_on(runtime: Runtime, source: str) -> int:
    """Read some pages of a baseline that is due; 1 where that completed it. A provider that cannot be read now is asked later."""
    name = f"baseline:{source}"
    if not runtime.db.write(lambda c: duties.due(c, name, now=runtime.clock.business(c), every=EVERY)):
        return 0
    runtime.point("baseline-due")
    later = partial(_put_off, name=name)
    return int(bool(attempt(runtime, source, "baseline", lambda: read(runtime, source, pages=PAGES_AT_ONCE), later)))


def _put_off(connection: Connection, until: datetime, *, name: str) -> None:
    duties.set_next(connection, name, until)


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
    mark, ended = page.mark(state.get("mark") if state["offset"] else None, source), page.next_offset is None
    after = {**state, "kind": state["kind"] + int(ended), "offset": 0 if ended else page.next_offset, "mark": mark}
    after["done"] = after["kind"] == len(_KINDS)

    rereads.keep_reads(runtime, source, kind, by_id(page.records, key), read_at=read_at, baseline=True)
    runtime.db.write(lambda c: control.put(c, f"baseline:{source}", after, at=read_at))
    runtime.point("page-kept")
    return after
