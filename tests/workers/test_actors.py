"""The worker's router: one hint routes all that waits behind it, and its run goes on at once. A consumer without Redis is told once."""

import logging
import threading
from collections.abc import Iterator

import pytest
import redis
import sqlalchemy as sa
from dramatiq.errors import BrokerConnectionError
from structlog.testing import capture_logs

from receiver import inbox
from receiver.db import table_of
from receiver.dispatch import Link, make_broker
from receiver.event import InvoiceCompleted
from receiver.inbox import Arrival, Delivery
from tests.processes import eventually
from workers.actors import TOGETHER, LostLink, Router, consumer
from workers.authoring import Run, workflow
from workers.edge import Edge
from workers.testing.flow import Flow


@workflow("t-hinted", on=InvoiceCompleted)
def hinted(run: Run, event: InvoiceCompleted) -> None:
    """Ends at once."""


class Told:
    """An announcer that keeps what it was given."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def announce_delivery(self, delivery_id: int) -> None:
        raise AssertionError("the router announces no delivery")

    def announce_run(self, run_id: str) -> None:
        self.runs.append(run_id)


@pytest.fixture
def flow() -> Iterator[Flow]:
    with Flow(hinted, mode="auto") as made:
        made.runtime.announcer = Told()
        yield made


def keep(flow: Flow, count: int) -> list[int]:
    """Ids of `count` deliveries of completed invoices, each kept and not routed."""
    bodies = [
        b'{"id": %d, "type": "invoice.created", "invoice": {"invoice_id": "%d", "type": "outgoing"}}' % (n, n) for n in range(1, count + 1)
    ]
    arrivals = [
        Arrival(source=flow.source, origin="push", native_type="invoice.created", native_id=str(n), body=body, received_at=flow.clock.now)
        for n, body in enumerate(bodies)
    ]
    return flow.db.write(lambda c: [inbox.append(c, arrival).delivery_id for arrival in arrivals])


def unrouted(flow: Flow) -> list[int]:
    table = table_of(Delivery)
    return [row["id"] for row in flow.rows(sa.select(table.c.id).where(table.c.routed_at.is_(None)).order_by(table.c.id))]


def told(flow: Flow) -> list[str]:
    assert isinstance(flow.runtime.announcer, Told)
    return flow.runtime.announcer.runs


def test_a_hint_routes_its_delivery_and_all_behind_it_but_none_before(flow: Flow) -> None:
    ids = keep(flow, TOGETHER + 5)

    Router(flow.runtime, lambda: False).hinted(ids[2])

    assert unrouted(flow) == ids[:2]
    assert len(told(flow)) == len(ids) - 2


def test_the_run_of_a_lone_delivery_is_advanced_at_once_and_not_announced(flow: Flow) -> None:
    (only,) = keep(flow, 1)

    Router(flow.runtime, lambda: False).hinted(only)

    assert [status for _, _, status, _ in flow.runs] == ["done"]
    assert told(flow) == []


def test_a_hint_that_comes_while_another_thread_routes_is_left_to_it(flow: Flow) -> None:
    (first,) = keep(flow, 1)
    router, left = Router(flow.runtime, lambda: False), threading.Event()

    def leave_another(name: str) -> None:
        if name == "routed" and not left.is_set():
            left.set()
            (late,) = keep_more(flow)
            thread = threading.Thread(target=router.hinted, args=(late,))
            thread.start()
            thread.join(10)
            assert late in unrouted(flow)

    flow.runtime.point = leave_another
    router.hinted(first)

    assert left.is_set() and unrouted(flow) == []


def test_what_waits_is_routed_unasked_up_to_a_limit(flow: Flow) -> None:
    ids = keep(flow, 2 * TOGETHER + 3)

    assert Router(flow.runtime, lambda: False).waiting(TOGETHER) == TOGETHER

    assert unrouted(flow) == ids[TOGETHER:]


def test_a_stopping_worker_routes_nothing_more(flow: Flow) -> None:
    ids = keep(flow, 2)

    Router(flow.runtime, lambda: True).hinted(ids[0])

    assert unrouted(flow) == ids


def keep_more(flow: Flow) -> list[int]:
    """One more delivery, of another invoice."""
    body = b'{"id": 9000, "type": "invoice.created", "invoice": {"invoice_id": "9000", "type": "outgoing"}}'
    arrival = Arrival(
        source=flow.source, origin="push", native_type="invoice.created", native_id="9000", body=body, received_at=flow.clock.now
    )
    return [flow.db.write(lambda c: inbox.append(c, arrival)).delivery_id]


def test_a_consumer_without_redis_tells_the_link_and_says_nothing_critical(flow: Flow, caplog: pytest.LogCaptureFixture) -> None:
    link = Link()
    broker = make_broker("redis://127.0.0.1:1/0")
    with capture_logs() as logged:
        worker = consumer(broker, flow.runtime, Router(flow.runtime, lambda: False), Edge(), link, threads=1, stopping=lambda: False)
        names = [f"dramatiq.worker.ConsumerThread({queue})" for queue in ("billhook", "billhook.DQ")]
        heard = [Heard() for _ in names]
        for name, one in zip(names, heard, strict=True):
            logging.getLogger(name).filters.insert(0, one)
        worker.start()
        eventually(lambda: all(one.critical for one in heard))
        eventually(lambda: link.away)
        worker.stop(timeout=10_000)
        for name, one in zip(names, heard, strict=True):
            logging.getLogger(name).removeFilter(one)

    broker.client.close()
    assert [line["event"].partition(":")[0] for line in logged if "redis" in line["event"]] == ["redis is away"]
    assert [record.name for record in caplog.records if record.levelno == logging.CRITICAL] == []


def test_what_else_is_critical_to_a_consumer_is_still_told() -> None:
    link = Link()
    trouble = BrokerConnectionError("refused")

    def told(*args: object, exc_info: object = None) -> bool:
        return LostLink(link).filter(logging.LogRecord("dramatiq", logging.CRITICAL, "", 0, "it failed: %s", args, exc_info))  # type: ignore[arg-type]

    surprise = ValueError("a mistake")
    assert told("words") and told(exc_info=(ValueError, surprise, None)) and not link.away
    assert not told(trouble) and link.away
    hung = redis.TimeoutError("hung")
    assert not told(exc_info=(redis.TimeoutError, hung, None))


class Heard(logging.Filter):
    """Hears what is said before others withhold it."""

    critical = 0

    def filter(self, record: logging.LogRecord) -> bool:
        self.critical += record.levelno == logging.CRITICAL
        return True
