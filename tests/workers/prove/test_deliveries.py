"""Deliveries and events: other bytes, no outcome, nobody told, and an event out of nowhere are named."""

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.prove.stories import change, found, paid, remove
from workers.desk import Parked
from workers.events import EventRow

DELIVERY = table_of(Delivery)


@pytest.mark.parametrize(
    ("values", "invariant", "what"),
    [
        ({"body": b"{}"}, 2, "its body is not the one its identity was made of"),
        ({"outcome": None}, 3, "it was routed, but nothing says what came of it"),
        ({"routed_at": None}, 3, "it came to events, but counts as not routed"),
        ({"outcome": "parked"}, 3, "it is parked, but no item ever put it before a person"),
    ],
)
def test_a_changed_delivery_is_named(database: Database, values: dict[str, object], invariant: int, what: str) -> None:
    with paid(database) as flow:
        id = flow.rows(sa.select(DELIVERY.c.id).where(DELIVERY.c.outcome == "events"))[0]["id"]
        change(database, Delivery, DELIVERY.c.id == id, **values)

        assert found(database) == [(invariant, f"delivery:{id}", what)]


def test_a_pruned_delivery_is_fine(database: Database) -> None:
    with paid(database):
        change(database, Delivery, body=b"", headers="")

        assert found(database) == []


def test_a_parked_delivery_stands_before_a_person(database: Database) -> None:
    with paid(database) as flow:
        flow.deliver(b'{"type": "invoice.created", "id": "1", "created": "2026-11-20 09:00:00"}')
        assert len(flow.rows(sa.select(table_of(Parked)))) == 1
        assert found(database) == []

        remove(database, Parked)

        assert [(number, what) for number, _, what in found(database)] == [(3, "it is parked, but no item ever put it before a person")]


def test_an_event_without_its_delivery_is_named(database: Database) -> None:
    with paid(database) as flow:
        event = flow.rows(sa.select(table_of(EventRow)))[0]
        change(database, EventRow, table_of(EventRow).c.id == event["id"], delivery_id=987)

        assert found(database) == [(3, f"event:{event['id']}", "it came with delivery:987, but there is no such delivery")]
