"""What `billhook simulate` shows of credits: each call with its order's figures, and what became of the order."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.authoring import Line, timeline
from workflows.credits import tables
from workflows.credits.books import NAME

_CALLS = sa.text(
    "SELECT id, service, run_id, customer_id, object_id FROM effect WHERE source = :source AND workflow = 'credits'"
    " ORDER BY intended_at, id"
)


@timeline(NAME)
def lines(connection: Connection, source: str) -> Iterator[Line]:
    """A line for every effect, under its customer; one for every order that ended, or that was paid and not granted."""
    orders = tables.orders_of(connection, source)
    by_run = {order["run_id"]: order for order in orders}
    for call in connection.execute(_CALLS, {"source": source}).mappings():
        order = by_run.get(call["run_id"])
        yield Line(effect=call["id"], key=_key(call, order), name=call["service"], figures=_figures(order))
    for order in orders:
        at = order["ended_at"] or order["told_at"]
        if at is not None:
            figures = _figures(order) | ({"balance": Decimal(order["balance_after"])} if order["balance_after"] else {})
            yield Line(
                at=at, key=order["customer_id"], kind="state", name="order", state=order["state"],
                reason=order["reason"] or order["proof"] or "", figures=figures,
            )  # fmt: skip


def _key(call: sa.RowMapping, order: sa.RowMapping | None) -> str:
    return str(order["customer_id"] if order else call["customer_id"] or call["object_id"])


def _figures(order: sa.RowMapping | None) -> dict[str, Any]:
    """The amount, and the balance it was planned or granted on."""
    if order is None:
        return {}
    said = {"amount": Decimal(order["amount"]), "currency": order["currency"]}
    return said | ({"balance": Decimal(order["balance_before"])} if order["balance_before"] else {})
