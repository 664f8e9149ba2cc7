"""The customer of one source whom a customer of another source is: what the other system's mirror supplies, and when it does not.

Exported to authors by workers/authoring.py. Reads mirrors only, inside a step; the other source's own poller keeps its mirror. Nothing
here ever asks the other source's API.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.engine import Connection

from workers import control, cursors, mirror

EXT_UID = "CUSTOMER_EXT_UID"
CUSTOMERS = "customers"  # the scan that keeps the other source's customers, in workers/providers/scans.py
UNREADABLE, UNKNOWN, STALE = "link_unreadable", "linked_customer_unknown", "linked_customer_stale"


class Link(BaseModel):
    """`[policy.<workflow>.link]`. `autodns`: CUSTOMER_EXT_UID, or the X_ATTRIBUTE, that holds "client/number" of the customer there.

    `source`: the AutoDNS source it is a customer of. Unset, nothing of the other system is used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    autodns: str | None = Field(default=None, min_length=1)
    source: str | None = Field(default=None, min_length=1)
    fresh_hours: int = Field(default=24, ge=1, le=720)

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.autodns is None) != (self.source is None):
            raise ValueError("link takes both: autodns, which names the field that holds client/number, and source, the AutoDNS source")
        return self


class Linked(BaseModel):
    """The customer there: `id` is "client/number". `recipient` and `paper_bill` are None where `problem` says why they are not used.

    `recipient`: the first billing address, else the first address, of checked data only. `locked`: as last seen; None: unknown.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    id: str
    problem: str | None = None
    recipient: str | None = Field(default=None, repr=False)
    paper_bill: bool | None = None
    locked: bool | None = None


def linked_customer(connection: Connection, source: str, customer_id: str, link: Link, now: datetime) -> Linked | None:
    """What the mirror of the other source says of a customer; None where nothing is linked."""
    named = _named(connection, source, customer_id, link)
    if link.source is None or not named:
        return None
    client, _, number = named.partition("/")
    if not client.isdigit() or not number.isdigit():
        return Linked(source=link.source, id=named[:64], problem=UNREADABLE)
    fields = _fields(connection, link.source, named)
    if fields is None:
        return Linked(source=link.source, id=named, problem=UNKNOWN)
    locked = fields.get("locked")
    if not _is_fresh(connection, link, now):
        return Linked(source=link.source, id=named, problem=STALE, locked=locked)
    return Linked(source=link.source, id=named, recipient=_recipient(fields), paper_bill=fields.get("paper_bill"), locked=locked)


def linked_recipient(connection: Connection, source: str, id: str) -> str | None:
    """Where the invoices of a linked customer go by the mirror of `source`; asked again right before a call."""
    fields = _fields(connection, source, id)
    return None if fields is None else _recipient(fields)


def is_locked(connection: Connection, source: str, id: str) -> bool:
    """Whether a linked customer is known to be locked."""
    return (_fields(connection, source, id) or {}).get("locked") is True


def _named(connection: Connection, source: str, customer_id: str, link: Link) -> str:
    """What the customer's own field says, "" where it says nothing."""
    known = mirror.load(connection, source, "customer", customer_id) if link.autodns else None
    if known is None:
        return ""
    fields = known.state.fields
    attributes = fields.get("x_attributes", fields.get("x_attributes_hint")) or {}
    said = fields.get("ext_uid") if link.autodns == EXT_UID else attributes.get(link.autodns)
    return str(said or "").strip()


def _fields(connection: Connection, source: str, id: str) -> Mapping[str, Any] | None:
    """The linked customer as the mirror knows it, None where it does not, or where it was deleted."""
    held = mirror.load(connection, source, "customer", id)
    return None if held is None or held.state.deleted or not held.state.fields else held.state.fields


def _recipient(fields: Mapping[str, Any]) -> str | None:
    addresses = [*(fields.get("billing_emails") or ()), *(fields.get("emails") or ())]
    return str(addresses[0]).strip() if addresses else None


def _is_fresh(connection: Connection, link: Link, now: datetime) -> bool:
    """Whether the other source's customers were gone through lately."""
    row = cursors.of_source(connection, str(link.source)).get(CUSTOMERS)
    read = [at for at in (row["began_at"] if row else None, control.baseline_at(connection, str(link.source))) if at is not None]
    return bool(read) and now - max(read) <= timedelta(hours=link.fresh_hours)
