"""The router: variants, history, echoes, late facts, waiting for our own calls, and what starts what."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import CustomerUpdated, InvoiceCompleted, InvoicePaid, PaymentFailed, SendStopped
from receiver.inbox import Arrival, Delivery
from tests.flow.story import tell
from tests.workers.letters import act, completed, mail, pay, slots, times
from workers import control, operator, routing
from workers.authoring import Read, Run, effect, monsum, workflow
from workers.desk import Parked
from workers.events import EventRow
from workers.mirror import Mirror
from workers.runs import RunRow
from workers.testing.clock import ManualClock
from workers.testing.flow import START, Flow


@workflow("t-noting", on=(InvoiceCompleted, InvoicePaid, CustomerUpdated, PaymentFailed))
def noting(run: Run, event: Any) -> None:
    """Starts, and ends at once."""


def events(flow: Flow, *types: str) -> list[sa.RowMapping]:
    table = table_of(EventRow)
    rows = flow.rows(sa.select(table).order_by(table.c.id))
    return [row for row in rows if not types or row["type"] in types]


def outcome(flow: Flow, delivery_id: int) -> tuple[str, str]:
    (row,) = flow.rows(sa.select(table_of(Delivery)).where(table_of(Delivery).c.id == delivery_id))
    return row["outcome"], row["reason"]


def fields(flow: Flow, kind: str) -> dict[str, Any]:
    (row,) = flow.rows(sa.select(table_of(Mirror)).where(table_of(Mirror).c.kind == kind))
    return dict(row["fields"])


def with_(body: bytes, **said: Any) -> bytes:
    return json.dumps(json.loads(body) | said).encode()


def customer_notice(id: int, type: str = "customer.changed", **said: Any) -> bytes:
    return json.dumps({"id": id, "type": type, "customer": {"customer_id": "77", **said}}).encode()


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


def test_a_fact_that_arrives_late_starts_a_workflow_if_it_is_still_true() -> None:
    with Flow(noting) as flow:
        told = tell(flow, [("invoice.completed", {}), ("invoice.changed", {"title": "Neu"})])
        flow.deliver(told[-1])
        flow.deliver(told[-2])

        assert [row["late"] for row in events(flow, "invoice.completed")] == [False]
        assert len(flow.runs) == 1


def test_a_payment_that_was_undone_before_it_was_told_is_recorded_and_starts_nothing() -> None:
    with Flow(noting) as flow:
        told = tell(flow, [("invoice.completed", {}), ("invoice.paid", {}), ("invoice.paid", {"amount": "-70.21"})])
        for body in (*told[:-2], told[-1], told[-2]):
            flow.deliver(body)

        (paid,) = events(flow, "invoice.paid")
        assert (paid["late"], paid["outcome"]) == (True, "late")
        assert [run[1] for run in flow.runs] == [f"invoice:{paid['invoice_id']}"]


def test_a_payment_told_late_that_still_holds_starts_a_workflow() -> None:
    with Flow(noting) as flow:
        told = tell(flow, [("invoice.completed", {}), ("invoice.paid", {}), ("invoice.changed", {"title": "Neu"})])
        for body in (*told[:-2], told[-1], told[-2]):
            flow.deliver(body)

        assert "started" in events(flow, "invoice.paid")[0]["outcome"]


def test_a_draft_that_was_completed_is_not_history_though_the_draft_is() -> None:
    with Flow(noting, connect=False) as flow:
        ids = flow.sandbox.trigger("invoice.created")
        flow.sandbox.drain()
        connect(flow)
        flow.advance(minutes=10)
        flow.trigger("invoice.completed", invoice_id=ids["invoice_id"])

        assert [(row["type"], row["historical"]) for row in events(flow) if row["invoice_id"]] == [
            ("invoice.created", True),
            ("invoice.completed", False),
        ]
        assert len(flow.runs) == 1


def connect(flow: Flow) -> None:
    """Let the sweeper make the baseline read."""
    flow.sweeper.sweep()
    flow.settle()


def test_what_the_baseline_read_shows_starts_nothing() -> None:
    with Flow(noting, connect=False) as flow:
        flow.sandbox.trigger("invoice.paid")
        flow.sandbox.drain()
        connect(flow)

        assert [row["type"] for row in events(flow)] == ["customer.created", "invoice.created", "invoice.completed", "invoice.paid"]
        assert {row["historical"] for row in events(flow)} == {True}
        assert flow.runs == []


def test_a_push_created_between_the_baselines_first_request_and_its_read_is_news() -> None:
    with Flow(noting, connect=False) as flow:
        flow.db.write(lambda c: control.put(c, "baseline:shop", {"at": START.isoformat(), "kind": 1, "offset": 0, "done": False}, at=START))
        flow.clock.pass_(timedelta(seconds=10))
        flow.sandbox.trigger("invoice.completed")
        told = [notification.body for notification in flow.sandbox.drain()]
        flow.clock.pass_(timedelta(minutes=5))
        connect(flow)
        assert {row["historical"] for row in events(flow)} == {True}

        for body in told:
            flow.deliver(body)

        (row,) = events(flow, "invoice.completed")
        assert not row["historical"]
        assert len(flow.runs) == 1


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


def arrival(flow: Flow, body: bytes) -> Arrival:
    head = json.loads(body)
    return Arrival(source="shop", origin="push", native_type=head["type"], native_id=str(head["id"]), body=body, received_at=flow.clock.now)


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
