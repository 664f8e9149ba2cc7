"""A prepaid account is compared at every poll: each crossing of its threshold is told once, and counted."""

from decimal import Decimal
from typing import Any

import pytest

from receiver.sources.autodns_events import CreditLow, CreditRestored
from tests.workers.routed import events
from workers.authoring import Run, workflow
from workers.testing.autodns import AutodnsFlow


@workflow("t-low", on=(CreditLow, CreditRestored), key=lambda event: f"{event.type}/{event.n}")
def low(run: Run, event: Any) -> None:
    """Starts, and ends at once."""


def spend(flow: AutodnsFlow, amount: str) -> None:
    flow.user.account.spend(Decimal(amount))
    flow.advance(minutes=15)


def told(flow: AutodnsFlow) -> list[tuple[str, int, str]]:
    return [(e["type"], e["data"]["n"], e["data"]["available"]["amount"]) for e in events(flow, "credit.low", "credit.restored")]


def test_each_time_it_falls_below_is_told_once_and_counted() -> None:
    with AutodnsFlow(low, poll=False) as flow:
        for amount in ("50.00", "0.01", "10.00", "-20.00", "5.00", "20.00"):
            spend(flow, amount)

        assert told(flow) == [("credit.low", 1, "49.99"), ("credit.restored", 1, "59.99"), ("credit.low", 2, "34.99")]
        assert [run[1] for run in flow.runs] == ["credit.low/1", "credit.restored/1", "credit.low/2"]


def test_a_balance_that_equals_the_threshold_is_fine() -> None:
    with AutodnsFlow(low, poll=False) as flow:
        spend(flow, "50.00")

        assert told(flow) == []


def test_the_credit_limit_may_be_spent_too() -> None:
    with AutodnsFlow(low, poll=False) as flow:
        flow.user.account.account["creditLimit"] = Decimal("30.00")
        spend(flow, "75.00")
        spend(flow, "5.01")

        assert told(flow) == [("credit.low", 1, "49.99")]


def test_a_threshold_of_ones_own_beats_the_accounts() -> None:
    with AutodnsFlow(low, poll=False, credit_low="20.00") as flow:
        spend(flow, "79.99")
        spend(flow, "0.02")

        assert told(flow) == [("credit.low", 1, "19.99")]


def test_without_any_threshold_nothing_is_told() -> None:
    with AutodnsFlow(low, poll=False) as flow:
        flow.user.account.account["minRunningTotalNotification"] = None
        spend(flow, "99.00")

        assert told(flow) == [] and not flow.told


def test_an_account_that_is_low_when_it_is_connected_is_told() -> None:
    with AutodnsFlow(low, poll=False, connect=False) as flow:
        flow.user.account.spend(Decimal("60.00"))
        flow.connect()

        flow.advance(minutes=15)

        assert told(flow) == [("credit.low", 1, "40")]


@pytest.mark.parametrize("fault", ["unavailable", "drop", "not-json", "rate", "no-status"])
def test_a_read_that_fails_is_made_again_and_nothing_is_told_of_it(fault: str) -> None:
    with AutodnsFlow(low, poll=False) as flow:
        flow.user.faults.add(fault, "account.get")
        spend(flow, "60.00")
        flow.advance(minutes=30)

        assert told(flow) == [("credit.low", 1, "40")] and not flow.told


def test_an_account_nobody_can_read_is_told_to_people_and_never_taken_for_zero() -> None:
    with AutodnsFlow(low, poll=False) as flow:
        flow.user.account.account["runningTotal"] = None

        flow.advance(hours=2)

        assert told(flow) == [] and [kind for kind, _ in flow.told] == ["alert"]


def test_the_worker_may_be_lost_anywhere_and_each_crossing_is_told_once() -> None:
    with AutodnsFlow(low, strict=False, poll=False) as flow:

        def scenario(one: AutodnsFlow) -> None:
            for amount in ("60.00", "-30.00"):
                spend(one, amount)
                one.advance(minutes=20)  # a poll that is lost is made at the next

        def holds(one: Any) -> list[str]:
            return [] if [turn[:2] for turn in told(one)] == [("credit.low", 1), ("credit.restored", 1)] else ["told otherwise"]

        explored = flow.crash_everywhere(scenario, again=(), only=range(1, 400, 3), holds=holds)

        assert explored.points["account-compared"] > 0 and len(explored.schedules) > 10
