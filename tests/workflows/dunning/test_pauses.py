"""A pause that is longer than the policy allows is cut, and people hear of it."""

from datetime import date
from typing import Any

import pytest

from workers.authoring import Paused

from .cases import L0, L1
from .conftest import Office, Open


def pause(office: Office, invoice: str, until: date | None, **said: Any) -> Paused:
    whose = {"customer_id": office.customer_of(invoice), "invoice_id": invoice, **said}
    return Paused(source="shop", at=office.flow.clock.now, reason="asked for time", until=until, **whose)


@pytest.mark.parametrize("whose", [{}, {"invoice_id": None}], ids=["invoice", "customer"])
@pytest.mark.parametrize("until", [date(2026, 12, 31), None], ids=["too long", "without end"])
def test_a_longer_pause_ends_when_the_policy_says_and_is_told_of(open_office: Open, until: date | None, whose: dict[str, Any]) -> None:
    office = open_office("2026-04-20 10:00", policy={"pause_days_max": 10})
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.flow.signal(pause(office, invoice, until, **whose))

    office.until("2026-04-30")
    rested = (office.ladder(invoice), office.sent)
    office.until("2026-05-08")

    assert rested == (("resting", "paused"), [])
    assert office.sent == ["2026-05-04"]
    assert office.flow.told.count(("alert", "pause_cut")) == 1
    assert ("task", "pause_ends") in office.flow.told


def test_a_shorter_pause_is_left_as_it_is(open_office: Open) -> None:
    office = open_office("2026-04-20 10:00", policy={"pause_days_max": 10})
    invoice = office.invoice()
    office.reached(invoice, L0, L1)
    office.flow.signal(pause(office, invoice, date(2026, 4, 24)))

    office.until("2026-04-27")

    assert office.sent == ["2026-04-27"]
    assert ("alert", "pause_cut") not in office.flow.told
