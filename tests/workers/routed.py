"""A workflow that starts on everything and ends at once, deliveries to route, and what the router made of them."""

import json
from typing import Any

import sqlalchemy as sa

from receiver.db import table_of
from receiver.event import CustomerUpdated, InvoiceCompleted, InvoicePaid, PaymentFailed
from receiver.inbox import Arrival, Delivery
from workers.authoring import Run, workflow
from workers.events import EventRow
from workers.mirror import Mirror
from workers.testing.flow import Flow


@workflow("t-noting", on=(InvoiceCompleted, InvoicePaid, CustomerUpdated, PaymentFailed))
def noting(run: Run, event: Any) -> None:
    """Starts, and ends at once."""


def events(flow: Flow, *types: str) -> list[sa.RowMapping]:
    table = table_of(EventRow)
    rows = flow.rows(sa.select(table).order_by(table.c.id))
    return [row for row in rows if not types or row["type"] in types]


def outcome(flow: Flow, delivery_id: int) -> tuple[str, str]:
    (row,) = flow.rows(sa.select(table_of(Delivery)).where(table_of(Delivery).c.id == delivery_id))
    return row["outcome"], row["reason"]


def fields(flow: Flow, kind: str) -> dict[str, Any]:
    (row,) = flow.rows(sa.select(table_of(Mirror)).where(table_of(Mirror).c.kind == kind))
    return dict(row["fields"])


def customer_notice(id: int, type: str = "customer.changed", **said: Any) -> bytes:
    return json.dumps({"id": id, "type": type, "customer": {"customer_id": "77", **said}}).encode()


def connect(flow: Flow) -> None:
    """Let the sweeper make the baseline read."""
    flow.sweeper.sweep()
    flow.settle()


def arrival(flow: Flow, body: bytes) -> Arrival:
    head = json.loads(body)
    return Arrival(source="shop", origin="push", native_type=head["type"], native_id=str(head["id"]), body=body, received_at=flow.clock.now)
