"""The last hour and the last day in charts: throughput, latency, and how old the oldest thing in line was; from the pulse's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from workers import pulse
from workers.console.figures import rate, span
from workers.console.pictures.chart import Chart, Series


@dataclass(frozen=True, kw_only=True)
class Span:
    """How far back is looked, and how much time is one point."""

    name: str
    title: str
    length: timedelta
    step: timedelta


SPANS = {
    "hour": Span(name="hour", title="last hour", length=timedelta(hours=1), step=timedelta(minutes=1)),
    "day": Span(name="day", title="last 24 hours", length=timedelta(hours=24), step=timedelta(minutes=15)),
}


@dataclass(frozen=True, kw_only=True)
class History:
    """The charts of a span."""

    span: Span
    charts: list[Chart]


def history(connection: Connection, wanted: Span, *, now: datetime, zone: ZoneInfo) -> History:
    """The charts up to `now`; a point of time without rows is a gap."""
    count = wanted.length // wanted.step
    end = datetime.fromtimestamp(now.timestamp() // wanted.step.total_seconds() * wanted.step.total_seconds(), now.tzinfo) + wanted.step
    first = end - count * wanted.step
    points: list[list[Mapping[str, Any]]] = [[] for _ in range(count)]
    for row in pulse.since(connection, first):
        place = (row["at"] - first) // wanted.step
        if 0 <= place < count:
            points[place].append(row)
    labels = [(first + place * wanted.step).astimezone(zone).strftime("%H:%M") for place in range(count)]
    return History(span=wanted, charts=_charts(points, labels, wanted))


def _charts(points: Sequence[Sequence[Mapping[str, Any]]], labels: list[str], wanted: Span) -> list[Chart]:
    arrived, answered = _mean(points, "arrived"), _mean(points, "answered")
    usual, slow = _mean(points, "routing_ms", 1000), _worst(points, "routing_p95_ms", 1000)
    call, slow_call = _mean(points, "call_ms", 1000), _worst(points, "call_p95_ms", 1000)
    line = _worst(points, "waiting_s")
    return [
        Chart(
            id="c-throughput", title=f"Per minute, {wanted.title}", labels=labels, worded=rate,
            about="Deliveries that arrived, and calls that providers answered, each minute.",
            series=[
                Series(name="arrived", values=arrived, shape="bars"), Series(name="answered calls", values=answered, tone="second"),
            ],
        ),
        Chart(
            id="c-routing", title=f"Routing a delivery, {wanted.title}", labels=labels, worded=_span,
            about="From the arrival of a delivery until it was routed: the median, and the slowest of twenty.",
            series=[Series(name="median", values=usual), Series(name="95 %", values=slow, tone="second")],
        ),
        Chart(
            id="c-calls", title=f"A provider's answer, {wanted.title}", labels=labels, worded=_span,
            about="From the first byte of a call that acts until its outcome was kept: the median, and the slowest of twenty.",
            series=[Series(name="median", values=call), Series(name="95 %", values=slow_call, tone="second")],
        ),
        Chart(
            id="c-age", title=f"Oldest in line, {wanted.title}", labels=labels, worded=_span,
            about="How long the oldest unrouted delivery or ready run had waited.",
            series=[Series(name="waited", values=line, shape="area")],
        ),
    ]  # fmt: skip


def _span(seconds: float) -> str:
    return span(seconds) if seconds else "0"


def _mean(points: Sequence[Sequence[Mapping[str, Any]]], name: str, by: int = 1) -> list[float | None]:
    found = [[row[name] for row in rows if row[name] is not None] for rows in points]
    return [sum(values) / len(values) / by if values else None for values in found]


def _worst(points: Sequence[Sequence[Mapping[str, Any]]], name: str, by: int = 1) -> list[float | None]:
    return [max((row[name] / by for row in rows if row[name] is not None), default=None) for rows in points]
