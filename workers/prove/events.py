"""Events: every one came with a delivery, and is stored under the objects and the time that its own data names."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from workers.events import EventRow
from workers.prove.pages import Window, snapshot, windows
from workers.prove.report import Report

WINDOW = 5_000
_DELIVERY, _EVENT = table_of(Delivery), table_of(EventRow)


class Said(msgspec.Struct):
    """What an event's data says of its columns; the rest of it is passed over."""

    at: datetime
    source: str
    customer_id: str | None = None
    invoice_id: str | None = None


_SAID = msgspec.json.Decoder(Said)


def check(database: Database, report: Report) -> None:
    """Look at every event."""
    for window in windows(database, _EVENT.c.id, WINDOW):
        with snapshot(database) as connection:
            rows = connection.execute(_seen(window)).all()
        report.counted("events", len(rows))
        for id, delivery_id, there, data, *columns in rows:
            if there is None:
                report.add(3, f"event:{id}", f"it came with delivery:{delivery_id}, but there is no such delivery")
            for what in judge(data, *columns):
                report.add(3, f"event:{id}", what)


def _seen(window: Window) -> sa.Select[Any]:
    """Every event with its data's text, and its delivery's id, which is None where there is none."""
    columns = (_EVENT.c.at, _EVENT.c.source, _EVENT.c.customer_id, _EVENT.c.invoice_id)
    named = sa.select(_EVENT.c.id, _EVENT.c.delivery_id, _DELIVERY.c.id, sa.type_coerce(_EVENT.c.data, sa.Text), *columns)
    return named.join(_DELIVERY, _DELIVERY.c.id == _EVENT.c.delivery_id, isouter=True).where(window.of(_EVENT.c.id))


def judge(data: str, at: datetime, source: str, customer_id: str | None, invoice_id: str | None) -> Iterator[str]:
    """What is wrong with one event."""
    try:
        said = _SAID.decode(data)
    except msgspec.MsgspecError:
        yield "its data is not that of an event"
        return
    if said != Said(at, source, customer_id, invoice_id):
        yield "its source, objects or time are not those of its own data"
