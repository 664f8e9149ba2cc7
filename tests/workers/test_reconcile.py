"""When nobody can know: each class of effect is settled in its own way, and never by a second call on a guess."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from receiver.event import SendStopped
from tests.workers.letters import KEYED_SERVICE, act, completed, effect_row, keyed, letter, mail, pay, post, slots, times, twice
from workers.authoring import Disputed, InvoiceCompleted, Read, Run, effect, monsum, workflow
from workers.desk import Parked
from workers.registry import Registry
from workers.runs import RunRow
from workers.testing.flow import Flow

POSTED = "invoice.sendbypost"
PAID = "invoice.setpaid"


def open_items(flow: Flow) -> list[tuple[str, str]]:
    table = table_of(Parked)
    return [(row["kind"], row["reason"]) for row in flow.rows(sa.select(table).where(table.c.closed_at.is_(None)))]


def asked(flow: Flow, service: str) -> int:
    return sum(1 for call in flow.sandbox.calls if call.service == service)


def test_what_reading_back_shows_as_done_is_done_and_not_asked_again() -> None:
    with Flow(post) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", POSTED)
        flow.advance(minutes=7)

        assert act(flow) == ("done", "found")
        assert (asked(flow, POSTED), times(flow, POSTED)) == (1, 1)
        assert flow.runs[0][2] == "done"


def test_a_look_is_not_made_before_the_call_can_have_ended() -> None:
    with Flow(post) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", POSTED)
        flow.advance(minutes=5)
        assert act(flow) == ("unknown", "no_answer")

        flow.advance(seconds=24)
        assert act(flow)[0] == "unknown"
        flow.advance(seconds=2)

        assert act(flow) == ("done", "found")


def test_a_no_counts_only_after_its_time_and_then_the_call_is_made_again() -> None:
    with Flow(post) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("error-before", POSTED)
        flow.advance(minutes=19)
        assert act(flow)[0] == "unknown"
        assert asked(flow, POSTED) == 1

        flow.advance(minutes=2)

        assert act(flow) == ("done", None)
        assert (asked(flow, POSTED), times(flow, POSTED)) == (2, 1)


def test_a_no_that_needs_another_one_counts_only_beside_it_also_after_an_outage() -> None:
    with Flow(twice) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("error-before", POSTED)
        flow.advance(minutes=5)
        flow.clock.pass_(timedelta(hours=1))
        flow.settle()
        first = act(flow), asked(flow, POSTED)

        flow.advance(minutes=9)
        early = act(flow)
        flow.advance(minutes=2)

        assert first == (("unknown", "look_says_no_once"), 1)
        assert early == ("unknown", "look_says_no_once")
        assert (act(flow), times(flow, POSTED)) == (("done", None), 1)


def test_after_its_last_call_a_no_is_for_a_person() -> None:
    with Flow(twice) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("error-before", POSTED, times=5)
        flow.advance(hours=5)

        assert (asked(flow, POSTED), times(flow, POSTED)) == (2, 0)
        assert open_items(flow) == [("unknown", "it was called 2 times and reading back shows nothing")]


def test_what_shows_late_is_found_before_the_no_counts() -> None:
    with Flow(post) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", POSTED)
        at_first = flow.sandbox.account
        flow.advance(minutes=5)
        shipment = at_first.invoices[ids["invoice_id"]]["SHIPMENT"]
        at_first.invoices[ids["invoice_id"]]["SHIPMENT"] = "0"  # the provider shows it only later
        flow.advance(minutes=5)
        assert act(flow)[0] == "unknown"

        at_first.invoices[ids["invoice_id"]]["SHIPMENT"] = shipment
        flow.advance(minutes=15)

        assert act(flow) == ("done", "found")
        assert times(flow, POSTED) == 1


def test_a_look_that_cannot_be_made_is_made_later() -> None:
    with Flow(post) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", POSTED)
        flow.advance(minutes=5)
        flow.sandbox.faults.add("unavailable", "invoice.get", times=3)
        flow.advance(minutes=5)

        assert act(flow) == ("done", "found")


def test_a_look_that_does_not_find_the_object_is_made_again_for_an_hour_then_a_person_is_asked() -> None:
    with Flow(post) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", POSTED)
        flow.advance(minutes=5)
        kept = dict(flow.sandbox.account.invoices)
        flow.sandbox.account.invoices.clear()
        flow.advance(minutes=50)
        sooner = act(flow), open_items(flow)
        flow.advance(minutes=30)
        asked_about = open_items(flow)
        flow.sandbox.account.invoices.update(kept)

        assert sooner == (("unknown", "look_failed: not_there"), [])
        assert asked_about == [("unknown", "the provider does not show it any more")]


def test_a_look_that_finds_the_object_again_goes_by_it() -> None:
    with Flow(post) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", POSTED)
        flow.advance(minutes=5)
        kept = dict(flow.sandbox.account.invoices)
        flow.sandbox.account.invoices.clear()
        flow.advance(minutes=10)
        flow.sandbox.account.invoices.update(kept)
        flow.advance(minutes=20)

        assert act(flow) == ("done", "found") and times(flow, POSTED) == 1


def test_an_effect_under_the_providers_own_key_is_asked_again_inside_its_life() -> None:
    with Flow(keyed) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", PAID)
        flow.advance(minutes=7)

        assert act(flow) == ("done", None)
        assert asked(flow, PAID) == 2
        requests = [call.data for call in flow.sandbox.calls if call.service == PAID]
        assert requests[0] == requests[1]


def test_an_effect_whose_key_outlived_its_life_is_parked() -> None:
    with Flow(keyed) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", PAID, times=1000)
        flow.advance(hours=2)

        assert act(flow)[0] == "unknown"
        assert [kind for kind, _ in open_items(flow)] == ["unknown"]
        before = asked(flow, PAID)
        flow.advance(hours=1)
        assert asked(flow, PAID) == before


def test_a_cancelled_run_does_not_free_a_slot_whose_effect_may_have_happened() -> None:
    with Flow(keyed) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", PAID)
        flow.advance(minutes=5)
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))
        flow.advance(minutes=10)

        assert act(flow)[0] == "unknown"
        assert [kind for kind, _ in open_items(flow)] == ["unknown"]
        assert asked(flow, PAID) == 1


def test_a_cancelled_run_settles_what_can_be_found_first() -> None:
    with Flow(pay) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", PAID)
        flow.advance(minutes=5)
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))
        flow.advance(minutes=5)

        assert act(flow) == ("done", "found")


def test_a_no_after_a_cancel_cancels_the_effect_instead_of_calling_again() -> None:
    with Flow(pay) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sandbox.faults.add("error-before", PAID)
        flow.advance(minutes=5)
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))
        flow.advance(minutes=10)

        assert act(flow) == ("cancelled", "send.stopped")
        assert flow.runs[0][2:] == ("cancelled", "send.stopped")
        assert asked(flow, PAID) == 1


@pytest.mark.parametrize(
    ("did", "state", "status"), [(True, ("done", "operator_did"), "done"), (False, ("cancelled", "operator_did_not"), "skipped")]
)
def test_a_person_settles_what_is_parked(did: bool, state: tuple[str, str], status: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", "invoice.sendbyemail")
        flow.advance(minutes=6)
        assert [kind for kind, _ in open_items(flow)] == ["unknown"]

        flow.order("resolve", effect_row(flow)["id"], did=did)

        assert act(flow) == state
        assert flow.runs[0][2] == status
        assert open_items(flow) == []


def test_an_event_while_it_is_unknown_asks_nobody_a_second_time() -> None:
    with Flow(mail) as flow:
        ids = flow.trigger("invoice.completed")
        flow.sandbox.faults.add("drop", "invoice.sendbyemail")
        flow.advance(minutes=6)
        flow.clock.pass_(timedelta(minutes=2))
        flow.trigger("invoice.changed", invoice_id=ids["invoice_id"], title="Neu")
        flow.advance(minutes=2)

        assert len(open_items(flow)) == 1
        assert asked(flow, "invoice.sendbyemail") == 1


class Killed(BaseException):
    """The worker is gone."""


def lost_in_the_call(flow: Flow) -> dict[str, str]:
    """An e-mail whose worker is gone while its call is under way."""

    def point(name: str) -> None:
        if name == "calling":
            raise Killed

    ids = flow.trigger("invoice.completed")
    flow.runtime.point = point
    with pytest.raises(Killed):
        flow.advance(minutes=6)
    flow.runtime.point = lambda name: None
    return ids


def deployed(flow: Flow, fn: Any) -> None:
    """Other code under the same name."""
    flow.runtime.registry = Registry([replace(one, fn=fn) for one in flow.runtime.registry.all()])


def test_a_run_whose_code_no_longer_reaches_its_open_effect_is_parked_and_names_the_step() -> None:
    def shortened(run: Run, event: InvoiceCompleted) -> None:
        run.sleep_until(event.at + timedelta(minutes=5))
        run.read("invoice", monsum.invoice, event.invoice_id)

    with Flow(mail, mode="propose") as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        deployed(flow, shortened)
        flow.order("approve", effect_row(flow)["id"])

        assert flow.runs[0][2] == "parked"
        ((kind, reason),) = open_items(flow)
        assert (kind, "step=act" in reason) == ("diverged", True)


@pytest.mark.parametrize(("did", "state"), [(True, ("done", "operator_did")), (False, ("cancelled", "operator_did_not"))])
def test_an_effect_of_a_closed_run_that_may_have_happened_is_put_before_a_person(did: bool, state: tuple[str, str]) -> None:
    with Flow(mail) as flow:
        lost_in_the_call(flow)
        table = table_of(RunRow)
        flow.db.write(lambda c: c.execute(sa.update(table).values(takeovers=5, lease_until=flow.clock.now - timedelta(days=1))))
        flow.settle()
        (item,) = flow.rows(sa.select(table_of(Parked)))
        flow.order("close", str(item["id"]), reason="done with it")
        assert (act(flow), flow.runs[0][2]) == (("unknown", "worker_lost"), "closed")
        assert [kind for kind, _ in open_items(flow)] == ["unknown"]

        flow.order("resolve", effect_row(flow)["id"], did=did)

        assert (act(flow), flow.runs[0][2]) == (state, "closed")
        assert open_items(flow) == []


def test_an_effect_that_may_have_happened_is_put_before_a_person_where_its_run_no_longer_reaches_it_and_is_closed() -> None:
    def waits(run: Run, event: InvoiceCompleted) -> None:
        run.sleep_until(event.at + timedelta(minutes=5))
        run.read("invoice", monsum.invoice, event.invoice_id)
        run.wait_for(name="forever")

    with Flow(mail) as flow:
        ids = lost_in_the_call(flow)
        deployed(flow, waits)
        flow.clock.pass_(timedelta(minutes=1))
        flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids))
        assert flow.runs[0][2] == "parked"
        assert [kind for kind, _ in open_items(flow)] == ["diverged"]

        (item,) = flow.rows(sa.select(table_of(Parked)))
        flow.order("close", str(item["id"]), reason="that step was taken out")
        assert act(flow) == ("unknown", "worker_lost")
        assert [kind for kind, _ in open_items(flow)] == ["unknown"]

        flow.order("resolve", effect_row(flow)["id"], did=False)

        assert act(flow) == ("cancelled", "operator_did_not")


STOPPED = effect(KEYED_SERVICE, slot=slots("settle"), fresh=Read(monsum.invoice, must=completed), unless=(Disputed,))


@workflow("t-keyed-unless", on=InvoiceCompleted)
def keyed_unless(run: Run, event: InvoiceCompleted) -> None:
    letter(run, event, STOPPED)


def test_what_must_not_happen_any_more_is_not_repeated_under_its_key_either() -> None:
    with Flow(keyed_unless) as flow:
        flow.sandbox.faults.add("unavailable", "invoice.setpaid")
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=5)
        flow.signal(Disputed(source="shop", at=flow.clock.now, customer_id=ids["customer_id"], reason="by phone"))
        flow.advance(hours=1)

        assert (act(flow)[0], times(flow, "invoice.setpaid")) == ("unknown", 0)
        assert ("parked", "unknown") in flow.told
