"""How fast things go now: deliveries that come and are routed, provider calls that are answered.

Told from the last SAMPLE rows of the inbox and of the effect log, found by their ids, whatever the size of the tables. Used by the pulse
(workers/pulse.py), the console's page Now and `billhook top`. Reads only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from receiver.db import table_of
from receiver.inbox import Delivery
from workers.chain import EffectLog

SAMPLE = 500
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ANSWERED = ("done", "rejected", "unknown")

_DELIVERY, _LOG = table_of(Delivery), table_of(EffectLog)
_LAST_DELIVERIES = (
    sa.select(_DELIVERY.c.received_at, _DELIVERY.c.routed_at, _DELIVERY.c.route_after).order_by(_DELIVERY.c.id.desc()).limit(SAMPLE)
)
_LAST_MOVES = sa.select(_LOG.c.effect_id, _LOG.c.before, _LOG.c.after, _LOG.c.at).order_by(_LOG.c.seq.desc()).limit(SAMPLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long something took, in seconds, over `count` of them; None where there was none in the last hour."""

    median_s: float | None
    p95_s: float | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Arrivals, routings and answered calls of the last minute, and how long routing and calls took within the last hour."""

    arrived: float
    routed: float
    answered: float
    routing: Latency
    calls: Latency


def pace(connection: Connection, *, now: datetime) -> Pace:
    """The pace at `now`. What a replay put off for its minute does not count as slow."""
    deliveries = connection.execute(_LAST_DELIVERIES).all()
    moves = connection.execute(_LAST_MOVES).all()
    routed = [row for row in deliveries if row.routed_at is not None]
    took = [row.routed_at - row.received_at for row in routed if row.route_after is None and row.routed_at > now - HOUR]
    began = {row.effect_id: row.at for row in reversed(moves) if row.after == "calling"}
    answers = [row for row in moves if row.before == "calling" and row.after in ANSWERED]
    calls = [row.at - began[row.effect_id] for row in answers if row.effect_id in began and row.at > now - HOUR]
    return Pace(
        arrived=per_minute([row.received_at for row in deliveries], now), routed=per_minute([row.routed_at for row in routed], now),
        answered=per_minute([row.at for row in answers], now), routing=latency(took), calls=latency(calls),
    )  # fmt: skip


def per_minute(instants: Sequence[datetime], now: datetime) -> float:
    """How many of the instants lie in the last minute; where all SAMPLE do, at the rate they came."""
    fresh = [at for at in instants if at > now - MINUTE]
    if len(fresh) < SAMPLE:
        return float(len(fresh))
    return len(fresh) * MINUTE / max(now - min(fresh), timedelta(milliseconds=1))


def latency(spans: Sequence[timedelta]) -> Latency:
    """Median and 95th percentile by nearest rank; a clock that went back counts as no time at all.

    >>> latency([timedelta(seconds=1), timedelta(seconds=3), timedelta(seconds=2)])
    Latency(median_s=2.0, p95_s=3.0, count=3)
    """
    ordered = sorted(max(0.0, span.total_seconds()) for span in spans)
    if not ordered:
        return Latency(median_s=None, p95_s=None, count=0)
    return Latency(median_s=_rank(ordered, 0.5), p95_s=_rank(ordered, 0.95), count=len(ordered))


def _rank(ordered: Sequence[float], share: float) -> float:
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
