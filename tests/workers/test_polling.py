"""AutoDNS is asked: messages are kept before they are confirmed, each starts one run, and what no message tells is read and compared."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver import inbox
from receiver.db import Database, table_of
from receiver.event import CustomerUpdated, InvoiceChanged, InvoicePaid
from receiver.sources.autodns_events import OrderReported, ProviderNotice
from tests.workers.routed import events
from workers import limits
from workers.authoring import Run, workflow
from workers.desk import Alert
from workers.errors import RateHeld
from workers.limits import Bucket
from workers.mirror import Mirror
from workers.polling import AT_ONCE, UNREADABLE, take_message
from workers.providers.scans import AUTODNS
from workers.sweeps import Sweep
from workers.testing.actors import WorkerLost
from workers.testing.autodns import AutodnsFlow

OURS = ("customer.get", "account.get", "invoice.search", "invoice.get")


STARTS = (OrderReported, ProviderNotice, CustomerUpdated, InvoicePaid, InvoiceChanged)


@workflow("t-polled", on=STARTS, key=lambda event: f"{event.type}:{event.at}:{getattr(event, 'order_id', '')}")
def polled(run: Run, event: Any) -> None:
    """Starts, and ends at once."""


def deliveries(flow: AutodnsFlow, *types: str) -> Sequence[sa.RowMapping]:
    table = table_of(inbox.Delivery)
    return [row for row in flow.rows(sa.select(table).order_by(table.c.id)) if row["native_type"].startswith(types)]


def message_calls(flow: AutodnsFlow) -> list[str]:
    return [call.service for call in flow.user.calls if call.service.startswith("poll.")]


class Lost:
    """The worker is lost once, at the first point of this name."""

    def __init__(self, flow: AutodnsFlow, point: str) -> None:
        self._flow, self._point = flow, point

    def __call__(self, name: str) -> None:
        if name == self._point:
            self._flow.point = lambda _name: None
            raise WorkerLost


def test_a_message_is_polled_kept_and_confirmed_in_that_order() -> None:
    with AutodnsFlow(polled) as flow:
        points: list[str] = []
        flow.point = points.append
        order = flow.user.trigger("order.succeeded")["order_id"]

        flow.advance(minutes=1)

        (kept,) = deliveries(flow, "job.")
        assert (kept["origin"], kept["native_type"], kept["native_id"]) == ("poll", "job.success", order)
        assert [name for name in points if name in ("polled", "message-kept", "confirmed")] == ["polled", "message-kept", "confirmed"]
        assert len(flow.runs) == 1
        assert not flow.user.account.messages


@pytest.mark.parametrize("point", ["polled", "message-kept", "confirmed"])
def test_wherever_the_worker_is_lost_a_message_is_told_once_and_none_is_lost(point: str) -> None:
    with AutodnsFlow(polled) as flow:
        for name in ("a.de", "b.de", "c.de"):
            flow.user.trigger("order.succeeded", {"name": name})
        flow.point = Lost(flow, point)

        flow.advance(minutes=5)

        assert [event["data"]["object_id"] for event in events(flow, "order.reported")] == ["a.de", "b.de", "c.de"]
        assert len(flow.runs) == 3 and not flow.user.account.messages
        repeats = [row["repeats"] for row in deliveries(flow, "job.")]
        assert repeats == ([1, 0, 0] if point == "message-kept" else [0, 0, 0])


def test_the_worker_may_be_lost_anywhere_and_each_message_is_confirmed_once() -> None:
    with AutodnsFlow(polled, strict=False) as flow:

        def scenario(one: AutodnsFlow) -> None:
            one.user.trigger("order.succeeded")
            one.user.trigger("notice.transfer_start")
            one.advance(minutes=2)

        explored = flow.crash_everywhere(scenario, again=())

        assert explored.points["message-kept"] > 0 and len(explored.schedules) > 10
        assert {service for service, _ in explored.acts} == {"poll.confirm"} and set(explored.acts.values()) == {1}


@pytest.mark.parametrize("fault", ["drop", "late", "error-after", "truncate", "error-before", "unavailable", "rate", "refuse", "decline"])
def test_a_confirmation_that_fails_is_made_again_and_the_message_told_once(fault: str) -> None:
    with AutodnsFlow(polled) as flow:
        flow.user.faults.add(fault, "poll.confirm")
        flow.user.trigger("order.succeeded")

        flow.advance(minutes=30)

        assert len(events(flow, "order.reported")) == len(flow.runs) == 1
        assert not flow.user.account.messages and not flow.told


def test_a_confirmation_that_is_refused_again_and_again_is_told_to_people_and_the_message_once() -> None:
    with AutodnsFlow(polled) as flow:
        flow.user.faults.add("decline", "poll.confirm", times=1000)
        flow.user.trigger("order.succeeded")

        flow.advance(hours=1)

        assert [kind for kind, _ in flow.told] == ["alert"]
        assert len(events(flow, "order.reported")) == len(flow.runs) == 1


def test_a_source_that_does_not_poll_asks_for_no_message() -> None:
    with AutodnsFlow(polled, poll=False) as flow:
        flow.user.trigger("order.succeeded")

        flow.advance(hours=1)

        assert message_calls(flow) == [] and len(flow.user.account.messages) == 1


def test_a_message_that_is_pushed_too_starts_nothing_twice() -> None:
    with AutodnsFlow(polled) as flow:
        flow.user.outbox.copies = 2
        flow.trigger("order.succeeded", style="both")
        flow.advance(minutes=1)
        flow.trigger("notice.transfer_start", style="both")
        flow.advance(minutes=1)

        assert [event["type"] for event in events(flow, "order.reported", "provider.notice")] == ["order.reported", "provider.notice"]
        assert len(flow.runs) == 2 and not flow.told
        assert [row["outcome"] for row in deliveries(flow, "job.", "notify")] == ["events", "nothing"] * 2


def test_a_message_nobody_can_read_holds_back_no_other_and_is_put_before_a_person() -> None:
    with AutodnsFlow(polled) as flow:
        flow.user.account.new_message({"job": {"id": "x", "status": "SUCCESS"}})
        flow.user.trigger("order.succeeded")

        flow.advance(minutes=1)

        (kept,) = deliveries(flow, UNREADABLE)
        assert (kept["outcome"], kept["reason"].partition("(")[2]) == ("parked", "field=job.id)")
        assert len(events(flow, "order.reported")) == 1 and not flow.user.account.messages
        assert flow.told == [("parked", "invalid")]


def test_a_message_that_cannot_be_confirmed_is_told_as_a_read_that_fails() -> None:
    with AutodnsFlow(polled) as flow:
        record = flow.user.account.new_message({"job": {"id": 1, "status": "SUCCESS"}})
        del record["id"]

        flow.advance(hours=2)

        assert [kind for kind, _ in flow.told] == ["alert"] and not deliveries(flow, "job.")


def test_a_round_ends_and_the_rest_is_taken_at_the_next() -> None:
    with AutodnsFlow(polled) as flow:
        for _ in range(AT_ONCE + 5):
            flow.user.trigger("order.succeeded")

        flow.advance(minutes=1)
        first = len(deliveries(flow, "job."))
        flow.advance(minutes=1)

        assert (first, len(deliveries(flow, "job."))) == (AT_ONCE, AT_ONCE + 5)


def test_no_second_sees_more_than_three_calls_and_nobody_is_alarmed() -> None:
    ids = [f"ix/{number}" for number in range(1, 5)]
    with AutodnsFlow(polled, own_pace=True, connect=False, customers=ids) as flow:
        for id in ids:
            flow.user.trigger("customer.created", {"number": id.removeprefix("ix/"), "emails": "a@example.com"})
        flow.connect()
        for _ in range(8):
            flow.user.trigger("order.succeeded")
        flow.user.trigger("invoice.sent")

        flow.advance(minutes=20)

        at = [call.at for call in flow.user.calls]
        busiest = max(sum(start <= one < start + timedelta(seconds=1) for one in at) for start in at)
        assert busiest <= 3, busiest
        assert len(events(flow, "order.reported")) == 8 and not flow.user.account.messages
        assert len(events(flow, "invoice.created")) == 1 and not flow.told


def test_a_wrong_login_is_told_once_and_ends_with_the_right_one() -> None:
    with AutodnsFlow(polled) as flow:
        flow.user.faults.add("login", times=1000)
        flow.user.trigger("order.succeeded")

        flow.advance(hours=1)
        assert [kind for kind, _ in flow.told] == ["alert"]
        flow.user.faults.clear()
        flow.advance(minutes=20)

        assert not flow.told and len(events(flow, "order.reported")) == 1


def test_what_was_there_when_the_source_was_connected_starts_nothing() -> None:
    with AutodnsFlow(polled, connect=False) as flow:
        flow.user.trigger("order.succeeded")
        flow.user.trigger("invoice.paid")
        flow.clock.move(flow.clock.now + timedelta(minutes=1))
        flow.connect()

        flow.advance(minutes=30)

        assert len(events(flow, "order.reported")) == len(events(flow, "invoice.paid")) == 1
        assert not flow.runs


CHANGES: dict[str, tuple[Callable[[AutodnsFlow, str], Any], list[str]]] = {
    "a city": (lambda flow, id: flow.user.account.write_customer(id, {"city": "Bonn"}), ["city"]),
    "nothing": (lambda flow, id: flow.user.account.write_customer(id, {"city": "Ulm"}), []),
    "a pending address": (lambda flow, id: flow.user.account.write_customer(id, {"emails": ["new@example.com"]}), ["pending"]),
}


@pytest.mark.parametrize("change, fields", CHANGES.values(), ids=list(CHANGES))
def test_a_watched_customer_is_read_and_compared_and_a_read_without_news_is_not_kept(
    change: Callable[[AutodnsFlow, str], Any], fields: list[str]
) -> None:
    with AutodnsFlow(polled, poll=False, connect=False, customers=("ix/7",)) as flow:
        flow.user.trigger("customer.created", {"number": "7", "emails": "old@example.com", "city": "Ulm"})
        flow.connect()

        change(flow, "ix/7")
        flow.advance(hours=1)

        told = events(flow, "customer.updated")
        assert [set(event["data"]["fields"]) & {"city", "emails", "email", "pending"} for event in told] == (
            [set(fields)] if fields else []
        )
        assert len(deliveries(flow, "poll.customer")) == 1 + bool(fields)
        assert len(flow.runs) == bool(fields)


def test_a_message_about_a_customer_has_it_read_at_once_and_from_then_on() -> None:
    with AutodnsFlow(polled) as flow:
        flow.user.trigger("customer.created", {"number": "7", "emails": "old@example.com"})
        flow.user.trigger("customer.updated", {"customer_id": "ix/7", "city": "Bonn"})

        flow.advance(minutes=1)
        flow.user.account.write_customer("ix/7", {"city": "Ulm"})
        flow.advance(minutes=20)

        (row,) = flow.rows(sa.select(table_of(Mirror)).where(table_of(Mirror).c.kind == "customer"))
        assert (row["object_id"], row["fields"]["city"]) == ("ix/7", "Ulm")
        assert [event["type"] for event in events(flow, "customer.created", "customer.updated")] == ["customer.created", "customer.updated"]


def test_a_message_that_is_served_again_although_it_was_confirmed_is_told_and_not_asked_for_all_the_time() -> None:
    with AutodnsFlow(polled) as flow:
        confirm, flow.user.account.confirm = flow.user.account.confirm, lambda _id: None  # type: ignore[method-assign, assignment]
        flow.user.trigger("order.succeeded", {})
        flow.user.trigger("order.failed", {})
        flow.advance(minutes=10)
        table = table_of(Alert)
        told = [row["detail"]["why"] for row in flow.rows(sa.select(table.c.detail).where(table.c.reason == "provider_unreadable"))]
        asked = len(message_calls(flow))
        flow.user.account.confirm = confirm  # type: ignore[method-assign]
        flow.advance(minutes=20)

        assert told == ["messages_failed: not_confirmed"] and asked < 60
        assert len(events(flow, "order.reported")) == 2 and not flow.user.account.messages


def test_a_customer_that_is_gone_is_told_and_asked_for_no_more() -> None:
    with AutodnsFlow(polled, connect=False, customers=()) as flow:
        flow.user.trigger("customer.created", {"number": "7", "emails": "old@example.com"})
        flow.connect()
        flow.user.trigger("customer.updated", {"customer_id": "ix/7", "city": "Bonn"})
        flow.advance(minutes=1)
        del flow.user.account.customers["ix/7"]
        flow.advance(minutes=80)
        asked = len([call for call in flow.user.calls if call.service == "customer.get"])

        flow.advance(hours=1)

        assert len(events(flow, "customer.deleted")) == 1
        assert len([call for call in flow.user.calls if call.service == "customer.get"]) == asked


def test_no_secret_of_a_customer_is_in_the_inbox() -> None:
    with AutodnsFlow(polled, poll=False, connect=False, customers=("ix/7",)) as flow:
        flow.user.trigger("customer.created", {"number": "7", "emails": "old@example.com"})
        flow.user.account.customers["ix/7"] |= {"pin": "secret-4711", "card": {"number": "secret-4111"}, "sepa": {"iban": "secret-DE"}}

        flow.connect()
        flow.user.account.write_customer("ix/7", {"city": "Bonn"})
        flow.advance(hours=1)

        kept = b"".join(row["body"] for row in deliveries(flow, "poll.customer"))
        assert b"old@example.com" in kept and b"secret" not in kept


def test_invoices_are_found_paid_and_failed_and_told_once() -> None:
    with AutodnsFlow(polled, poll=False) as flow:
        id = flow.user.trigger("invoice.sent")["invoice_id"]
        flow.advance(minutes=20)
        flow.user.trigger("invoice.failed", {"id": id})
        flow.advance(minutes=20)
        flow.user.trigger("invoice.paid", {"id": id})
        flow.advance(minutes=40)

        told = [(event["type"], event["data"].get("fields")) for event in events(flow) if event["invoice_id"] == id]
        assert told == [
            ("invoice.created", None),
            ("invoice.changed", ["failed", "native_status", "status"]),
            ("invoice.changed", ["failed", "native_status", "paid_on", "status"]),
            ("invoice.paid", None),
        ]
        read = [json.loads(row["body"])["record"]["status"] for row in deliveries(flow, "poll.invoice")]
        assert list(dict.fromkeys(read)) == ["SENT", "POSTPENDING", "FINISHED"]
        assert not flow.told


def test_open_invoices_are_read_one_by_one_and_paid_ones_no_more() -> None:
    with AutodnsFlow(polled, poll=False, connect=False) as flow:
        ids = [flow.user.trigger("invoice.sent")["invoice_id"], flow.user.trigger("invoice.paid")["invoice_id"]]
        flow.connect()

        flow.advance(hours=1)

        assert {call.data["ID"] for call in flow.user.calls if call.service == "invoice.get"} == {ids[0]}


def test_messages_are_kept_once_on_postgresql_too(postgres_database: Database) -> None:
    with AutodnsFlow(polled, database=postgres_database) as flow:
        flow.user.faults.add("drop", "poll.confirm")
        flow.trigger("order.succeeded", style="both")
        flow.user.trigger("order.failed")

        flow.advance(minutes=10)

        assert [event["data"]["status"] for event in events(flow, "order.reported")] == ["success", "failed"]
        assert len(flow.runs) == 2 and not flow.user.account.messages


def emptied(flow: AutodnsFlow, *, left: float) -> None:
    """So many tokens are there, and nothing comes to them by itself until the clock moves."""
    machine = flow.runtime.clock.machine
    flow.runtime.meter = None
    bucket = table_of(Bucket)
    rate = flow.runtime.client("shop").rate
    flow.db.write(lambda c: limits.lend(c, "shop", rate, limits.Rank.GAPS, machine=machine(c)))
    flow.db.write(lambda c: c.execute(sa.update(bucket).values(tokens=left, filled_at=machine(c), booked_until=machine(c))))


def sweep(flow: AutodnsFlow) -> Sweep:
    now = flow.clock.now
    return Sweep(runtime=flow.runtime, source="shop", scan=AUTODNS[0], began_at=now, since=now, rank=limits.Rank.GAPS)


def test_a_message_is_confirmed_although_no_token_is_left_after_asking_for_it() -> None:
    with AutodnsFlow(polled, own_pace=True) as flow:
        flow.user.trigger("order.succeeded")
        emptied(flow, left=1.0)

        take_message(sweep(flow), {"after": 0})

        assert message_calls(flow)[-2:] == ["poll.get", "poll.confirm"] and not flow.user.account.messages
        assert flow.rows(sa.select(table_of(Bucket).c.tokens))[0]["tokens"] == pytest.approx(-1.0)


def test_a_request_that_had_to_wait_for_its_token_is_not_counted_as_made() -> None:
    with AutodnsFlow(polled, own_pace=True) as flow:
        one = sweep(flow)
        emptied(flow, left=0.0)
        with pytest.raises(RateHeld):
            one.client.account()
        emptied(flow, left=3.0)
        one.client.account()

        assert one.requests == 1


def test_a_message_that_must_wait_waits_for_both_its_calls() -> None:
    with AutodnsFlow(polled, own_pace=True) as flow:
        flow.user.trigger("order.succeeded")
        emptied(flow, left=0.0)

        with pytest.raises(RateHeld) as held:
            take_message(sweep(flow), {"after": 0})

        assert held.value.wait == timedelta(seconds=2 / flow.runtime.client("shop").rate.per_s)
