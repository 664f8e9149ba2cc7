"""The first invoice without VAT asks about the VAT id once more; nobody knowing is told at once, and never holds an invoice."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from workers.sandbox.notices import Notices
from workers.simulate.plugs import NO_ROWS
from workers.testing.flow import Flow
from workflows.customers.reverse_charge import NAME, QUIET, before_first_use, country_of, is_abroad

ABROAD, OTHER = "ATU13585627", "FR23334175221"
CHECK = "customer.checkvatid"
UNKNOWN, INVALID = ("alert", "reverse_charge_vat_id_unknown"), ("task", "reverse_charge_vat_id_invalid")


def asked(flow: Flow) -> list[str]:
    return [str(call.data["VAT_ID"]) for call in flow.sandbox.calls if call.service == CHECK]


def customer(flow: Flow, vat_id: str = ABROAD) -> str:
    return flow.trigger("customer.created", vat_id=vat_id)["customer_id"]


def draft(flow: Flow, whose: str, *, percent: str = "0.00") -> str:
    """A draft at one rate of VAT, the provider's notification of which is on its way; its id."""
    record = flow.sandbox.account.new_invoice(flow.sandbox.account.customers[whose], {})
    record["ITEMS"] = [{"DESCRIPTION": "Beratung", "QUANTITY": "1", "UNIT_PRICE": "500.00", "VAT_PERCENT": percent}]
    flow.sandbox.account.total(record)
    Notices(flow.sandbox.account, flow.sandbox.outbox.publish).invoice("created", record)
    return str(record["INVOICE_ID"])


def invoice(flow: Flow, whose: str, *, percent: str = "0.00") -> str:
    """A completed invoice; its id."""
    return flow.trigger("invoice.completed", invoice_id=draft(flow, whose, percent=percent))["invoice_id"]


def test_the_first_invoice_without_vat_asks_once_and_the_next_ones_do_not() -> None:
    with Flow(before_first_use) as flow:
        whose = customer(flow)
        invoice(flow, whose)

        invoice(flow, whose)

        assert (asked(flow), flow.told) == ([ABROAD], [])


def test_what_it_had_no_business_with_is_no_row_of_a_simulation() -> None:
    assert NO_ROWS[NAME] == set(QUIET)


def test_another_number_is_asked_about_again() -> None:
    with Flow(before_first_use) as flow:
        whose = customer(flow)
        invoice(flow, whose)

        flow.trigger("customer.updated", customer_id=whose, vat_id=OTHER)
        invoice(flow, whose)

        assert asked(flow) == [ABROAD, OTHER]


@pytest.mark.parametrize(("vat_id", "percent"), [(ABROAD, "20.00"), ("DE136695976", "0.00"), ("", "0.00"), ("CHE107787577IVA", "0.00")])
def test_an_invoice_with_vat_or_of_somebody_at_home_or_outside_the_union_asks_nothing(vat_id: str, percent: str) -> None:
    with Flow(before_first_use) as flow:
        invoice(flow, customer(flow, vat_id), percent=percent)

        assert (asked(flow), flow.told) == ([], [])


def test_an_invoice_that_was_told_with_its_vat_is_not_even_read() -> None:
    with Flow(before_first_use) as flow:
        whose = customer(flow)
        before, id = len(flow.sandbox.calls), draft(flow, whose, percent="20.00")
        flow.sandbox.drain()  # nothing was told of the draft

        flow.trigger("invoice.completed", invoice_id=id)

        assert flow.sandbox.calls[before:] == []


@pytest.mark.parametrize("vat_id", [ABROAD, "ATU13585628"], ids=["the provider says so", "it cannot exist"])
def test_an_invalid_number_is_a_task_that_names_the_invoice(vat_id: str) -> None:
    with Flow(before_first_use) as flow:
        flow.sandbox.account.vat_answers[ABROAD] = "invalid"

        invoice(flow, customer(flow, vat_id))

        assert flow.told == [INVALID]


def test_an_outage_is_told_at_once_is_no_verdict_and_is_asked_about_again() -> None:
    with Flow(before_first_use) as flow:
        flow.sandbox.faults.add("unavailable", CHECK, times=2)
        invoice(flow, customer(flow))
        at_once = flow.told
        began = flow.clock.now

        for hours in (0.09, 1.01):
            flow.clock.move(began + timedelta(hours=hours))
            flow.advance(seconds=1)

        assert at_once == [UNKNOWN]
        assert (len(asked(flow)), flow.told) == (3, [UNKNOWN])


def test_after_a_lasting_outage_the_next_invoice_asks_anew() -> None:
    with Flow(before_first_use, policy={"retry": ["5m"]}) as flow:
        flow.sandbox.faults.add("unavailable", CHECK, times=4)  # both tries, for the draft and for the completed invoice
        whose = customer(flow)
        invoice(flow, whose)
        for minutes in (6, 6):
            flow.clock.move(flow.clock.now + timedelta(minutes=minutes))
            flow.advance(seconds=1)
        before = len(asked(flow))

        invoice(flow, whose)

        assert (before, len(asked(flow))) == (4, 5)


def test_a_number_that_changes_during_an_outage_is_asked_about_in_place_of_the_old_one() -> None:
    with Flow(before_first_use) as flow:
        flow.sandbox.faults.add("unavailable", CHECK)
        whose = customer(flow)
        draft(flow, whose)
        flow.notify()
        flow.settle()

        flow.trigger("customer.updated", customer_id=whose, city="Paris", vat_id=OTHER)

        assert asked(flow) == [ABROAD, OTHER]


@pytest.mark.parametrize(("percent", "calls"), [("0.00", [ABROAD]), ("20.00", [])])
def test_a_draft_is_looked_at_before_it_is_an_invoice(percent: str, calls: list[str]) -> None:
    with Flow(before_first_use) as flow:
        draft(flow, customer(flow), percent=percent)

        flow.notify()
        flow.settle()

        assert asked(flow) == calls


@pytest.mark.parametrize(
    ("vat_id", "own", "abroad"),
    [(ABROAD, "DE", True), (ABROAD, "AT", False), ("EL094259216", "DE", True), ("EL094259216", "GR", False), ("GB1", "DE", False)],
)
def test_abroad_is_another_member_state(vat_id: str, own: str, abroad: bool) -> None:
    assert is_abroad(vat_id, own) is abroad


@pytest.mark.parametrize(("zone", "country"), [("Europe/Berlin", "DE"), ("Europe/Stockholm", "SE"), ("UTC", None)])
def test_the_zone_of_an_account_names_its_country(zone: str, country: str | None) -> None:
    assert country_of(ZoneInfo(zone)) == country
