"""The tracer: OpenTelemetry traces from the request at the door to the provider's answer, told from what the database keeps.

`python -m workers.traces`, started by `billhook tracer`, and by `billhook up` where OTEL_EXPORTER_OTLP_ENDPOINT is set; off otherwise. It
follows the effect log: each call that came to an end becomes a trace of its delivery, its run with the steps, and the call itself. So it
costs the workers nothing, spans crash and restart with the run they tell of, and what was exported is never lost nor made up. Ids of
traces and spans are derived from billhook's own, so that one exported twice is the same. No body, name or address is in a span.
"""

import hashlib
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as SpanEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from sqlalchemy.engine import Connection

from receiver.db import Database, table_of
from receiver.errors import BillhookError, SettingsInvalid
from receiver.inbox import Delivery
from receiver.log import configure, get_logger
from workers import control, duties, ids
from workers.chain import EffectLog
from workers.edge import Edge
from workers.events import EventRow
from workers.journal import JournalRow
from workers.ledger import EffectRow
from workers.notify import ENDPOINT
from workers.runs import RunRow
from workers.settings import WorkerSettings
from workers.worker import Stop

PLACE, ROLE = "traces:seq", "tracer"
ENDED = ("done", "rejected", "unknown")
AT_ONCE, STEPS_MAX = 200, 100
LOOK_S = 5.0

log = get_logger(__name__)


class Exports(Protocol):
    """Takes spans away; anything but SUCCESS has them come again."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult: ...


def round_of(database: Database, owner: str, exporter: Exports) -> int:
    """Export the calls that ended since the last round, if this process holds the role; how many rows of the log were followed."""
    if not database.write(lambda c: duties.take(c, ROLE, owner, machine=database.machine_now(c))):
        return 0
    with database.read() as connection:
        rows = ended(connection, int(control.get(connection, PLACE) or 0))
        spans = [span for row in rows if row["after"] in ENDED for span in of_call(connection, row)]
    if spans and exporter.export(spans) is not SpanExportResult.SUCCESS:
        log.warning("nobody took the traces, they are sent again", count=len(spans))
        return 0
    if rows:
        database.write(lambda c: control.put(c, PLACE, rows[-1]["seq"], at=database.machine_now(c)))
    return len(rows)


def ended(connection: Connection, after: int) -> list[sa.RowMapping]:
    """The next rows of the effect log behind a place."""
    table = table_of(EffectLog)
    query = sa.select(table.c.seq, table.c.effect_id, table.c.after, table.c.at, table.c.reason).where(table.c.seq > after)
    return list(connection.execute(query.order_by(table.c.seq).limit(AT_ONCE)).mappings())


def of_call(connection: Connection, moved: sa.RowMapping) -> list[ReadableSpan]:
    """The trace of one call: its delivery, its run and itself; none where it was never called."""
    effect = _row(connection, EffectRow, moved["effect_id"])
    if effect is None or effect["calling_at"] is None:
        return []
    run = _row(connection, RunRow, effect["run_id"])
    event = _row(connection, EventRow, run["trigger_id"]) if run is not None else None
    delivery = _row(connection, Delivery, event["delivery_id"]) if event is not None else None
    if run is None or delivery is None:
        return []
    trace = _trace_id(delivery)
    received = _span(
        trace, f"delivery:{delivery['id']}", None, f"delivery {delivery['native_type']}", delivery["received_at"],
        delivery["routed_at"] or delivery["received_at"], SpanKind.CONSUMER,
        {"billhook.source": delivery["source"], "billhook.delivery": delivery["id"], "billhook.origin": delivery["origin"]},
    )  # fmt: skip
    ran = _span(
        trace, f"run:{run['id']}", received, f"run {run['workflow']}", run["started_at"], run["ended_at"] or moved["at"], SpanKind.INTERNAL,
        {"billhook.run": run["id"], "billhook.workflow": run["workflow"], "billhook.mode": run["mode"], "billhook.event": event["type"]}
        if event is not None else {},
        events=_steps(connection, run["id"]),
    )  # fmt: skip
    called = _span(
        trace, f"effect:{effect['id']}:{moved['seq']}", ran, f"call {effect['service']}", effect["calling_at"], moved["at"],
        SpanKind.CLIENT,
        {"billhook.effect": effect["id"], "billhook.service": effect["service"], "billhook.state": moved["after"],
         "billhook.attempts": effect["attempts"], "billhook.reason": moved["reason"]},
        failed=moved["after"] != "done",
    )  # fmt: skip
    return [received, ran, called]


def _row(connection: Connection, model: Any, id: Any) -> sa.RowMapping | None:
    table = table_of(model)
    return connection.execute(sa.select(table).where(table.c.id == id)).mappings().first()


def _steps(connection: Connection, run_id: str) -> list[SpanEvent]:
    """A run's steps as events of its span: the names their author gave them."""
    table = table_of(JournalRow)
    query = sa.select(table.c.name, table.c.kind, table.c.at).where(table.c.run_id == run_id).order_by(table.c.id).limit(STEPS_MAX)
    return [SpanEvent(row.name, {"kind": row.kind}, _ns(row.at)) for row in connection.execute(query)]


def _span(
    trace: int, of: str, parent: ReadableSpan | None, name: str, begun: datetime, over: datetime, kind: SpanKind,
    attributes: dict[str, str | int], *, events: Sequence[SpanEvent] = (), failed: bool = False,
) -> ReadableSpan:  # fmt: skip
    """A span as it was: its id is derived from what it is `of`."""
    context = SpanContext(trace, int.from_bytes(_hash(of)[:8]) or 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    status = Status(StatusCode.ERROR, str(attributes.get("billhook.reason", ""))) if failed else Status(StatusCode.OK)
    return ReadableSpan(
        name=name, context=context, parent=parent.get_span_context() if parent is not None else None, resource=RESOURCE,
        attributes={key: value for key, value in attributes.items() if value != ""}, events=events, kind=kind, status=status,
        start_time=_ns(begun), end_time=max(_ns(begun), _ns(over)),
    )  # fmt: skip


RESOURCE = Resource.create({"service.name": "billhook"})


def _trace_id(delivery: sa.RowMapping) -> int:
    """One trace for one delivery, wherever it is exported from."""
    identity = "\n".join(str(delivery[name]) for name in ("source", "native_type", "native_id", "body_hash"))
    return int.from_bytes(_hash(identity)[:16]) or 1


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000


def work(database: Database, exporter: Exports, wait: Callable[[float], bool]) -> None:
    """Export until `wait` says that it is over; what goes wrong is tried again."""
    owner, edge = f"{ROLE}-{ids.new_id()}", Edge()
    while True:
        done = edge.guarded("tracer failed on a round", lambda: round_of(database, owner, exporter))
        if wait(max(edge.rest_s, 0.0 if done == AT_ONCE else LOOK_S)):
            return


def main() -> int:
    """Read the settings and export until told to stop; the exit code."""
    try:
        chosen = WorkerSettings()
        configure(chosen.settings.log_level, chosen.settings.log_format)
        if not chosen.environ.get(ENDPOINT):
            raise SettingsInvalid(f"{ENDPOINT} is not set: write where traces go, such as http://127.0.0.1:4318")
        database = Database(chosen.settings.database, read_pool=1)
        database.require_schema()
    except BillhookError as error:
        print(f"billhook tracer: {error}", file=sys.stderr)
        return 2
    stop = Stop()
    log.info("tracer ready")
    work(database, OTLPSpanExporter(), stop.wait)
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
