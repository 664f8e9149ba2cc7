"""What a workflow may ask the database inside a step."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from receiver.db import Database
from receiver.event import InvoiceChanged, InvoiceCompleted, SendStopped
from workers import lookups
from workers.operator import Order
from workers.testing.flow import Flow
from workflows.auto_send.workflow import auto_send

POLICY = {"channel_map": {"mail": "email"}, "placeholder_domains": [], "hold_minutes": 0}


@pytest.fixture
def flow(database: Database) -> Iterator[Flow]:
    with Flow(auto_send, policy=POLICY, database=database) as opened:
        yield opened


def test_the_effects_about_an_invoice_name_their_slot_and_their_request(flow: Flow) -> None:
    invoice = flow.trigger("invoice.completed")["invoice_id"]

    with flow.db.read() as connection:
        (sent,) = lookups.effects_about(connection, "shop", invoice, ("send",))
        others = lookups.effects_about(connection, "other", invoice, ("send",)) + lookups.effects_about(connection, "shop", invoice, ("x",))

    assert (sent.state, sent.purpose, sent.service, sent.reissued) == ("done", "send", "invoice.sendbyemail", False)
    assert len(sent.version) == 32
    assert sent.request["invoice_id"] == invoice
    assert others == []


def test_an_effect_that_gave_its_slot_back_is_not_among_them(flow: Flow) -> None:
    flow.sandbox.faults.add("drop", "invoice.sendbyemail")
    invoice = flow.trigger("invoice.completed")["invoice_id"]
    with flow.db.read() as connection:
        (unknown,) = lookups.unknown_effects(
            connection, "shop", "auto-send", "invoice.sendbyemail", called_before=flow.clock.now + timedelta(1)
        )

    flow.order("resolve", unknown.id, did=False)

    with flow.db.read() as connection:
        assert [one.state for one in lookups.effects_about(connection, "shop", invoice, ("send",))] == ["done"]


def test_events_of_a_customer_are_those_of_its_invoices_too(flow: Flow) -> None:
    ids = flow.trigger("invoice.completed")
    flow.trigger("invoice.changed", invoice_id=ids["invoice_id"], total="99.00")
    flow.trigger("invoice.completed")

    with flow.db.read() as connection:
        told = lookups.events_of_customer(connection, "shop", ids["customer_id"], (InvoiceCompleted, InvoiceChanged))
        own = lookups.events_of_invoice(connection, "shop", ids["invoice_id"], (InvoiceChanged, SendStopped))

    assert [event.type for event in told] == ["invoice.completed", "invoice.changed"]
    assert [event.type for event in own] == ["invoice.changed"]


def x_attributes(flow: Flow, customer: str) -> dict[str, str] | None:
    with flow.db.read() as connection:
        return lookups.x_attributes_of(connection, "shop", customer)


def test_the_known_attributes_of_a_customer_are_those_of_the_last_event_about_it(flow: Flow) -> None:
    customer = flow.trigger("customer.created", **{"x_attributes.x_tenant": "acme", "x_attributes.x_plan": "2"})["customer_id"]
    before = x_attributes(flow, customer)
    flow.trigger("customer.updated", customer_id=customer, **{"x_attributes.x_plan": "3"})

    assert before == {"x_tenant": "acme", "x_plan": "2"}
    assert x_attributes(flow, customer) == {"x_plan": "3"}


def test_a_customer_without_attributes_is_told_from_one_of_whom_nobody_said_any(database: Database) -> None:
    with Flow(auto_send, database=database, connect=False) as flow:
        existing = flow.sandbox.trigger("customer.created", {"x_attributes.x_tenant": "acme"})["customer_id"]
        flow.sandbox.drain()
        flow.connect()
        new = flow.trigger("customer.created")["customer_id"]

        assert x_attributes(flow, new) == {}
        assert x_attributes(flow, existing) is None
        assert x_attributes(flow, "nobody") is None

        flow.trigger("invoice.completed", customer_id=existing)
        assert x_attributes(flow, existing) == {"x_tenant": "acme"}


def test_an_attribute_that_is_no_text_is_given_as_the_text_the_provider_takes(flow: Flow) -> None:
    body = (
        b'{"id": 9, "type": "customer.created", "customer": {"customer_id": "7", "x_attributes": {"a": 1, "b": null, "c": ["\xc3\xa4"]}}}'
    )
    flow.deliver(body)

    assert x_attributes(flow, "7") == {"a": "1", "b": "", "c": '["ä"]'}


def test_the_known_tags_of_a_customer_come_from_what_was_read(database: Database) -> None:
    with Flow(auto_send, database=database, connect=False) as flow:
        customer = flow.sandbox.trigger("customer.created", {"tags": "vip, late"})["customer_id"]
        flow.sandbox.drain()
        flow.connect()

        with flow.db.read() as connection:
            assert lookups.tags_of(connection, "shop", customer) == ["vip", "late"]
            assert lookups.tags_of(connection, "shop", "nobody") == []


def test_the_policy_of_another_run_can_be_read(flow: Flow) -> None:
    invoice = flow.trigger("invoice.completed")["invoice_id"]

    with flow.db.read() as connection:
        (sent,) = lookups.effects_about(connection, "shop", invoice, ("send",))
        policy, nobodys = lookups.policy_of_run(connection, sent.run_id), lookups.policy_of_run(connection, "nobody")

    assert policy["channel_map"] == {"mail": "email"}
    assert nobodys == {}


def test_an_order_with_one_id_is_given_once(flow: Flow) -> None:
    flow.trigger("invoice.completed")
    flow.trigger("invoice.completed")
    (event_id, *_) = _completions(flow)
    order = Order(act="replay", subject=str(event_id), workflow="auto-send", reason="test")

    for _ in range(2):
        flow.db.write(lambda c: lookups.give_order(c, order, source="shop", at=flow.clock.now, id="once"))
    flow.settle()

    assert len(flow.runs) == 3


def test_a_replay_of_another_sources_event_or_of_no_number_is_refused(flow: Flow) -> None:
    assert flow.order("replay", "none").startswith("refused: An event's id is a number")


def test_a_replay_without_a_workflow_that_starts_on_it_starts_nothing(flow: Flow) -> None:
    flow.trigger("invoice.completed")
    (event_id, *_) = _completions(flow)

    assert flow.order("replay", str(event_id), workflow="dunning") == "events: no workflow starts on this event"


def _completions(flow: Flow) -> list[int]:
    """Ids of the events that a sweep for a workflow nobody runs would find."""
    with flow.db.read() as connection:
        found = lookups.completed_without_run(connection, "shop", "nobody", before=flow.clock.now + timedelta(days=1), limit=10)
    return [event_id for event_id, _ in found]
