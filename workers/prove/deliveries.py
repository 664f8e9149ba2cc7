"""Deliveries: the bytes are those of the identity, what was routed has an outcome, its events are there, and orders are in the audit."""

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from workers.control import Audit
from workers.desk import Parked
from workers.events import EventRow
from workers.operator import Order
from workers.prove.pages import Window, snapshot, windows
from workers.prove.report import Report
from workers.replays import CALLED_OFF

WINDOW = 500
ACTS: tuple[str, ...] = get_args(Order.model_fields["act"].annotation)
TOLD = re.compile(r"(\d+) events?(?:, (\d+) corrected)?")  # as workers/routing.py counts them
_DELIVERY, _EVENT, _PARKED, _AUDIT = table_of(Delivery), table_of(EventRow), table_of(Parked), table_of(Audit)
_ROUTED = sa.case((_DELIVERY.c.routed_at.is_(None), False), else_=True)
_ORDER = sa.and_(_DELIVERY.c.origin == "operator", _DELIVERY.c.native_type.in_([f"operator.{act}" for act in ACTS]))
_SEEN = sa.select(_DELIVERY.c.id, _DELIVERY.c.body, _DELIVERY.c.body_hash, _ROUTED, _DELIVERY.c.outcome, _DELIVERY.c.reason, _ORDER)


def check(database: Database, report: Report) -> None:
    """Look at every delivery."""
    audited: set[int] = set()
    for window in windows(database, _DELIVERY.c.id, WINDOW):
        with snapshot(database) as connection:
            rows = connection.execute(_SEEN.where(window.of(_DELIVERY.c.id))).all()
            came = {id: int(many) for id, many in connection.execute(_came(window)).all()}
            _judge_parked(connection, report, [row.id for row in rows if row.outcome == "parked"])
            ordered = {row.id for row in rows if row[-1] and row.outcome in ("events", "refused") and row.reason != CALLED_OFF}
            if not ordered <= audited:
                audited |= _audited(connection)
        report.counted("deliveries", len(rows))
        for id in sorted(ordered - audited):
            report.add(3, f"delivery:{id}", "a person ordered it, but the audit does not have it")
        for id, body, body_hash, routed, outcome, reason, _ in rows:
            for invariant, what in judge(body, body_hash, routed, outcome, reason or "", came.get(id, 0)):
                report.add(invariant, f"delivery:{id}", what)


def _came(window: Window) -> sa.Select[Any]:
    """(delivery, how many events came with it)."""
    return sa.select(_EVENT.c.delivery_id, sa.func.count()).where(window.of(_EVENT.c.delivery_id)).group_by(_EVENT.c.delivery_id)


def _audited(connection: Connection) -> set[int]:
    """The deliveries of orders that the audit has."""
    details = connection.execute(sa.select(_AUDIT.c.detail).where(_AUDIT.c.act.in_(ACTS))).scalars()
    return {int(detail["delivery"]) for detail in details if detail and detail.get("delivery")}


def judge(body: bytes, body_hash: str, routed: bool, outcome: str | None, reason: str, came: int) -> Iterator[tuple[int, str]]:
    """(invariant, what is wrong) of each fault of one delivery, with which `came` events came. A pruned one has no body any more."""
    if body and hashlib.sha256(body).hexdigest() != body_hash:
        yield 2, "its body is not the one its identity was made of"
    if routed and not outcome:
        yield 3, "it was routed, but nothing says what came of it"
    elif not routed and outcome:
        yield 3, f"it came to {outcome}, but counts as not routed"
    if outcome == "events" and _told(reason) not in (None, came):
        yield 3, f"it came to {reason}, but {came} are there"


@lru_cache
def _told(reason: str) -> int | None:
    """How many events the reason speaks of, or None."""
    told = TOLD.fullmatch(reason)
    return None if told is None else int(told[1]) - int(told[2] or 0)


def _judge_parked(connection: Connection, report: Report, ids: list[int]) -> None:
    if not ids:
        return
    kept = set(connection.execute(sa.select(_PARKED.c.delivery_id).where(_PARKED.c.delivery_id.in_(ids))).scalars())
    for id in ids:
        if id not in kept:
            report.add(3, f"delivery:{id}", "it is parked, but no item ever put it before a person")
