"""What the database says of billhook's health, as Prometheus metrics: read at each scrape, from indexes and counted up to a limit.

Shown at the console's /metrics beside what the process itself counts. Labels are source names, states and kinds from closed lists;
never an id, an address, or anything a sender chose.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from workers import breaker, control, ledger
from workers.backlog import backlog, counted
from workers.console.read.now import risk
from workers.console.read.sources import last_pushes
from workers.console.read.waiting import counts

_EFFECT = table_of(ledger.EffectRow)


class Gauges:
    """A collector over a database, for a registry of its own."""

    def __init__(self, database: Database, sources: Sequence[str]) -> None:
        self._database, self._sources = database, tuple(sources)

    def collect(self) -> Iterable[Metric]:
        """Every gauge as it stands now."""
        with self._database.read() as connection:
            return gauges(connection, self._sources, now=self._database.machine_now(connection))


def gauges(connection: Connection, sources: Sequence[str], *, now: datetime) -> list[Metric]:
    """Every gauge, from one connection: what the console's page Now shows."""
    line, came, paused = backlog(connection, now=now), last_pushes(connection), control.named(connection, "pause:")
    runs = {status: getattr(line, status).number for status in ("ready", "running", "waiting", "parked")}
    open_breakers = {source: breaker.held_until(connection, source, now=now) is not None for source in sources}
    return [
        _one("billhook_deliveries_unrouted", "Deliveries nobody has routed yet", line.unrouted.number),
        _one("billhook_delivery_oldest_unrouted_seconds", "Age of the oldest that could be routed now", _age(line.oldest_unrouted, now)),
        _by("billhook_runs", "Runs that have not ended", "status", runs),
        _one("billhook_run_oldest_ready_seconds", "How long the oldest run that could go on has waited", _age(line.oldest_run, now)),
        _by("billhook_effects_open", "Effects that are not settled", "state", _open_effects(connection)),
        _by("billhook_waiting", "Things that wait for a person", "kind", counts(connection)),
        _by("billhook_money_waiting", "Amounts that wait for a person or may have moved", "currency", _money(connection)),
        _one("billhook_frozen", "1 while every effect is frozen", control.frozen(connection) is not None),
        _one("billhook_paused", "Pauses in force", len(paused)),
        _by("billhook_breaker_open", "1 while calls to the source's provider wait", "source", open_breakers),
        _by("billhook_source_last_delivery_seconds", "Since the last notification", "source",
            {source: _age(came[source], now) for source in sources if source in came}),
    ]  # fmt: skip


def _one(name: str, about: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, about)
    family.add_metric([], value)
    return family


def _by(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _age(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds()) if at is not None else 0.0


def _open_effects(connection: Connection) -> dict[str, int]:
    return {state: counted(connection, sa.select(_EFFECT.c.id).where(_EFFECT.c.state == state)).number for state in ledger.OPEN}


def _money(connection: Connection) -> dict[str, float]:
    """What is at risk, as Now tells it, by currency."""
    sums: dict[str, Decimal] = {}
    for one in risk(connection):
        for currency, total in one.totals.items():
            sums[currency] = sums.get(currency, Decimal()) + total
    return {currency: float(total) for currency, total in sums.items()}
