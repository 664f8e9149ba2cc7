"""A prepaid AutoDNS account that runs low: proposed to a person once for each time, and charged by nobody, in any mode."""

from decimal import Decimal

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from tests.workers.routed import events
from workers import desk
from workers.loading import load_folders
from workers.providers import autodns
from workers.testing.autodns import AutodnsFlow

SHIPPED = sorted(one.name for one in load_folders().all() if one.fn.__module__.startswith("workflows."))


def tasks(flow: AutodnsFlow) -> list[tuple[str, str, int]]:
    rows = flow.rows(sa.select(table_of(desk.Task)).order_by(table_of(desk.Task).c.id))
    return [(row["reason"], row["detail"]["amount"], row["detail"]["n"]) for row in rows]


def spend(flow: AutodnsFlow, amount: str) -> None:
    flow.user.account.spend(Decimal(amount))
    flow.advance(minutes=15)


@pytest.mark.parametrize("mode", ["observe", "propose", "auto"])
def test_a_low_account_is_proposed_and_never_charged_whatever_the_mode(mode: str) -> None:
    with AutodnsFlow(*SHIPPED, poll=False, mode=mode) as flow:
        spend(flow, "60.50")
        flow.advance(hours=3)

        assert tasks(flow) == [("autodns_credit_low", "60.50", 1)]
        assert flow.calls == [] and flow.effects == []
        assert flow.told == [("task", "autodns_credit_low")]
        assert flow.user.account.account["runningTotal"] == Decimal("39.50")


def test_each_time_it_runs_low_is_proposed_once() -> None:
    with AutodnsFlow("credits-autodns", poll=False) as flow:
        for amount in ("60.00", "10.00", "-50.00", "30.01"):
            spend(flow, amount)

        assert tasks(flow) == [("autodns_credit_low", "60.00", 1), ("autodns_credit_low", "50.01", 2)]


def test_an_account_that_was_topped_up_meanwhile_is_left_alone() -> None:
    with AutodnsFlow("credits-autodns", poll=False) as flow:
        flow.user.faults.add("unavailable", "account.get", skip=1, times=3)
        spend(flow, "60.00")
        spend(flow, "-60.00")
        flow.advance(minutes=15)

        assert tasks(flow) == [] and len(events(flow, "credit.low")) == 1
        assert [run[3] for run in flow.runs] == ["balance_fine"]


def test_what_is_proposed_fills_the_account_above_its_own_threshold_too() -> None:
    with AutodnsFlow("credits-autodns", poll=False, credit_low="150.00", policy={"target": "20.00"}) as flow:
        flow.advance(minutes=1)

        assert tasks(flow) == [("autodns_credit_low", "50.00", 1)]


def test_there_is_no_service_that_could_charge_it() -> None:
    assert {service.object_kind for service in autodns.SERVICES.values()} == {"", "customer", "message"}


def test_no_shipped_workflow_writes_to_autodns_or_fails_there_even_where_it_may() -> None:
    with AutodnsFlow(*SHIPPED, mode="auto", connect=False, customers=("ix/7",)) as flow:
        flow.user.trigger("customer.created", {"number": "7", "emails": "a@example.com", "vatNumber": "DE136695976"})
        flow.connect()
        flow.user.trigger("customer.updated", {"customer_id": "ix/7", "city": "Bonn"})
        id = flow.user.trigger("invoice.sent")["invoice_id"]
        flow.advance(minutes=40)
        flow.user.trigger("invoice.failed", {"id": id})
        flow.advance(minutes=20)
        flow.user.trigger("invoice.paid", {"id": id})
        flow.advance(minutes=60)

        assert {event["type"] for event in events(flow)} >= {"customer.updated", "invoice.created", "invoice.changed", "invoice.paid"}
        assert [call for call, _ in flow.calls if call != "poll.confirm"] == [] and flow.effects == [] and flow.told == []
        assert not [run for run in flow.runs if run[0] in ("credits", "customers", "customers-vat")]
