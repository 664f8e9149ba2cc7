"""Qvickly's payments: found where no callback told of them, in the provider's own log and by reading them back.

Walks of workers/walks.py. A callback in the log goes into the inbox as what it is, under the very identity it has at the door, so that the
callback itself, tried for three months, starts nothing twice. A payment that is read back is a `poll.payment`: it tells the status
that is, and the router tells it once, whichever comes first.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from receiver import inbox
from receiver.db import canonical_json
from receiver.errors import BodyTooLarge, PayloadInvalid, SignatureWrong
from receiver.log import get_logger
from receiver.sources import qvickly as callbacks
from receiver.sources.qvickly_words import CALLBACK
from workers import control, desk, events
from workers.errors import NotFound
from workers.providers import qvickly
from workers.providers.qvickly_docs import PaymentDoc
from workers.sweeps import Step, Sweep, Where

log = get_logger(__name__)
UNREADABLE = "callback_log_unreadable"
UNFINISHED = frozenset({"created", "pending", "approved"})


def log_begins(sweep: Sweep) -> Where:
    """From the day before the last sweep on, or a week ago."""
    return {"from": sweep.since.date().isoformat(), "offset": 0}


def logged(sweep: Sweep, at: Where) -> Step:
    """The next page of the callback log. What the inbox has is left alone; what is from before the source was watched, too.

    People are told of rows that cannot be read: what they tell of may be lost.
    """
    read_at = sweep.now()
    page = sweep.client.callbacks(date.fromisoformat(at["from"]), (read_at + timedelta(days=1)).date(), at["offset"])
    mark = page.mark(at.get("mark"), sweep.source)
    since = _watched_since(sweep)
    found = [_arrival(sweep, row, read_at) for row in page.records]
    added = sum(_keep(sweep, arrival) for called_at, arrival in filter(None, found) if since is None or called_at >= since)
    unreadable = at.get("unreadable", 0) + found.count(None)
    if page.next_offset is not None:
        return added, {**at, "offset": page.next_offset, "unreadable": unreadable, "mark": mark}
    _tell_unreadable(sweep, unreadable, read_at)
    return added, None


def _tell_unreadable(sweep: Sweep, count: int, read_at: datetime) -> None:
    source = sweep.source
    if count:
        sweep.runtime.db.write(
            lambda c: desk.alert(c, source=source, subject=source, reason=UNREADABLE, at=read_at, detail={"callbacks": count})
        )
    else:
        sweep.runtime.db.write(lambda c: desk.close_alert(c, source, UNREADABLE, at=read_at))
    sweep.runtime.point("log-judged")


def _arrival(sweep: Sweep, row: Mapping[str, Any], read_at: datetime) -> tuple[datetime, inbox.Arrival] | None:
    """The callback a row of the log tells of, with its own instant, also as the header `date`; None for one that cannot be read."""
    said = row.get("request")
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "surrogatepass")
    try:
        called_at = _instant(sweep, row.get("createdtime"))
        callbacks.verify_hash([sweep.client.key.encode()], body)
        named = callbacks.identify(body, {})
    except (PayloadInvalid, SignatureWrong, BodyTooLarge, ValueError, OverflowError):
        log.warning("callback in the log not readable", source=sweep.source)
        return None
    return called_at, inbox.Arrival(
        source=sweep.source, origin="poll", native_type=named.native_type, native_id=named.native_id, body=body, received_at=read_at,
        headers=canonical_json({"date": called_at.isoformat()}), actor=sweep.found_by,
    )  # fmt: skip


def _instant(sweep: Sweep, said: Any) -> datetime:
    """An instant of the log; the Payment API's own instants have no zone and are the account's. Raises ValueError, OverflowError."""
    found = datetime.fromisoformat(str(said))
    return (found if found.tzinfo else found.replace(tzinfo=sweep.client.zone)).astimezone(UTC)


def read_open(sweep: Sweep, at: Where) -> Step:
    """The next payment that was last told in a status that does not stay, read back."""
    with sweep.runtime.db.read() as connection:
        told = events.next_report(connection, sweep.source, after=at["after"], since=sweep.since, statuses=UNFINISHED)
    if told is None:
        return 0, None
    return _read_back(sweep, told.number, told), {"after": told.event_id}


def read_due(sweep: Sweep, at: Where) -> Step:
    """What is due today, then each payment among it that nobody ever told us of."""
    numbers = at.get("numbers")
    if numbers is None:
        today = sweep.began_at.astimezone(sweep.client.zone).date()
        due = sweep.client.query(qvickly.due_payments, today.isoformat()).payments
        numbers = _untold(sweep, [(row.id, row.invoiced_on) for row in due])
        return 0, {**at, "numbers": numbers} if numbers else None
    added = _read_back(sweep, numbers[0], None)
    return added, {**at, "numbers": numbers[1:]} if numbers[1:] else None


def _untold(sweep: Sweep, due: list[tuple[str, date | None]]) -> list[str]:
    """Those of them that no event tells of and that were made after we began to watch."""
    since = _watched_since(sweep)
    first = since.astimezone(sweep.client.zone).date() if since else date.min
    with sweep.runtime.db.read() as connection:
        return [id for id, made_on in due if (made_on or date.max) >= first and not events.last_status(connection, sweep.source, id)]


def _read_back(sweep: Sweep, number: str, told: events.Report | None) -> int:
    """Read one payment, and put its status into the inbox where it is another one than was told, in a word a callback might say."""
    read_at = sweep.now()
    try:
        doc: PaymentDoc = sweep.client.query(qvickly.payment, number)
    except NotFound:
        return 0
    if (told is not None and doc.status == told.status) or doc.status not in CALLBACK:
        return 0
    body = canonical_json({"read_at": read_at.isoformat(), "record": {"number": number, "status": doc.status, "orderid": doc.order_id}})
    identity = f"{number}:{told.event_id if told else 0}-{doc.status}"
    return _keep(sweep, inbox.Arrival(
        source=sweep.source, origin="poll", native_type="poll.payment", native_id=identity, body=body.encode(), received_at=read_at,
        actor=sweep.found_by,
    ))  # fmt: skip


def _keep(sweep: Sweep, arrival: inbox.Arrival) -> int:
    """Put it into the inbox unless it is there, whatever its bytes; 1 where it was new."""

    def act(connection: Any) -> int | None:
        if inbox.has(connection, arrival.source, arrival.native_type, arrival.native_id):
            return None
        return inbox.append(connection, arrival).delivery_id

    delivery_id = sweep.runtime.db.write(act)
    sweep.runtime.point("read-kept")
    if delivery_id is None:
        return 0
    sweep.runtime.announcer.announce_delivery(delivery_id)
    return 1


def _watched_since(sweep: Sweep) -> datetime | None:
    account = sweep.runtime.accounts[sweep.source]
    with sweep.runtime.db.read() as connection:
        return control.since(connection, account.name, account.since)
