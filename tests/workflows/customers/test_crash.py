"""A worker may be lost at any instant of a check before the first invoice without VAT: people hear once, and the answer is kept once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from receiver.db import table_of
from workers.events import EventRow
from workers.testing.flow import Flow
from workflows.customers.reverse_charge import VatIdChecked, before_first_use

from .test_reverse_charge import ABROAD, CHECK, INVALID, UNKNOWN, draft


def first_invoice(flow: Flow) -> None:
    """A draft without VAT is told of while the provider cannot tell; asked again five minutes later, it says no."""
    (whose,) = flow.sandbox.account.customers
    flow.sandbox.account.vat_answers[ABROAD] = "invalid"
    flow.sandbox.faults.add("unavailable", CHECK)
    draft(flow, whose)
    flow.notify()
    flow.settle()
    flow.clock.move(flow.clock.now + timedelta(minutes=6))
    flow.advance(seconds=1)


def opened() -> Flow:
    flow = Flow(before_first_use)
    flow.trigger("customer.created", vat_id=ABROAD)
    return flow


def wrong(flow: Flow) -> Iterator[str]:
    """What does not hold between what was answered, what is kept of it and what people were told."""
    table = table_of(EventRow)
    kept = [row["data"]["verdict"] for row in flow.rows(sa.select(table).where(table.c.type == VatIdChecked.type))]
    if len(kept) > 1:
        yield f"kept {kept}"
    if any(flow.told.count(one) > 1 for one in (UNKNOWN, INVALID)):
        yield f"told {flow.told}"
    if kept and INVALID not in flow.told:
        yield "an invalid number is kept and nobody was told"


def test_without_a_crash_people_hear_of_both_answers() -> None:
    with opened() as flow:
        first_invoice(flow)

        assert (flow.told, list(wrong(flow))) == ([UNKNOWN, INVALID], [])


def test_a_crash_at_a_sample_of_points_tells_and_keeps_once() -> None:
    with opened() as flow:
        explored = flow.crash_everywhere(first_invoice, again=(), only=range(3, 200, 9), holds=wrong)

    assert len(explored.schedules) > 2


@pytest.mark.slow
def test_a_crash_at_any_point_tells_and_keeps_once() -> None:
    with opened() as flow:
        explored = flow.crash_everywhere(first_invoice, holds=wrong)

    assert len(explored.schedules) > 60
