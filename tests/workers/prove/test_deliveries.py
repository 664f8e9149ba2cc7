"""Deliveries and events: other bytes, no outcome, nobody told, and an event out of nowhere are named."""

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.prove.stories import change, doubtful, found, only, paid, remove
from workers import replays
from workers.control import Audit
from workers.desk import Parked
from workers.events import EventRow
from workers.ledger import EffectRow
from workers.prove.deliveries import judge

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


def test_an_event_that_is_gone_is_named_by_its_delivery(database: Database) -> None:
    with paid(database) as flow:
        event = flow.rows(sa.select(table_of(EventRow)))[0]
        remove(database, EventRow, table_of(EventRow).c.id == event["id"])

        assert (3, f"delivery:{event['delivery_id']}", "it came to 1 event, but 0 are there") in found(database)


def test_an_event_that_only_turned_out_to_be_news_is_not_counted_again() -> None:
    assert list(judge(b"", "", True, "events", "2 events, 1 corrected", 1)) == []
    assert len(list(judge(b"", "", True, "events", "2 events", 1))) == 1


def test_an_order_whose_line_in_the_audit_is_gone_is_named(database: Database) -> None:
    with doubtful(database) as flow:
        flow.order("resolve", only(flow, EffectRow)["id"], did=True)
        (line,) = flow.rows(sa.select(table_of(Audit)).where(table_of(Audit).c.act == "resolve"))
        assert found(database) == []

        remove(database, Audit, table_of(Audit).c.id == line["id"])

        order = f"delivery:{line['detail']['delivery']}"
        assert found(database) == [(3, order, "a person ordered it, but the audit does not have it")]


def test_orders_that_were_called_off_are_in_no_audit_of_their_own(database: Database) -> None:
    with paid(database) as flow:
        event = flow.rows(sa.select(table_of(EventRow).c.id))[0]
        said = {"workflow": None, "actor": "ada", "reason": "", "at": flow.clock.now, "per_minute": 1}
        database.write(lambda c: replays.order(c, [event["id"]], replay_id="r1", **said))
        database.write(lambda c: replays.call_off(c, "r1", actor="ada", at=flow.clock.now))

        assert found(database) == []
