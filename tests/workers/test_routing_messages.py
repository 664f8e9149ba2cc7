"""AutoDNS's messages in the router: hints, once each however they came, and words nobody knows."""

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import table_of
from receiver.settings import SourceSettings
from receiver.sources.autodns import identify
from receiver.sources.autodns_events import OrderReported
from tests.receiver.sources.autodns_samples import recorded
from tests.workers.routed import events, outcome
from workers.authoring import Run, workflow
from workers.rereads import Reread
from workers.settings import account_of
from workers.testing.flow import Flow

XML = recorded("push_job_customer_update_constructed.xml")
JSON = recorded("poll_job_customer_update_constructed.json")


@workflow("t-ordered", on=OrderReported, key=lambda event: event.order_id)
def ordered(run: Run, event: OrderReported) -> None:
    """Starts, and ends at once."""


@pytest.fixture
def flow() -> Iterator[Flow]:
    with Flow(ordered) as made:
        made.runtime.accounts = {"shop": account_of(SourceSettings(name="shop", kind="autodns"), None)}
        yield made


def poll(flow: Flow, body: bytes) -> int:
    """Keep a message as a poll does."""
    named = identify(body, {})
    arrival = inbox.Arrival(source="shop", origin="poll", native_type=named.native_type, native_id=named.native_id, body=body,
                            received_at=flow.clock.now)  # fmt: skip
    delivery_id = flow.db.write(lambda c: inbox.append(c, arrival)).delivery_id
    flow.settle()
    return delivery_id


def later(body: bytes) -> bytes:
    """The same message, of a moment after the flow began."""
    return body.replace(b"T10:05:00.000+0100", b"T10:05:00.000+0000").replace(b"10:05:00<", b"11:05:00<")


@pytest.mark.parametrize("polled_first", [False, True])
def test_a_message_that_is_pushed_and_polled_starts_one_run(flow: Flow, polled_first: bool) -> None:
    acts = [lambda: poll(flow, later(JSON)), lambda: flow.deliver(later(XML))]
    first, second = (act() for act in (acts if polled_first else reversed(acts)))

    assert outcome(flow, first) == ("events", "1 event")
    assert outcome(flow, second) == ("nothing", f"delivery {first} said the same, wrapped otherwise")
    assert [run[:2] for run in flow.runs] == [("t-ordered", "30000001")]


def test_a_message_about_a_customer_asks_for_the_customer(flow: Flow) -> None:
    flow.deliver(later(XML))
    (event,) = events(flow, "order.reported")

    assert (event["data"]["customer_id"], event["proof"]) == ("ix/1234567", "claimed")
    # Without a client nobody can be asked, and the request is dropped.
    assert flow.rows(sa.select(table_of(Reread))) == []


def test_the_next_status_of_an_order_is_told_too(flow: Flow) -> None:
    flow.deliver(later(JSON).replace(b'"status": "SUCCESS",\n        "execution"', b'"status": "RUNNING",\n        "execution"'))
    flow.deliver(later(JSON))

    assert [event["data"]["status"] for event in events(flow, "order.reported")] == ["running", "success"]


def test_what_was_ordered_before_the_source_was_connected_starts_nothing(flow: Flow) -> None:
    flow.deliver(JSON.replace(b"2026-11-20", b"2026-11-19"))

    assert len(events(flow, "order.reported")) == 1 and not flow.runs


def test_a_status_nobody_knows_is_put_before_a_person_and_starts_nothing(flow: Flow) -> None:
    message = json.loads(JSON)["data"][0]
    told = flow.deliver(json.dumps(message | {"job": message["job"] | {"status": "MELTED"}}).encode())

    assert outcome(flow, told)[0] == "parked" and ("parked", "invalid") in flow.told
    assert not events(flow) and not flow.runs
