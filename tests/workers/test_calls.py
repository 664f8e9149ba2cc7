"""The call: everything that may forbid it is asked at the last moment, and its outcome is believed only as far as it can be."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from receiver.errors import Retryable
from receiver.event import BlockReleased, Disputed, Paused, SendStopped
from tests.workers.letters import act, effect_row, mail, pay, post, times, valid
from workers import calls, control
from workers.chain import EffectLog, Head, OutsideHead
from workers.desk import Alert, Parked
from workers.ledger import EffectRow
from workers.mirror import Mirror
from workers.testing.flow import Flow

SEND = "invoice.sendbyemail"


def steps(flow: Flow) -> list[tuple[str, str]]:
    table = table_of(EffectLog)
    return [(row["before"], row["after"]) for row in flow.rows(sa.select(table).order_by(table.c.seq))]


def parked(flow: Flow) -> list[str]:
    table = table_of(Parked)
    return [row["kind"] for row in flow.rows(sa.select(table).where(table.c.closed_at.is_(None)))]


def test_a_call_that_went_well_goes_from_intended_over_calling_to_done() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        assert steps(flow) == [("", "intended"), ("intended", "calling"), ("calling", "done")]
        assert times(flow, SEND) == 1
        assert flow.runs[0][2] == "done"


@pytest.mark.parametrize("fault", ["refuse", "dns", "tls", "rate"])
def test_nothing_was_asked_so_it_is_asked_again_until_it_is_done(fault: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add(fault, SEND, times=3)
        flow.advance(minutes=10)

        assert steps(flow).count(("calling", "intended")) == 3
        assert act(flow) == ("done", None)
        assert times(flow, SEND) == 1


def test_the_other_sides_wish_to_wait_is_not_undercut() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("rate", SEND)
        flow.advance(minutes=5)

        row = effect_row(flow)
        assert row["wake_at"] >= row["calling_at"] + timedelta(seconds=7)


def test_a_refusal_frees_the_slot_and_parks_the_run_with_the_providers_words() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add("login", SEND)
        flow.advance(minutes=10)

        assert act(flow)[0] == "rejected"
        assert flow.runs[0][2] == "parked"
        assert parked(flow) == ["rejected"]
        assert times(flow, SEND) == 0


@pytest.mark.parametrize(
    "fault", ["drop", "error-after", "not-json", "slow", "drip", "truncate", "no-status", "error-before", "gone", "unavailable"]
)
def test_an_outcome_nobody_knows_is_parked_and_never_asked_again(fault: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add(fault, SEND)
        flow.advance(hours=3)

        assert act(flow)[0] == "unknown"
        assert parked(flow) == ["unknown"]
        assert sum(1 for call in flow.sandbox.calls if call.service == SEND) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("unavailable", "unclear_answer: status 503"),
        ("gone", "unclear_answer: status 404"),
        ("not-json", "unclear_answer: not_json"),
        ("drop", "no_answer"),
    ],
)
def test_the_person_who_must_decide_is_told_whether_an_answer_came_and_which(fault: str, reason: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.sandbox.faults.add(fault, SEND)
        flow.advance(minutes=10)

        assert act(flow) == ("unknown", reason)


def test_a_request_past_its_validity_expires_uncalled() -> None:
    with Flow(valid) as flow:
        flow.sandbox.faults.add("unavailable", "invoice.get", times=100, skip=1)
        flow.trigger("invoice.completed")
        flow.advance(hours=2)

        assert act(flow) == ("expired", "expired")
        assert flow.runs[0][2:] == ("skipped", "expired")
        assert times(flow, SEND) == 0


def test_a_block_set_before_the_call_forbids_it() -> None:
    with Flow(mail) as flow:
        ids = flow.trigger("invoice.completed")
        flow.signal(Disputed(source="shop", at=flow.clock.now, **ids, reason="wrong amount"))
        flow.advance(minutes=10)

        assert flow.runs[0][2:] == ("skipped", "dispute")
        assert times(flow, SEND) == 0


def test_a_block_on_the_customer_reaches_an_invoice_that_comes_later() -> None:
    with Flow(mail) as flow:
        customer = flow.trigger("customer.created")["customer_id"]
        flow.signal(Paused(source="shop", at=flow.clock.now, customer_id=customer, reason="moving"))
        flow.trigger("invoice.completed", customer_id=customer)
        flow.advance(minutes=10)

        assert flow.runs[0][2:] == ("skipped", "pause")


def test_a_block_released_before_the_call_forbids_nothing() -> None:
    with Flow(mail) as flow:
        ids = flow.trigger("invoice.completed")
        flow.signal(Disputed(source="shop", at=flow.clock.now, **ids, reason="wrong amount"))
        flow.signal(BlockReleased(source="shop", at=flow.clock.now, **ids, kind="dispute"))
        flow.advance(minutes=10)

        assert act(flow) == ("done", None)


def at_point(flow: Flow, name: str, do: Any) -> None:
    """Let `do` happen when the engine first passes `name`."""
    left = [do]

    def point(passed: str) -> None:
        if passed == name and left:
            left.pop()()

    flow.runtime.point = point


def put(flow: Flow, name: str, value: Any) -> None:
    flow.db.write(lambda c: control.put(c, name, value, at=flow.clock.now))


def test_a_block_set_between_the_read_and_the_call_wins() -> None:
    with Flow(mail) as flow:
        ids = flow.trigger("invoice.completed")
        at_point(flow, "read", lambda: flow.signal(Disputed(source="shop", at=flow.clock.now, **ids, reason="wrong")))
        flow.advance(minutes=10)

        assert act(flow) == ("cancelled", "dispute")
        assert flow.runs[0][2:] == ("skipped", "dispute")
        assert times(flow, SEND) == 0


def test_a_stop_between_the_read_and_the_call_wins() -> None:
    with Flow(mail) as flow:
        ids = flow.trigger("invoice.completed")
        at_point(flow, "read", lambda: flow.signal(SendStopped(source="shop", at=flow.clock.now, **ids)))
        flow.advance(minutes=10)

        assert act(flow) == ("cancelled", "send.stopped")
        assert flow.runs[0][2:] == ("cancelled", "send.stopped")
        assert times(flow, SEND) == 0


@pytest.mark.parametrize(
    ("mode", "state", "reason"),
    [("off", "cancelled", "mode_changed"), ("observe", "cancelled", "mode_changed"), ("propose", "proposed", "mode_changed")],
)
def test_a_mode_lowered_between_the_read_and_the_call_wins(mode: str, state: str, reason: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        at_point(flow, "read", lambda: flow.set_mode("t-mail", mode))
        flow.advance(minutes=10)

        assert act(flow) == (state, reason)
        assert times(flow, SEND) == 0


@pytest.mark.parametrize("name", ["freeze", "pause:shop:*", "pause:*:t-mail", "pause:shop:t-mail"])
def test_a_freeze_or_pause_holds_the_call_back_until_it_is_lifted(name: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        put(flow, name, {"reason": "operator"})
        flow.advance(hours=1)
        assert act(flow)[0] == "intended"
        reads = sum(1 for call in flow.sandbox.calls if call.service == "invoice.get")

        put(flow, name, None)
        flow.advance(minutes=2)

        assert act(flow) == ("done", None)
        assert reads < 20  # one for the run, the rest are scans


@pytest.mark.parametrize("name", ["freeze", "pause:shop:t-mail"])
def test_a_freeze_or_pause_between_the_read_and_the_call_wins(name: str) -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        at_point(flow, "read", lambda: put(flow, name, {"reason": "operator"}))
        flow.advance(minutes=10)
        held = act(flow), times(flow, SEND)

        put(flow, name, None)
        flow.advance(minutes=2)

        assert held == (("intended", None), 0)
        assert times(flow, SEND) == 1


def test_a_pause_of_another_workflow_holds_nothing_back() -> None:
    with Flow(mail) as flow:
        put(flow, "pause:shop:other", {"reason": "operator"})
        flow.trigger("invoice.completed")
        flow.advance(minutes=10)

        assert act(flow) == ("done", None)


def test_a_read_older_than_a_minute_is_made_again_before_the_call() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=4)
        at_point(flow, "read", lambda: flow.clock.pass_(timedelta(seconds=61)))
        flow.advance(minutes=10)

        asked = flow.sandbox.calls
        sent = next(place for place, call in enumerate(asked) if call.service == SEND)
        reads = [call.at for call in asked[:sent] if call.service == "invoice.get"]
        assert asked[sent].at - max(reads) < calls.READ_AGE
        assert act(flow) == ("done", None)


def test_what_the_fresh_read_shows_decides_not_what_the_run_read_earlier() -> None:
    with Flow(mail) as flow:
        ids = flow.trigger("invoice.completed")
        at_point(flow, "intended", lambda: flow.sandbox.trigger("invoice.canceled", ids))
        flow.advance(minutes=10)

        assert act(flow) == ("cancelled", "canceled")
        assert times(flow, SEND) == 0


def test_an_object_that_is_gone_cancels_the_effect() -> None:
    with Flow(mail) as flow:
        ids = flow.trigger("invoice.completed")
        at_point(flow, "intended", lambda: flow.sandbox.account.invoices.pop(ids["invoice_id"]))
        flow.advance(minutes=10)

        assert act(flow) == ("cancelled", "not_found")


def test_a_first_byte_that_would_leave_too_late_does_not_leave() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")

        def late() -> None:
            flow.clock.boot += 5.5

        at_point(flow, "calling", late)
        flow.advance(minutes=5)

        assert steps(flow)[-1] == ("calling", "intended")
        assert times(flow, SEND) == 0
        flow.advance(minutes=1)
        assert times(flow, SEND) == 1


class Unwritable(OutsideHead):
    """A ledger-head directory on a full disk."""

    def keep(self, head: Head) -> None:
        raise OSError("no space left on device")


def test_nothing_is_called_while_the_ledgers_head_cannot_be_kept_outside() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        kept, flow.runtime.head = flow.runtime.head, Unwritable(None, "")
        flow.advance(minutes=10)
        assert times(flow, SEND) == 0

        flow.runtime.head = kept
        flow.advance(minutes=20)

        assert times(flow, SEND) == 1


def test_a_settled_write_stands_on_the_mirror_so_its_webhook_is_no_news() -> None:
    with Flow(pay) as flow:
        ids = flow.trigger("invoice.completed")
        flow.advance(minutes=6)
        table = table_of(Mirror)
        row = flow.rows(sa.select(table).where(table.c.kind == "invoice"))[0]

        assert row["paid"]
        assert row["object_id"] == ids["invoice_id"]


def test_the_head_of_the_fresh_read_is_kept_with_the_effect() -> None:
    with Flow(post) as flow:
        flow.trigger("invoice.completed")
        flow.advance(minutes=6)

        row = effect_row(flow)
        assert row["before"]["id"] == row["object_id"]
        assert len(row["fresh_hash"]) == 64


def test_a_read_that_cannot_be_made_puts_the_effect_off_and_says_so() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        at_point(flow, "intended", lambda: flow.sandbox.faults.add("unavailable", "invoice.get", times=3))
        flow.advance(minutes=5)
        assert act(flow) == ("intended", "read_failed: status 503")
        assert flow.runs[0][2:] == ("waiting", "read_failed: status 503")

        flow.advance(minutes=2)

        assert act(flow) == ("done", None)
        table = table_of(EffectRow)
        assert flow.rows(sa.select(table.c.calls))[0]["calls"] == 1


def test_effects_whose_reads_keep_failing_raise_one_alert() -> None:
    with Flow(mail) as flow:
        flow.trigger("invoice.completed")
        at_point(flow, "intended", lambda: flow.sandbox.faults.add("login", "invoice.get", times=1000))
        flow.advance(hours=1)

        table = table_of(Alert)
        alerts = flow.rows(sa.select(table).where(table.c.reason == "provider_unreadable"))
        assert [(row["subject"], row["detail"]["why"].partition(": ")[2]) for row in alerts] == [("shop", "credentials")]


def test_the_alert_of_reads_that_failed_ends_once_an_effect_could_read_again() -> None:
    with Flow(mail, scans=False) as flow:
        flow.trigger("invoice.completed")
        at_point(flow, "intended", lambda: flow.sandbox.faults.add("unavailable", "invoice.get", times=6))
        while ("alert", "provider_unreadable") not in flow.told:
            flow.advance(seconds=10)
        during = act(flow)
        flow.advance(hours=2)

        assert (during[0], act(flow), flow.told) == ("intended", ("done", None), [])


def test_a_block_on_a_customer_the_trigger_did_not_name_forbids_the_call() -> None:
    with Flow(mail) as flow:
        ids = flow.sandbox.trigger("invoice.completed", {})
        flow.signal(Paused(source="shop", at=flow.clock.now, customer_id=ids["customer_id"], reason="hold"))
        for notification in flow.sandbox.drain():
            said = json.loads(notification.body)
            said.pop("customer", None)
            said.get("invoice", {}).pop("customer_id", None)
            flow.deliver(json.dumps(said).encode())
        flow.advance(minutes=6)

        assert act(flow) == ("cancelled", "pause")
        assert times(flow, SEND) == 0


def test_retryable_says_how_long_the_other_side_wants_to_be_left_alone() -> None:
    assert Retryable(retry_after_s=7.0).retry_after_s == 7.0
