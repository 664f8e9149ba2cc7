"""The router and our own writes: it waits for a call under way, and echoes start nothing."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import table_of
from receiver.event import InvoiceCompleted
from receiver.inbox import Delivery
from tests.workers.letters import act, completed, pay, slots, times
from tests.workers.routed import arrival, events, noting, outcome
from workers import routing
from workers.authoring import Read, Run, effect, monsum, workflow
from workers.runs import RunRow
from workers.testing.flow import Flow


def test_routing_waits_while_a_call_about_the_object_is_under_way() -> None:
    with Flow(pay) as flow:
        ids = flow.trigger("invoice.completed")
        seen: list[str | None] = []

        def point(name: str) -> None:
            if name == "calling":
                flow.sandbox.trigger("invoice.changed", {**ids, "title": "Neu"})
                body = flow.sandbox.drain()[0].body
                delivery_id = flow.db.write(lambda c: inbox.append(c, arrival(flow, body))).delivery_id
                routing.route(flow.runtime, delivery_id)
                seen.append(outcome(flow, delivery_id)[0])

        flow.runtime.point = point
        flow.advance(minutes=5)
        assert seen == [None]
        assert act(flow)[0] == "done"

        flow.advance(seconds=1)

        assert not flow.rows(sa.select(table_of(Delivery)).where(table_of(Delivery).c.routed_at.is_(None)))


def test_routing_waits_no_longer_than_half_a_minute_for_a_call() -> None:
    with Flow(pay) as flow:
        ids = flow.trigger("invoice.completed")

        class Lost(BaseException):
            pass

        def point(name: str) -> None:
            if name == "calling":
                raise Lost

        flow.runtime.point = point
        with pytest.raises(Lost):
            flow.advance(minutes=5)
        flow.runtime.point = lambda name: None
        flow.sandbox.trigger("invoice.changed", {**ids, "title": "Neu"})
        delivery_id = flow.db.write(lambda c: inbox.append(c, arrival(flow, flow.sandbox.drain()[0].body))).delivery_id

        assert routing.route(flow.runtime, delivery_id) is None
        flow.clock.pass_(timedelta(seconds=29))
        assert routing.route(flow.runtime, delivery_id) is None
        flow.clock.pass_(timedelta(seconds=1))
        assert routing.route(flow.runtime, delivery_id) is not None


TOUCHING = effect(monsum.send_by_post, slot=slots("post"), fresh=Read(monsum.invoice, must=completed), touches=("shipment", "due_date"))


@workflow("t-echo", on=InvoiceCompleted)
def echo(run: Run, event: InvoiceCompleted) -> None:
    """A call that moves what its webhook will show."""
    run.sleep_until(event.at + timedelta(minutes=5))
    run.effect("act", TOUCHING, run.read("invoice", monsum.invoice, event.invoice_id))
    run.sleep_until(event.at + timedelta(days=1))


def test_our_own_write_comes_back_and_starts_nothing() -> None:
    with Flow(echo, noting) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        started = len(flow.runs)
        flow.advance(minutes=5)
        flow.notify()

        assert times(flow, "invoice.sendbypost") == 1
        assert len(flow.runs) == started
        assert events(flow, "invoice.changed") == []


def test_an_echo_is_an_event_that_wakes_no_run() -> None:
    with Flow(echo) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        flow.notify()
        flow.advance(minutes=6)
        claimed = flow.rows(sa.select(table_of(RunRow)))[0]["fence"]

        flow.trigger("invoice.changed", invoice_id=ids["invoice_id"], due_date="2026-12-24")

        (told,) = events(flow, "invoice.changed")
        assert (told["echo"], told["outcome"]) == (True, "echo")
        assert flow.rows(sa.select(table_of(RunRow)))[0]["fence"] == claimed
