"""The router: variants, repeats, what cannot be read, and what starts what."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import Disputed, SendStopped
from receiver.inbox import Arrival, Delivery
from tests.workers.letters import mail
from tests.workers.routed import customer_notice, events, fields, noting, outcome
from workers import operator, routing
from workers.desk import Block, Parked
from workers.testing.clock import ManualClock
from workers.testing.flow import START, Flow


def with_(body: bytes, **said: Any) -> bytes:
    return json.dumps(json.loads(body) | said).encode()


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([{"x_domain": "a"}], {"x_domain": "a"}),
        ([[]], {}),
        ([{}], {}),
        ([{"x_domain": "a"}, []], {}),
        ([{"x_domain": "a"}, {}], {}),
        ([{"x_domain": "a"}, ""], {"x_domain": "a"}),
        ([{"x_domain": "a"}, None], {"x_domain": "a"}),
        ([{"x_domain": "a"}, {"x_other": "b"}], {"x_other": "b"}),
    ],
)
def test_attributes_are_what_the_last_delivery_said_of_them(values: list[Any], kept: dict[str, str]) -> None:
    with Flow() as flow:
        for number, value in enumerate(values):
            flow.deliver(customer_notice(number + 1, x_attributes=value))

        assert fields(flow, "customer")["x_attributes"] == kept


def test_a_delivery_without_attributes_does_not_take_them_away() -> None:
    with Flow() as flow:
        flow.deliver(customer_notice(1, x_attributes={"x_domain": "a"}))
        flow.deliver(customer_notice(2, city="Köln"))

        assert fields(flow, "customer")["x_attributes"] == {"x_domain": "a"}


def test_a_variant_of_a_known_id_is_parked_and_changes_nothing() -> None:
    with Flow() as flow:
        first = flow.deliver(customer_notice(5, city="Köln"))
        second = flow.deliver(customer_notice(5, city="Bonn"))

        assert outcome(flow, first)[0] == "events"
        assert outcome(flow, second) == ("parked", "variant")
        assert fields(flow, "customer")["city"] == "Köln"
        assert [row["kind"] for row in flow.rows(sa.select(table_of(Parked)))] == ["variant"]


def test_of_two_variants_the_lowest_delivery_counts_whichever_is_routed_first() -> None:
    with Flow() as flow:
        kept = [
            flow.db.write(
                lambda c, city=city: inbox.append(  # type: ignore[misc]
                    c,
                    Arrival(
                        source="shop",
                        origin="push",
                        native_type="customer.changed",
                        native_id="5",
                        body=customer_notice(5, city=city),
                        received_at=START,
                    ),
                )
            ).delivery_id
            for city in ("Köln", "Bonn")
        ]
        for delivery_id in reversed(kept):
            routing.route(flow.runtime, delivery_id)

        assert fields(flow, "customer")["city"] == "Köln"


class Hurried(ManualClock):
    """A clock on which a quarter of a turn goes by whenever somebody looks."""

    def boot_s(self) -> float:
        self.boot += routing.TURN_S / 4
        return self.boot


def test_a_turn_takes_as_many_as_fit_into_it_and_the_next_one_goes_on() -> None:
    with Flow() as flow:
        kept = [flow.keep(customer_notice(id)) for id in range(1, 13)]
        flow.runtime.clock = Hurried(START)
        turns: list[str] = []
        flow.runtime.point = turns.append

        done = routing.route_all(flow.runtime, kept)

        assert sorted(id for id, routed in done.items() if routed) == kept
        assert 2 <= turns.count("routed") <= 4


def test_a_repeat_is_counted_and_means_nothing_more() -> None:
    with Flow(noting) as flow:
        body = customer_notice(5, city="Köln")
        first, again = flow.deliver(body), flow.deliver(body)

        (row,) = flow.rows(sa.select(table_of(Delivery)).where(table_of(Delivery).c.id == first))
        assert (first, row["repeats"], len(events(flow))) == (again, 1, 1)


def test_a_body_that_means_nothing_readable_is_parked_with_its_field() -> None:
    with Flow() as flow:
        delivery_id = flow.deliver(b'{"id": 4, "type": "customer.changed", "customer": "Muster"}')

        assert outcome(flow, delivery_id)[0] == "parked"
        (item,) = flow.rows(sa.select(table_of(Parked)))
        assert (item["kind"], "customer" in item["reason"], "Muster" in item["reason"]) == ("invalid", True, False)


@pytest.mark.parametrize(
    "said",
    [
        {"created": "0001-01-01 00:00:00"},
        {"created": "9999-12-31 23:59:59"},
        {"invoice": {"invoice_id": "9", "due_date": "9999-12-31 23:00:00"}},
        {"invoice": {"invoice_id": "9", "total": "1e999999999"}},
        {"invoice": {"invoice_id": "9", "total": 1e300, "type": "outgoing", "outstanding_amount": "NaN"}},
        {"invoice": {"invoice_id": "9", "introtext": "1e999999999", "items": [{"description": "1e999999999"}]}},
        {"invoice": {"invoice_id": "9", "introtext": "a\u0000b"}},
        {"invoice": {"invoice_id": "9" * 500}},
        {"invoice": {"invoice_id": "9", "customer_id": "8" * 500}},
        {"customer": {"customer_id": "7" * 500, "x_attributes": {"a": "b"}}},
    ],
)
def test_no_body_however_odd_stays_unrouted_for_ever(said: dict[str, Any], database: Database) -> None:
    with Flow(database=database) as flow:
        body = {"id": 4, "type": "invoice.created", "created": "2026-11-20 10:00:00", "invoice": {"invoice_id": "9"}}
        for number in range(2):
            flow.deliver(json.dumps(body | said | {"id": 4 + number}).encode())

        assert flow.rows(sa.select(table_of(Delivery).c.id).where(table_of(Delivery).c.routed_at.is_(None))) == []


def test_a_dispute_holds_whatever_its_reason_is_written_in(database: Database) -> None:
    with Flow(database=database) as flow:
        flow.signal(Disputed(source="shop", customer_id="77", reason="never\x00ordered", at=flow.clock.now))

        (block,) = flow.rows(sa.select(table_of(Block)))
        assert (block["kind"], block["reason"]) == ("dispute", "never\N{REPLACEMENT CHARACTER}ordered")


def test_a_type_nobody_documents_is_kept_and_means_nothing() -> None:
    with Flow() as flow:
        delivery_id = flow.deliver(b'{"id": 4, "type": "customer.exploded"}')

        assert outcome(flow, delivery_id) == ("nothing", "unknown_type")


def test_a_push_cannot_pass_for_a_read_of_our_own() -> None:
    with Flow() as flow:
        record = {"INVOICE_ID": "9", "TYPE": "outgoing", "TOTAL": "5", "OUTSTANDING_AMOUNT": "0"}
        body = {"id": "9@0-x", "type": "poll.invoice", "read_at": "2026-11-20T09:00:00+00:00", "record": record, "baseline": True}
        delivery_id = flow.deliver(json.dumps(body).encode())

        assert outcome(flow, delivery_id)[0] == "parked"
        assert events(flow) == []


def test_payment_created_is_no_proof_and_has_the_invoice_read() -> None:
    with Flow(noting) as flow:
        ids = flow.sandbox.trigger("invoice.completed")
        flow.sandbox.drain()
        body = {"id": 9, "type": "payment.created", "created": "2026-11-20 10:00:00", "customer": {"customer_id": ids["customer_id"]}}
        delivery_id = flow.deliver(json.dumps(body | {"payment": {"payment_id": 1, "invoice_id": int(ids["invoice_id"])}}).encode())

        assert outcome(flow, delivery_id) == ("nothing", "no news")
        assert [row["type"] for row in events(flow)] == ["invoice.created", "invoice.completed"]


def test_a_chargeback_reopens_the_invoice_only_when_the_read_says_so() -> None:
    with Flow(noting) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=2)
        flow.trigger("invoice.paid", invoice_id=ids["invoice_id"])
        flow.advance(minutes=2)
        flow.trigger("payment.chargeback", invoice_id=ids["invoice_id"])

        assert [row["type"] for row in events(flow)][-2:] == ["payment.chargeback", "invoice.reopened"]


def test_an_event_starts_a_workflow_and_says_which() -> None:
    with Flow(noting) as flow:
        ids = flow.trigger("invoice.completed")

        (row,) = events(flow, "invoice.completed")
        assert row["outcome"].startswith("t-noting: started")
        assert flow.runs == [("t-noting", f"invoice:{ids['invoice_id']}", "done", None)]


def test_an_operators_signal_becomes_an_event_once() -> None:
    with Flow(mail) as flow:
        stop = SendStopped(source="shop", at=START, invoice_id="1")
        one = operator.signal_arrival(stop, actor="ada", at=START, id="form-1")
        for _ in range(2):
            flow.db.write(lambda c: inbox.append(c, one))
        flow.settle()

        assert [row["type"] for row in events(flow)] == ["send.stopped"]


def test_a_source_nobody_configured_parks_its_deliveries() -> None:
    with Flow() as flow:
        body = customer_notice(1)
        elsewhere = Arrival(source="gone", origin="push", native_type="customer.changed", native_id="1", body=body, received_at=START)
        delivery_id = flow.db.write(lambda c: inbox.append(c, elsewhere)).delivery_id
        flow.settle()

        assert outcome(flow, delivery_id) == ("parked", "its source is not configured")


def test_an_operators_order_that_cannot_be_read_is_parked() -> None:
    with Flow() as flow:
        body = b'{"order": {"act": "explode", "subject": "x"}}'
        wrong = Arrival(source="shop", origin="operator", native_type="operator.explode", native_id="1", body=body, received_at=START)
        delivery_id = flow.db.write(lambda c: inbox.append(c, wrong)).delivery_id
        flow.settle()

        assert outcome(flow, delivery_id) == ("parked", "invalid")
