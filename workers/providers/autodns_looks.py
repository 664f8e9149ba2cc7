"""How a lost reply of AutoDNS is found out: what reading back must show for yes and for no.

Owns one look per writing service; workers/providers/autodns.py names them in its rows. A look says None wherever reading cannot tell. It
never guesses and never writes.
Source: help page "Basic Customer Object" (pending, persistent), OpenAPI path PUT /poll/{id}; read 2026-11-21.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from receiver.errors import PayloadInvalid, Retryable
from receiver.sources.autodns_codec import customer_of
from receiver.sources.autodns_customer import BasicCustomer
from workers.errors import NotFound
from workers.providers.autodns_client import AutodnsClient
from workers.providers.autodns_requests import ConfirmMessage, CreateCustomer, UpdateCustomer
from workers.providers.service import Asked, Look


def customer_created(client: AutodnsClient, request: CreateCustomer, asked: Asked) -> Look:
    """The customer is there and reads as it was written; without a number there is nothing to look for, and no list to look in."""
    if request.id is None:
        return Look(found=None, detail="no number")
    try:
        record = client.customer(request.id)
    except NotFound:
        return Look(found=False, detail="number")
    same = _reads_as(client, record, request.fields)
    return Look(found=True if same else None, reference=request.id if same else None, detail="fields")


def customer_updated(client: AutodnsClient, request: UpdateCustomer, asked: Asked) -> Look:
    """Every changed field reads as it was written; while it is being checked, in the copy that is not checked yet."""
    same = _reads_as(client, client.customer(request.id), request.fields)
    return Look(found=same, reference=request.id if same else None, detail="fields")


def message_confirmed(client: AutodnsClient, request: ConfirmMessage, asked: Asked) -> Look:
    """Another message, or none, is the next one: they are served one after the other."""
    record = client.next_message()
    gone = record is None or str(record.get("id")) != request.message_id
    return Look(found=gone, reference=request.message_id if gone else None, detail="gone" if gone else "still there")


def _reads_as(client: AutodnsClient, record: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether each of these fields of a record means what was written. Raises Retryable where the record cannot be read."""
    named = {"client": record.get("client"), "number": record.get("number")}
    try:
        now, wanted = customer_of(record, zone=client.zone), customer_of({**fields, **named}, zone=client.zone)
    except PayloadInvalid:
        raise Retryable(provider=client.source, call="customer.get", kind="unreadable") from None
    ours = wanted.model_fields_set & BasicCustomer.model_fields.keys()
    return all(getattr(now, name) == getattr(wanted, name) for name in ours)


# How long AutoDNS takes to show what it did is in no source: this is our own caution, not the provider's word.
SOON_S = timedelta(minutes=2).total_seconds()
LATER_S = timedelta(minutes=15).total_seconds()
