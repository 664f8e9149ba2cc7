"""Events: one without its delivery, and one stored under other objects than its data names, is named."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from tests.workers.prove.stories import change, found, paid, remove
from workers.events import EventRow

EVENT = table_of(EventRow)


@pytest.mark.parametrize("gone", [True, False])
def test_an_event_without_its_delivery_is_named(database: Database, gone: bool) -> None:
    with paid(database) as flow:
        event = flow.rows(sa.select(EVENT))[0]
        if gone:
            remove(database, Delivery, table_of(Delivery).c.id == event["delivery_id"])
        else:
            change(database, EventRow, EVENT.c.id == event["id"], delivery_id=987)

        number = event["delivery_id"] if gone else 987
        what = f"it came with delivery:{number}, but there is no such delivery"
        assert (3, f"event:{event['id']}", what) in found(database)


@pytest.mark.parametrize(
    ("column", "value"), [("invoice_id", "9"), ("customer_id", None), ("source", "x"), ("at", datetime(2027, 1, 1, tzinfo=UTC))]
)
def test_an_event_stored_under_other_objects_is_named(database: Database, column: str, value: Any) -> None:
    with paid(database) as flow:
        event = flow.rows(sa.select(EVENT))[0]
        change(database, EventRow, EVENT.c.id == event["id"], **{column: value})

        what = "its source, objects or time are not those of its own data"
        assert (3, f"event:{event['id']}", what) in found(database)


def test_data_that_is_none_is_named(database: Database) -> None:
    with paid(database) as flow:
        event = flow.rows(sa.select(EVENT))[0]
        change(database, EventRow, EVENT.c.id == event["id"], data=[])

        assert (3, f"event:{event['id']}", "its data is not that of an event") in found(database)
