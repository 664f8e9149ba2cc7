"""Deliveries and events: the bytes are those of the identity, what was routed has an outcome, and every event came with a delivery."""

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from workers.desk import Parked
from workers.events import EventRow
from workers.prove.pages import Window, snapshot, windows
from workers.prove.report import Report

WINDOW, EVENTS = 500, 20_000
_DELIVERY, _EVENT, _PARKED = table_of(Delivery), table_of(EventRow), table_of(Parked)
_ROUTED = sa.case((_DELIVERY.c.routed_at.is_(None), False), else_=True)
_SEEN = sa.select(_DELIVERY.c.id, _DELIVERY.c.body, _DELIVERY.c.body_hash, _ROUTED, _DELIVERY.c.outcome)


def check(database: Database, report: Report) -> None:
    """Look at every delivery."""
    for window in windows(database, _DELIVERY.c.id, WINDOW):
        with snapshot(database) as connection:
            rows = connection.execute(_SEEN.where(window.of(_DELIVERY.c.id))).all()
            _judge_parked(connection, report, [row.id for row in rows if row.outcome == "parked"])
        report.counted("deliveries", len(rows))
        for id, body, body_hash, routed, outcome in rows:
            for invariant, what in judge(body, body_hash, routed, outcome):
                report.add(invariant, f"delivery:{id}", what)


def judge(body: bytes, body_hash: str, routed: bool, outcome: str | None) -> Iterator[tuple[int, str]]:
    """(invariant, what is wrong) of each fault of one delivery. A pruned one has no body any more."""
    if body and hashlib.sha256(body).hexdigest() != body_hash:
        yield 2, "its body is not the one its identity was made of"
    if routed and not outcome:
        yield 3, "it was routed, but nothing says what came of it"
    elif not routed and outcome:
        yield 3, f"it came to {outcome}, but counts as not routed"


def _judge_parked(connection: Connection, report: Report, ids: list[int]) -> None:
    if not ids:
        return
    kept = set(connection.execute(sa.select(_PARKED.c.delivery_id).where(_PARKED.c.delivery_id.in_(ids))).scalars())
    for id in ids:
        if id not in kept:
            report.add(3, f"delivery:{id}", "it is parked, but no item ever put it before a person")


def check_events(database: Database, report: Report) -> None:
    """Look at every event."""
    for window in windows(database, _EVENT.c.id, EVENTS):
        with snapshot(database) as connection:
            report.counted("events", connection.execute(sa.select(sa.func.count(_EVENT.c.id)).where(window.of(_EVENT.c.id))).scalar_one())
            for id, delivery_id in connection.execute(_orphans(window)):
                report.add(3, f"event:{id}", f"it came with delivery:{delivery_id}, but there is no such delivery")


def _orphans(window: Window) -> sa.Select[Any]:
    without = _DELIVERY.c.id.is_(None)
    joined = sa.select(_EVENT.c.id, _EVENT.c.delivery_id).join(_DELIVERY, _DELIVERY.c.id == _EVENT.c.delivery_id, isouter=True)
    return joined.where(window.of(_EVENT.c.id), without)
