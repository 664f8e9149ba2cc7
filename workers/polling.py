"""Polling: what a provider tells only when it is asked. Messages one after the other, and the objects no message speaks of.

Called by the sweeper for every account. A message is confirmed only after it is committed to the inbox, as `origin=poll`: lost before the
commit, it is served again; lost after it, it is served again too, and known by its identity. Objects are put to the re-reads, which ask for
each at the source's pace. Nothing is decided here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import canonical_json, table_of
from receiver.errors import OutcomeUnknown, PayloadInvalid, Rejected, Retryable
from receiver.log import get_logger
from receiver.sources.autodns_message import message_of
from workers import accounts, baseline, duties, rereads
from workers.limits import Rank
from workers.mirror import Mirror
from workers.providers.autodns import confirm_message
from workers.providers.autodns_client import AutodnsClient
from workers.providers.autodns_requests import ConfirmMessage
from workers.runtime import Runtime

log = get_logger(__name__)
MESSAGES_EVERY = timedelta(minutes=1)
OBJECTS_EVERY = timedelta(minutes=15)
AT_ONCE = 20
UNREADABLE = "message.unreadable"
_MIRROR = table_of(Mirror)


def poll(runtime: Runtime, source: str) -> int:
    """Whatever of this source is due to be polled; how many things were done. Nothing for a provider that tells by itself."""
    client = runtime.accounts[source].client
    if not isinstance(client, AutodnsClient):
        return 0
    done = 0
    if client.polls and _is_due(runtime, f"messages:{source}", MESSAGES_EVERY):
        done += baseline.attempt(runtime, source, "messages", lambda: take_messages(runtime, source)) or 0
    if _is_due(runtime, f"account:{source}", OBJECTS_EVERY):
        asked = cast(AutodnsClient, runtime.client(source, Rank.GAPS))
        done += baseline.attempt(runtime, source, "account", lambda: accounts.compare(runtime, asked)) or 0
    if _is_due(runtime, f"customers:{source}", OBJECTS_EVERY):
        done += runtime.db.write(lambda c: _ask_customers(c, source, client.watched, runtime.clock.business(c)))
        runtime.point("customers-asked")
    return done


def take_messages(runtime: Runtime, source: str) -> int:
    """Take the messages that wait, at most AT_ONCE: keep each, commit, then confirm; how many. Raises Retryable, RateHeld.

    One that cannot be read is kept as well, and put before a person by the router: left unconfirmed it would hold back all others.
    """
    taken = 0
    while taken < AT_ONCE:
        client = cast(AutodnsClient, runtime.operation(source, Rank.GAPS, 2))  # a message is not taken half
        record = client.next_message()
        if record is None:
            break
        runtime.point("polled")
        arrival = _arrival(runtime, client, record)
        kept = runtime.db.write(lambda c, arrival=arrival: inbox.append(c, arrival))  # type: ignore[misc]
        runtime.point("message-kept")
        runtime.announcer.announce_delivery(kept.delivery_id)
        _confirm(client, str(record["id"]))
        runtime.point("confirmed")
        taken += 1
    return taken


def _arrival(runtime: Runtime, client: AutodnsClient, record: Mapping[str, Any]) -> inbox.Arrival:
    """The message as it is kept: by itself, without what only speaks of the poll. Raises Retryable for one that cannot be confirmed."""
    try:
        request = ConfirmMessage(message_id=record.get("id"))  # type: ignore[arg-type]
    except ValueError:
        raise Retryable(provider=client.source, call="poll.get", kind="reply_incomplete") from None
    try:
        message = message_of(record, zone=client.zone)
        native_type, native_id = message.name, message.id
    except PayloadInvalid as invalid:
        log.warning("message not readable", source=client.source, field=invalid.field)
        native_type, native_id = UNREADABLE, request.message_id
    with runtime.db.read() as connection:
        now = runtime.clock.business(connection)
    body = canonical_json({"data": [record]}).encode()
    return inbox.Arrival(source=client.source, origin="poll", native_type=native_type, native_id=native_id, body=body, received_at=now)


def _confirm(client: AutodnsClient, message_id: str) -> None:
    """Tell the provider that the message is kept. Raises Retryable: where nobody knows, the next poll shows it."""
    try:
        client.call(confirm_message, ConfirmMessage(message_id=message_id))
    except (Rejected, OutcomeUnknown) as cause:
        kind, status = cause.context.get("kind"), cause.context.get("status")
        raise Retryable(provider=client.source, call="poll.confirm", kind=kind, status=status) from cause


def _ask_customers(connection: Connection, source: str, watched: Iterable[str], now: datetime) -> int:
    """Have every customer that is watched or known read again."""
    known = sa.select(_MIRROR.c.object_id).where(
        _MIRROR.c.source == source, _MIRROR.c.kind == "customer", _MIRROR.c.seen, sa.not_(_MIRROR.c.deleted)
    )
    ids = sorted({*watched, *connection.execute(known).scalars()})
    for id in ids:
        rereads.ask(connection, source, "customer", id, reason="polled", at=now)
    return len(ids)


def _is_due(runtime: Runtime, name: str, every: timedelta) -> bool:
    due: bool = runtime.db.write(lambda c: duties.due(c, name, now=runtime.clock.business(c), every=every))
    if due:
        runtime.point("poll-due")
    return due
