"""Qvickly's callbacks in the router: hints that say no time, and words nobody knows."""

from collections.abc import Iterator

import pytest

from receiver.event import PaymentReported
from receiver.settings import SourceSettings
from tests.receiver.sources.callbacks import as_form, callback, recorded
from tests.workers.routed import events, outcome
from workers.authoring import Run, workflow
from workers.settings import account_of
from workers.testing.flow import Flow


@workflow("t-hinted-at", on=PaymentReported)
def hinted(run: Run, event: PaymentReported) -> None:
    """Starts, and ends at once."""


@pytest.fixture
def flow() -> Iterator[Flow]:
    with Flow(hinted) as made:
        made.runtime.accounts = {"shop": account_of(SourceSettings(name="shop", kind="qvickly"), None)}
        yield made


def test_a_callback_is_an_event_of_the_instant_it_arrived(flow: Flow) -> None:
    flow.deliver(recorded("callback_paid_swish.json"))

    (event,) = events(flow, "payment.reported")
    assert (event["invoice_id"], event["data"]["status"], event["at"], event["proof"]) == ("1000236", "paid", flow.clock.now, "signed")
    assert [run[:2] for run in flow.runs] == [("t-hinted-at", "invoice:1000236")]


def test_a_callback_that_was_tried_for_months_starts_what_a_fresh_one_does(flow: Flow) -> None:
    flow.advance(days=100)

    flow.deliver(recorded("callback_paid_swish.json"))

    assert len(flow.runs) == 1


def test_the_same_callback_in_another_wrapping_is_no_second_hint(flow: Flow) -> None:
    body = recorded("callback_paid_swish.json")
    flow.deliver(body)

    again = flow.deliver(as_form(body))

    assert outcome(flow, again)[0] == "nothing"
    assert "wrapped otherwise" in outcome(flow, again)[1]
    assert len(events(flow)) == 1 and not flow.told


def test_the_same_bytes_again_are_no_second_hint(flow: Flow) -> None:
    first = flow.deliver(recorded("callback_paid_swish.json"))
    flow.advance(days=31)

    assert flow.deliver(recorded("callback_paid_swish.json")) == first
    assert len(events(flow)) == len(flow.runs) == 1


def test_a_status_nobody_knows_is_put_before_a_person_and_starts_nothing(flow: Flow) -> None:
    told = flow.deliver(callback({"number": "7", "status": "Elsewhere"}))

    assert outcome(flow, told)[0] == "parked"
    assert ("parked", "invalid") in flow.told
    assert not events(flow) and not flow.runs


def test_a_session_event_is_kept_and_nothing_follows(flow: Flow) -> None:
    told = flow.deliver(recorded("callback_session_event_unsigned.json"))

    assert outcome(flow, told) == ("nothing", "unknown_type")
    assert not events(flow)
