"""What the database says of billhook's health, as Prometheus metrics: read at each scrape, from indexes and counted up to a limit.

Shown at the console's /metrics beside what the process itself counts. Labels are source names, states and kinds from closed lists;
never an id, an address, or anything a sender chose.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.inbox import Delivery
from workers import breaker, control, ledger, runs
from workers.console.read.needs import totals
from workers.console.read.waiting import MOST, counts

RECENT = 5_000
_DELIVERY, _RUN, _EFFECT = table_of(Delivery), table_of(runs.RunRow), table_of(ledger.EffectRow)
_OLDEST_UNROUTED = sa.select(_DELIVERY.c.received_at).where(_DELIVERY.c.routed_at.is_(None)).order_by(_DELIVERY.c.id).limit(1)
_UNROUTED = sa.select(sa.literal(1)).select_from(_DELIVERY).where(_DELIVERY.c.routed_at.is_(None))
_READY = sa.select(sa.func.min(_RUN.c.ready_at)).where(_RUN.c.status == "ready")
_LAST = sa.select(_DELIVERY.c.source, _DELIVERY.c.received_at, _DELIVERY.c.origin).order_by(_DELIVERY.c.id.desc()).limit(RECENT).subquery()
_CAME = sa.select(_LAST.c.source, sa.func.max(_LAST.c.received_at).label("last")).where(_LAST.c.origin == "push").group_by(_LAST.c.source)
AT_RISK = ("proposed", "unknown")


class Gauges:
    """A collector over a database, for a registry of its own."""

    def __init__(self, database: Database, sources: Sequence[str]) -> None:
        self._database, self._sources = database, tuple(sources)

    def collect(self) -> Iterable[Metric]:
        """Every gauge as it stands now."""
        with self._database.read() as connection:
            return gauges(connection, self._sources, now=self._database.machine_now(connection))


def gauges(connection: Connection, sources: Sequence[str], *, now: datetime) -> list[Metric]:
    """Every gauge, from one connection. Counts end at MOST."""
    states = {state: _count(connection, _EFFECT, _EFFECT.c.state == state) for state in ledger.OPEN}
    live = {status: _count(connection, _RUN, _RUN.c.status == status) for status in runs.UNFINISHED}
    came: dict[str, datetime] = {row.source: row.last for row in connection.execute(_CAME)}
    open_breakers = {source: float(breaker.held_until(connection, source, now=now) is not None) for source in sources}
    paused = control.named(connection, "pause:")
    return [
        _one("billhook_deliveries_unrouted", "Deliveries nobody has routed yet", _up_to(connection, _UNROUTED)),
        _one("billhook_delivery_oldest_unrouted_seconds", "Age of the oldest of them", _age(connection, _OLDEST_UNROUTED, now)),
        _by("billhook_runs", "Runs that have not ended", "status", live),
        _one("billhook_run_oldest_ready_seconds", "How long the oldest ready run has waited", _age(connection, _READY, now)),
        _by("billhook_effects_open", "Effects that are not settled", "state", states),
        _by("billhook_waiting", "Things that wait for a person", "kind", {name: float(n) for name, n in counts(connection).items()}),
        _by("billhook_money_waiting", "Amounts of proposed and unknown effects", "currency", _money(connection)),
        _one("billhook_frozen", "1 while every effect is frozen", float(control.frozen(connection) is not None)),
        _one("billhook_paused", "Pauses in force", float(len(paused))),
        _by("billhook_breaker_open", "1 while calls to the source's provider wait", "source", open_breakers),
        _by("billhook_source_last_delivery_seconds", "Since the last notification, if it is among the newest deliveries", "source",
            {source: (now - came[source]).total_seconds() for source in sources if source in came}),
    ]  # fmt: skip


def _one(name: str, about: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, about)
    family.add_metric([], value)
    return family


def _by(name: str, about: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _count(connection: Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> float:
    return _up_to(connection, sa.select(sa.literal(1)).select_from(table).where(which))


def _up_to(connection: Connection, rows: sa.Select[Any]) -> float:
    """How many rows there are, MOST at most."""
    return float(connection.execute(sa.select(sa.func.count()).select_from(rows.limit(MOST).subquery())).scalar_one())


def _age(connection: Connection, oldest: sa.Select[Any], now: datetime) -> float:
    at: datetime | None = connection.execute(oldest).scalar_one_or_none()
    return max(0.0, (now - at).total_seconds()) if at is not None else 0.0


def _money(connection: Connection) -> dict[str, float]:
    """The amounts of what waits, by currency; of MOST effects at most."""
    amounts = sa.select(_EFFECT.c.amount).where(_EFFECT.c.state.in_(AT_RISK), _EFFECT.c.amount.is_not(None)).limit(MOST)
    return {currency: float(total) for currency, total in totals(connection.execute(amounts).scalars()).items()}
