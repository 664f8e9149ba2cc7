"""Accounts: what a prepaid account at a provider may still spend, compared at every sweep.

Reads the account, and where it fell below its threshold, or reached it again, puts that into the inbox as `origin=poll`, in the very
transaction that notes it: each crossing is told once, and counted. It never charges anything; `credit.low` is for a workflow to answer.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from receiver import inbox
from receiver.db import canonical_json
from receiver.errors import Retryable
from receiver.money import Money
from receiver.sources.canonical import plain
from workers import control
from workers.errors import NotFound
from workers.providers.autodns_client import AutodnsClient
from workers.providers.autodns_docs import AccountDoc
from workers.runtime import Runtime


def compare(runtime: Runtime, client: AutodnsClient, *, found_by: str) -> int:
    """Read the client's account and compare it with its threshold; how many deliveries that made. Raises Retryable, RateHeld.

    A user without an account, and an account without any threshold, is left alone.
    """
    with runtime.db.read() as connection:
        read_at = runtime.clock.business(connection)
    try:
        record = client.account()
        doc = AccountDoc.from_record(client.source, record)
    except NotFound:
        return 0
    except ValueError:
        raise Retryable(provider=client.source, call="account.get", kind="unreadable") from None
    threshold = doc.threshold if client.credit_low is None else Money(client.credit_low, doc.balance.currency)
    if threshold is None:
        return 0
    delivery_id = runtime.db.write(lambda c: _crossed(c, doc, threshold, {**record}, read_at, found_by))
    runtime.point("account-compared")
    if delivery_id is None:
        return 0
    runtime.announcer.announce_delivery(delivery_id)
    return 1


def _crossed(
    connection: Connection, doc: AccountDoc, threshold: Money, record: dict[str, Any], read_at: datetime, found_by: str
) -> int | None:
    """Note on which side of its threshold the account is, and tell where that is another one than before; the delivery's id, or None.

    An account that is low when it is first read is told too: it is low now, whenever that began.
    """
    name = f"credit:{doc.source}"
    before, low = control.get(connection, name) or {"low": False, "n": 0}, doc.available < threshold
    if before["low"] == low:
        return None
    turn, n = ("low", before["n"] + 1) if low else ("restored", before["n"])
    control.put(connection, name, {"low": low, "n": n}, at=read_at)
    credit = {"turn": turn, "n": n, "available": plain(doc.available.amount), "threshold": plain(threshold.amount)}
    body = canonical_json({"read_at": read_at.isoformat(), "record": record, "credit": credit}).encode()
    identity = f"{doc.id}:{turn}-{n}"
    arrival = inbox.Arrival(
        source=doc.source, origin="poll", native_type="poll.account", native_id=identity, body=body, received_at=read_at, actor=found_by
    )
    return inbox.append(connection, arrival).delivery_id
