"""Polling: messages that a provider tells only when it is asked, one after the other.

A walk of workers/walks.py. A message is confirmed only after it is committed to the inbox, as `origin=poll`: lost before the commit, it is
served again; lost after it, it is served again too, and known by its identity. Nothing is decided here.
"""

from collections.abc import Mapping
from typing import Any

from receiver import inbox
from receiver.db import canonical_json
from receiver.errors import OutcomeUnknown, PayloadInvalid, Rejected, Retryable
from receiver.log import get_logger
from receiver.sources.autodns_message import message_of
from workers.providers.autodns import confirm_message
from workers.providers.autodns_client import AutodnsClient
from workers.providers.autodns_requests import ConfirmMessage
from workers.runtime import Runtime
from workers.sweeps import Step, Sweep, Where

log = get_logger(__name__)
AT_ONCE = 20
UNREADABLE = "message.unreadable"


def take_message(sweep: Sweep, at: Where) -> Step:
    """Take the message that waits: keep it, commit, then confirm it. A sweep takes at most AT_ONCE. Raises Retryable, RateHeld.

    One that cannot be read is kept as well, and put before a person by the router: left unconfirmed it would hold back all others. One that
    is served again although it was confirmed holds them back too: people are told.
    """
    runtime, taken = sweep.runtime, at["after"] + 1
    client: AutodnsClient = sweep.operation(2)  # a message is not taken half
    record = client.next_message()
    if record is None:
        return 0, None
    runtime.point("polled")
    id = str(record.get("id"))
    if id == at.get("confirmed") and not sweep.stuck:  # it is confirmed once more when this place is tried again
        raise Retryable(provider=client.source, call="poll.get", kind="not_confirmed")
    arrival = _arrival(runtime, client, record)
    kept = runtime.db.write(lambda c: inbox.append(c, arrival))
    runtime.point("message-kept")
    runtime.announcer.announce_delivery(kept.delivery_id)
    _confirm(client, id)
    runtime.point("confirmed")
    return int(kept.new), {"after": taken, "confirmed": id} if taken < AT_ONCE else None


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
